"""A chat of an open line: what was said in it, sending into it, leaving it to a person.

Follows imbot.v2.Chat.Message.send, imbot.message.add, imopenlines.dialog.get, imopenlines.session.history.get and
imopenlines.bot.session.*. A send has no idempotency key: whether it happened is seen in the session's history.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dealtalk.crm.bitrix24.api import Command, number
from dealtalk.crm.bitrix24.entity import read_session
from dealtalk.crm.bitrix24.errors import Refused
from dealtalk.crm.bitrix24.fields import instant
from dealtalk.crm.bitrix24.inbound import is_echo
from dealtalk.crm.bitrix24.options import Handover, Interface
from dealtalk.errors import OutcomeUnknown, Permanent
from dealtalk.messages import normalised_hash
from dealtalk.ports import Certainty, Receipt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dealtalk.crm.bitrix24.api import Api, Json
    from dealtalk.crm.bitrix24.options import BitrixOptions
    from dealtalk.messages import Chat

SKEW = timedelta(seconds=5)
SYSTEM = "0"
WAY = "chat bot"
"""How a reply was sent, as the timeline shows it."""
LEADS_ALREADY = frozenset({"WRONG_CHAT", "ACCESS_DENIED", "ACCESS_ERROR", "CHAT_ID"})
"""Refusals of a handover that mean that there is nothing left to hand over."""

_log = logging.getLogger(__name__)
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a session's history."""

    at: datetime
    sender: str
    text: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A session's messages, oldest first, who of their senders are people of the company, and who owns the chat."""

    messages: tuple[Said, ...]
    people: frozenset[str]
    owner: str


