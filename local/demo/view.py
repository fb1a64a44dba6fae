"""What the page shows, as JSON: the accounts, and one chat from all sides."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dealtalk.agent.profile import Profile, parse_profile
from dealtalk.connection_store import connection_from_item, connection_key
from dealtalk.connections import Connection, ConnectionState, Mode, connection_id
from dealtalk.conversation.state import milliseconds
from dealtalk.takeover import must_poll
from local.demo.story import chapters

if TYPE_CHECKING:
    from dealtalk.conversation.state import State
    from local.demo.connecting import ConnectedAccount
    from local.demo.watcher import Watcher

CHAPTERS = 12


class View:
    """Composes the page's JSON."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._profiles = {
            account.subdomain: parse_profile(account.profile.read_text(encoding="utf-8"), source=account.profile.name)
            for account in watcher.world.accounts
        }

    def overview(self) -> dict[str, Any]:
        """Return who answers, and the accounts with their people and pipelines."""
        world = self._watcher.world
        connected = {account.subdomain: account for account in world.accounts}
        return {
            "model": {
                "name": world.answering.model,
                "is_stand_in": world.answering.is_stand_in,
                "said_plainly": world.answering.said_plainly,
            },
            "accounts": [
                {
                    "subdomain": about["subdomain"],
                    "name": about["name"],
                    "platform": about["settings"]["platform"],
                    "language": connected[about["subdomain"]].language,
                    "bot": self._profiles[about["subdomain"]].name,
                    "people": [user["name"] for user in about["users"] if user["is_active"]],
                    "pipelines": about["pipelines"],
                    "bot_fields": [rule.name for rule in self._profiles[about["subdomain"]].changes.fields],
                }
                for about in world.control.accounts()
                if about["subdomain"] in connected
            ],
        }

    def chats(self, subdomain: str) -> list[dict[str, Any]]:
        """Return the account's chats, the newest first, each with its last line."""
        shown = self._watcher.world.control.state(subdomain)
        return [
            {
                "chat": each["chat_id"],
                "contact": each["contact"],
                "origin": each["origin"],
                "last": each["lines"][-1]["text"] if each["lines"] else "",
            }
            for each in reversed(shown["chats"])
        ]

    def chat(self, subdomain: str, chat: str) -> dict[str, Any]:
        """Return one chat from all sides: lines, deal, bot, chapters; `version` changes when any of it does.

        Raises KeyError where there is no such account, IndexError where there is no such chat.
        """
        account = self._watcher.world.account(subdomain)
        crm = self._watcher.crm(account, chat)
        told = chapters(self._watcher.story(account, chat))[-CHAPTERS:]
        shown = {
            "contact": crm["talk"]["contact"],
            "origin": crm["talk"]["origin"],
            "lines": [_line(line) for line in crm["lines"]],
            "deal": _deal(crm["deal"], self._watcher.world.crm.dialogue.own_fields),
            "bot": self._bot(account, chat),
            "chapters": [chapter.as_json() for chapter in told],
        }
        return shown | {"version": hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:16]}

    def _bot(self, account: ConnectedAccount, chat: str) -> dict[str, Any]:
        """Return what the bot does in this chat right now, and until when."""
        state = self._watcher.state(account, chat)
        profile, connection = self._profiles[account.subdomain], self._connection(account)
        resume = resume_at(state, profile)
        return {
            "name": profile.name,
            "phase": phase(state, connection, resume, datetime.now(UTC)),
            "resume_at": milliseconds(resume) if resume else None,
            "polls": must_poll(profile, connection),
            "trouble": connection.state_reason if connection.state is ConnectionState.NEEDS_ATTENTION else "",
        }

    def _connection(self, account: ConnectedAccount) -> Connection:
        key = connection_key(account.crm, connection_id(account.key))
        return connection_from_item(self._watcher.table.read([key])[key])


def resume_at(state: State, profile: Profile) -> datetime | None:
    """Return when the bot comes back to a chat that a person leads; None: not by itself, or nobody leads."""
    minutes = profile.takeover.resume_after_minutes
    if state.mode is not Mode.HUMAN or state.employee_at is None or minutes < 0:
        return None
    return state.employee_at + timedelta(minutes=minutes)


def phase(state: State, connection: Connection, resume: datetime | None, now: datetime) -> str:
    """Return the bot's phase in a chat: off, human, answering, waiting or ready."""
    if Mode.OFF in {state.mode, connection.mode} or connection.state is ConnectionState.OFF:
        return "off"
    if state.mode is Mode.HUMAN and (resume is None or resume > now):
        return "human"
    if state.turn is not None:
        return "answering"
    return "waiting" if state.is_waiting else "ready"


def _line(line: dict[str, Any]) -> dict[str, Any]:
    names = ("id", "who", "author", "text", "outgoing", "via")
    attachment = line["attachment"]
    return {name: line[name] for name in names} | {
        "at": line["created_at"] * 1000,
        "attachment": attachment["type"] if attachment else None,
    }


def _deal(deal: dict[str, Any] | None, hidden: frozenset[str]) -> dict[str, Any] | None:
    if deal is None:
        return None
    history = [change for change in deal["history"] if change["what"] not in hidden]
    fields = {name: value for name, value in deal["fields"].items() if name not in hidden}
    return deal | {"history": [change | {"at": int(change["at"] * 1000)} for change in history], "fields": fields}
