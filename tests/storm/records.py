"""What a storm left behind, per customer: the chat and deal as the CRM has them, the conversation as the table has it.

And per account what it was called with and what it delivered.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dealtalk.conversation.dynamodb import plain_item
from dealtalk.conversation.journal import STEP
from dealtalk.conversation.state import TURNS, State, meta_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dealtalk.conversation.table import Item
    from local.stack import Stack
    from tests.storm.control import StormControl
    from tests.storm.driver import Happened, Said, Talk

Json = dict[str, Any]
PAGE = 1000
KEPT = ("time", "method", "path", "body", "status")


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a turn's journal. `at` is when it was begun (epoch seconds)."""

    turn: int
    name: str
    kind: str
    state: str
    at: float
    data: Mapping[str, Any]


@dataclass
class Record:
    """All that is known of one customer. `lines` and `deal` are the CRM's, `state` and `items` the table's."""

    talk: Talk
    lines: list[Json]
    deal: Json
    state: State
    items: list[Item]
    said: list[Said] = field(default_factory=list)
    employees: list[Said] = field(default_factory=list)
    stored_at: dict[str, float] = field(default_factory=dict)
    """By message: when a delivery of it was first acknowledged (epoch seconds)."""

    @property
    def replies(self) -> list[Json]:
        """Return the lines that the bot wrote."""
        return [line for line in self.lines if line["who"] == "bot"]

    @property
    def messages(self) -> dict[str, Item]:
        """Return the stored messages by their ids."""
        return {item["message_id"]: item for item in self.items if item.get("kind") == "message"}

    def entries(self, kind: str) -> list[Item]:
        """Return the timeline's entries of a kind."""
        return [item for item in self.items if item.get("kind") == kind and item["sk"].startswith("T#")]

    def steps(self) -> Iterator[Step]:
        """Yield all steps of all turns."""
        for item in self.items:
            if not item["sk"].startswith(TURNS):
                continue
            turn = int(item["sk"].removeprefix(TURNS))
            for name, value in item.items():
                if name.startswith(STEP):
                    at = value["at"] / 1000
                    yield Step(turn, name.removeprefix(STEP), value["kind"], value["state"], at, value["data"])


@dataclass
class AccountRecord:
    """What an account was called with (time, method, path, body, status) and the attempts to deliver its webhooks."""

    calls: list[Json]
    deliveries: list[Json]


@dataclass
class Records:
    """All of a storm's records."""

    talks: list[Record]
    accounts: dict[str, AccountRecord]


def read(stack: Stack, control: StormControl, happened: Happened) -> Records:
    """Read everything, once."""
    items = _items(stack)
    states: dict[str, Json] = {}
    accounts: dict[str, AccountRecord] = {}
    for name in {talk.account.name for talk in happened.talks.values()}:
        states[name] = _by_id(control.state(name))
        calls = [
            {key: call[key] for key in ("time", "method", "path", "body", "status")} for call in control.calls(name)
        ]
        accounts[name] = AccountRecord(calls, control.deliveries(name))
    talks = {number: _record(talk, states[talk.account.name], items) for number, talk in happened.talks.items()}
    for said in happened.said:
        talks[said.customer].said.append(said)
    for said in happened.employees:
        talks[said.customer].employees.append(said)
    stored = {name: _stored_at(account.deliveries) for name, account in accounts.items()}
    for record in talks.values():
        record.stored_at = stored[record.talk.account.name]
    return Records([talks[number] for number in sorted(talks)], accounts)


def _by_id(state: Json) -> Json:
    return {
        "chats": {chat["chat_id"]: chat for chat in state["chats"]},
        "deals": {str(deal["id"]): deal for deal in state["deals"]},
    }


def _record(talk: Talk, state: Json, items: Mapping[str, list[Item]]) -> Record:
    conversation = talk.account.conversation(talk.chat)
    mine = items.get(conversation.partition, [])
    meta = next((item for item in mine if item["sk"] == meta_key(conversation)[1]), None)
    lines = state["chats"][talk.chat]["lines"]
    return Record(talk, lines, state["deals"][talk.deal], State.from_item(conversation, meta), mine)


def _stored_at(deliveries: list[Json]) -> dict[str, float]:
    """Return when each message was first acknowledged."""
    found: dict[str, float] = {}
    for delivery in deliveries:
        if delivery["accepted"]:
            for message_id in _message_ids(delivery["body"]):
                found.setdefault(message_id, delivery["time"])
    return found


def _message_ids(body: Any) -> Iterator[str]:
    """Yield whatever stands in a delivery's body as an object with an id and a text."""
    if isinstance(body, dict):
        if "id" in body and "text" in body:
            yield str(body["id"])
        for value in body.values():
            yield from _message_ids(value)
    elif isinstance(body, list):
        for value in body:
            yield from _message_ids(value)


def _items(stack: Stack) -> dict[str, list[Item]]:
    """Return every conversation's items by partition, each in the order of its keys."""
    found: dict[str, list[Item]] = defaultdict(list)
    pages = stack.client("dynamodb").get_paginator("scan").paginate(TableName=stack.table, Limit=PAGE)
    for page in pages:
        for raw in page["Items"]:
            item = plain_item(raw)
            if item["pk"].startswith("CONV#"):
                found[item["pk"]].append(item)
    return {partition: sorted(items, key=lambda item: str(item["sk"])) for partition, items in found.items()}