@dataclass(slots=True)
class Chats:
    """The chats of one connection. `bot_token` is None where an app's own token is enough."""

    api: Api
    options: BitrixOptions
    bot_token: str | None

    def send(self, chat: Chat, text: str) -> Receipt:
        """Send one message as the bot. Raises Permanent where the bot is not in the chat any more."""
        try:
            if self.options.interface is Interface.V2:
                fields = {"message": text, "urlPreview": False}
                params = {**self._bot(), "dialogId": f"chat{number(chat.chat_id)}", "fields": fields}
                answer = self.api.write("imbot.v2.Chat.Message.send", params)
            else:
                params = {**self._bot(), "DIALOG_ID": f"chat{number(chat.chat_id)}", "MESSAGE": text}
                answer = self.api.write("imbot.message.add", {**params, "SYSTEM": "N", "URL_PREVIEW": "N"})
        except Refused as refusal:
            msg = f"Bitrix24 takes no message of the bot in this chat ({refusal.code or refusal.status})"
            raise Permanent(msg) from None
        message_id = answer.get("id") if isinstance(answer, dict) else answer
        if not message_id or isinstance(message_id, bool):
            msg = "Bitrix24 did not name the message that it sent"
            raise OutcomeUnknown(msg)
        return Receipt(str(message_id), confirmed=True, way=WAY)

    def was_sent(self, chat: Chat, text: str, since: datetime) -> Certainty:
        """Return whether the bot's text stands in the session since `since`."""
        seen = self.look(chat)
        if seen is None:
            return Certainty.UNKNOWN
        wanted = normalised_hash(text)
        mine = (each for each in seen.messages if each.sender == self.options.bot_id and each.at >= since - SKEW)
        return Certainty.YES if any(normalised_hash(each.text) == wanted for each in mine) else Certainty.NO

    def person_leads(self, chat: Chat, since: datetime) -> bool:
        """Return whether a person wrote after `since`, or owns the chat and something happened in it since then.

        That an operator took the dialog leaves only words of the system, which name no kind.
        """
        seen = self.look(chat)
        if seen is None:
            return False
        later = [each for each in seen.messages if each.at > since]
        if any(each.sender in seen.people or is_echo(each.text) for each in later):
            return True
        owned = self.options.owner_leads and seen.owner not in {"", SYSTEM, self.options.bot_id}
        return owned and any(each.sender == SYSTEM for each in later)

    def look(self, chat: Chat) -> Seen | None:
        """Return what was said in the chat's session and who owns the chat; None where it may not be seen.

        One call; one more where the message did not name its session.
        """
        dialog = Command("imopenlines.dialog.get", {"CHAT_ID": number(chat.chat_id)})
        session = chat.talk_id
        if session is None:
            try:
                found = self.api.read(dialog.method, dialog.params)
            except Refused:
                return None
            session = read_session(str(found.get("entity_data_1") or "")) if isinstance(found, dict) else None
            if session is None:
                return None
        history = Command("imopenlines.session.history.get", {"SESSION_ID": number(session)})
        batch = self.api.batch({"dialog": dialog, "history": history})
        said, about = batch.results.get("history"), batch.results.get("dialog")
        if not isinstance(said, dict):
            return None
        owner = str(about.get("owner") or SYSTEM) if isinstance(about, dict) else SYSTEM
        return Seen(messages_of(said), people_of(said, self.options.bot_id), owner)

    def leave_to_person(self, chat: Chat) -> None:
        """Hand the dialog over as the connection says; where a person leads already nothing happens."""
        command = self._handover(chat)
        if command is None:
            return
        try:
            self.api.write(command.method, command.params)
        except Refused as refusal:
            if refusal.code not in LEADS_ALREADY:
                _log.warning("the dialog was not handed over", extra={"code": refusal.code[:40]})

    def _handover(self, chat: Chat) -> Command | None:
        chat_id, options = number(chat.chat_id), self.options
        match options.handover:
            case Handover.NONE:
                return None
            case Handover.LEAVE if options.interface is Interface.V2:
                return Command("imbot.v2.Chat.leave", {**self._bot(), "dialogId": f"chat{chat_id}"})
            case Handover.LEAVE:
                return Command("imbot.chat.leave", {**self._bot(), "CHAT_ID": chat_id})
            case Handover.TRANSFER if options.transfer_to or options.transfer_line:
                whom: Json = (
                    {"USER_ID": options.transfer_to} if options.transfer_to else {"QUEUE_ID": options.transfer_line}
                )
                owned = {"CLIENT_ID": self.bot_token} if self.bot_token else {}
                params = {"CHAT_ID": chat_id, "LEAVE": "N", **whom, **owned}
                return Command("imopenlines.bot.session.transfer", params)
        return Command("imopenlines.bot.session.operator", {"CHAT_ID": chat_id})

    def _bot(self) -> dict[str, Any]:
        """Return by what the bot's own calls are signed in."""
        if self.options.interface is Interface.V2:
            return {"botId": number(self.options.bot_id), **({"botToken": self.bot_token} if self.bot_token else {})}
        return {"BOT_ID": number(self.options.bot_id), **({"CLIENT_ID": self.bot_token} if self.bot_token else {})}


def messages_of(history: Mapping[str, Any]) -> tuple[Said, ...]:
    """Return the messages of a session's history, oldest first."""
    found = history.get("message")
    listed = [each for each in found.values() if isinstance(each, dict)] if isinstance(found, dict) else []
    listed.sort(key=lambda row: int(str(row.get("id"))) if str(row.get("id")).isdigit() else 0)
    return tuple(
        Said(instant(row.get("date")) or _LONG_AGO, str(row.get("senderid") or SYSTEM), str(row.get("text") or ""))
        for row in listed
    )


def people_of(history: Mapping[str, Any], bot_id: str) -> frozenset[str]:
    """Return the users of a session's history who are neither customers nor bots."""
    found = history.get("users")
    users = found.values() if isinstance(found, dict) else ()
    return frozenset(
        str(user.get("id"))
        for user in users
        if isinstance(user, dict)
        and not user.get("connector")
        and not user.get("bot")
        and user.get("externalAuthId") not in {"imconnector", "bot"}
        and str(user.get("id")) != bot_id
    )
