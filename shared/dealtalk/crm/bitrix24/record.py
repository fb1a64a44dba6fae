"""The portal's own record of what was said in open lines, for reconciliation: Bitrix24 does not send an event again.

There is no list of messages. Each session of an open line that is tied to CRM has an activity there, which names the
session; the session's history has the messages, with the ids that events give them. So the open sessions, and those
that were touched since, are read anew each time. What cannot be found this way: a dialog without anything in CRM.

Follows crm.activity.list (PROVIDER_ID `IMOPENLINES_SESSION`, whose ASSOCIATED_ENTITY_ID is the session) and
imopenlines.session.history.get.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from dealtalk.crm.bitrix24 import inbound
from dealtalk.crm.bitrix24.api import PAGE, Command, rows
from dealtalk.crm.bitrix24.entity import LINES
from dealtalk.ingress.values import number_id
from dealtalk.messages import Author
from dealtalk.ports import HistoryPage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dealtalk.connections import Connection
    from dealtalk.crm.bitrix24.api import Api, Json
    from dealtalk.messages import InboundMessage
    from dealtalk.ports import Clock

PROVIDER = "IMOPENLINES_SESSION"
SESSIONS = 20
"""Sessions whose history is read in one batch: each is a method's call, whose time counts."""

OVERLAP = timedelta(minutes=2)
"""What is read again each time: the portal may write a message late."""


@dataclass(frozen=True, slots=True)
class _Place:
    """The cursor: from when on messages are wanted, when this round began, and the last activity that it has read."""

    start: datetime
    began: datetime
    after: int

    @classmethod
    def of(cls, cursor: Mapping[str, Any] | None, since: datetime, now: datetime) -> _Place:
        if cursor is None:
            return cls(since, now, 0)
        start, began = (datetime.fromisoformat(str(cursor[name])) for name in ("start", "began"))
        return cls(max(start, since), began if int(cursor["after"]) else now, int(cursor["after"]))

    def cursor(self, after: int) -> dict[str, Any]:
        """Return the cursor behind this activity."""
        return {"start": self.start.isoformat(), "began": self.began.isoformat(), "after": after}

    def next_round(self) -> dict[str, Any]:
        """Return the cursor from which the next round begins."""
        start = max(self.start, self.began - OVERLAP)
        return {"start": start.isoformat(), "began": self.began.isoformat(), "after": 0}


@dataclass(slots=True)
class LinesRecord:
    """See `ports.History`."""

    api: Api
    connection: Connection
    clock: Clock

    def read(self, cursor: Mapping[str, Any] | None, since: datetime) -> HistoryPage:
        """See `ports.History`: the messages of up to twenty sessions, two calls."""
        place = _Place.of(cursor, since, self.clock.now())
        activities, more = self._activities(place)
        sessions = [session for row in activities if (session := number_id(row.get("ASSOCIATED_ENTITY_ID")))]
        messages = sorted(self._messages(sessions, place.start), key=lambda message: (message.sent_at, int(message.id)))
        if more:
            return HistoryPage(tuple(messages), place.cursor(_id(activities[-1])), more=True)
        return HistoryPage(tuple(messages), place.next_round(), more=False)

    def _activities(self, place: _Place) -> tuple[list[Json], bool]:
        """Return the next sessions' activities in the order of their ids, and whether there are further ones."""
        found: dict[int, Json] = {}
        full = False
        known: Json = {"PROVIDER_ID": PROVIDER, ">ID": place.after}
        commands = {
            name: Command(
                "crm.activity.list",
                {
                    "filter": {**known, **wanted},
                    "order": {"ID": "ASC"},
                    "select": ["ID", "ASSOCIATED_ENTITY_ID"],
                    "start": -1,
                },
            )
            for name, wanted in (
                ("open", {"COMPLETED": "N"}),
                ("touched", {">=LAST_UPDATED": place.start.isoformat(timespec="seconds")}),
            )
        }
        batch = self.api.batch(commands)
        for name in commands:
            listed = rows(batch.need(name))
            full = full or len(listed) >= PAGE
            found |= {_id(row): row for row in listed}
        ordered = [found[number] for number in sorted(found)]
        return ordered[:SESSIONS], len(ordered) > SESSIONS or (full and bool(ordered))

    def _messages(self, sessions: list[str], start: datetime) -> Iterator[InboundMessage]:
        """Yield what people said in these sessions since `start`; what bots said is no news."""
        if not sessions:
            return
        commands = {
            f"s{session}": Command("imopenlines.session.history.get", {"SESSION_ID": session}) for session in sessions
        }
        batch = self.api.batch(commands)
        for session in sessions:
            history = batch.results.get(f"s{session}")
            for message in _said(self.connection, history, self.clock.now()):
                if message.sent_at >= start and message.author is not Author.BOT:
                    yield message


def _said(connection: Connection, history: Any, now: datetime) -> Iterator[InboundMessage]:  # noqa: ANN401 (JSON)
    """Yield the messages of a session's history as events would have brought them."""
    if not isinstance(history, dict):
        return
    chat = _group(_group(history.get("chat")).get(str(history.get("chatId"))))
    users = _group(history.get("users"))
    for row in _group(history.get("message")).values():
        if isinstance(row, dict) and number_id(row.get("id")):
            yield from inbound.read_said(connection, _as_said(row, chat, users), now).messages


def _as_said(row: Json, chat: Json, users: Json) -> inbound.Said:
    sender, params = _group(users.get(str(row.get("senderid")))), _group(row.get("params"))
    return inbound.Said(
        id=row.get("id"),
        chat_id=row.get("chatid"),
        text=row.get("text"),
        sent_at=row.get("date"),
        author=row.get("senderid"),
        name=sender.get("name"),
        is_bot=inbound.yes(sender.get("bot")),
        is_connector=inbound.yes(sender.get("connector")) or sender.get("externalAuthId") == "imconnector",
        is_system=False,
        entity_type=chat.get("entityType") or LINES,
        entity_id=chat.get("entityId"),
        data_1=chat.get("entityData1"),
        data_2=chat.get("entityData2"),
        owner=None,
        bots=set(),
        files=(None, params.get("fileId") or params.get("FILE_ID")),
    )


def _id(row: Json) -> int:
    return int(str(row.get("ID") or 0))


def _group(value: object) -> Json:
    return value if isinstance(value, dict) else {}
