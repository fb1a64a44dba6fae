"""What happened in one conversation, in order: messages, doorbells, model calls, deal changes, replies, ends of turns.

Read from the deployed system's own records (its table and the responder's log), so that what is shown is what it did.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dealtalk.conversation.journal import STEP, Step, StepKind
from dealtalk.conversation.state import TIMELINE, milliseconds, moment
from local.demo.words import DOING, RINGS, STATUS, WHY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from dealtalk.conversation.table import Item, Table
    from dealtalk.messages import ConversationKey
    from local.demo.wakeups import WakeUp

NEWEST = 60
TURN = "TURN#"


class EventKind(StrEnum):
    """What happened."""

    MESSAGE = "message"
    DOORBELL = "doorbell"
    MODEL = "model"
    CHANGE = "change"
    REPLY = "reply"
    HANDOFF = "handoff"
    END = "end"


ORDER = list(EventKind)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `key` is the same at every reading; `old` and `new` stand where a value was changed.

    `quiet` marks what came to nothing, such as a doorbell that a newer one replaced.
    """

    key: str
    at: datetime
    kind: EventKind
    title: str
    text: str = ""
    old: str | None = None
    new: str | None = None
    turn: int | None = None
    tokens: int = 0
    quiet: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the event for the page; `at` in milliseconds."""
        return asdict(self) | {"at": milliseconds(self.at), "kind": self.kind.value}


@dataclass(frozen=True, slots=True)
class Chapter:
    """What belongs to one turn: the messages and doorbells before it, what it did, and its end if it has ended."""

    events: tuple[Event, ...]
    turn: int | None = None
    status: str = ""
    tokens: int = 0
    seconds: float | None = None
    summary: str = field(default="")

    def as_json(self) -> dict[str, Any]:
        """Return the chapter for the page."""
        return asdict(self) | {"events": [event.as_json() for event in self.events]}


def read_story(table: Table, conversation: ConversationKey, wake_ups: Iterable[WakeUp]) -> list[Event]:
    """Return the newest events of a conversation, oldest first."""
    entries = table.newest(conversation.partition, TIMELINE, NEWEST)
    turns = table.newest(conversation.partition, TURN, NEWEST)
    events = [*map(_entry, entries), *map(_doorbell, wake_ups)]
    for turn in turns:
        events += _turn(turn)
    return sorted(events, key=lambda event: (event.at, ORDER.index(event.kind), event.key))


def chapters(events: Iterable[Event]) -> list[Chapter]:
    """Return the events, cut after each turn's end; what follows the last one is a chapter of its own."""
    found, current = [], list[Event]()
    for event in events:
        current.append(event)
        if event.kind is EventKind.END:
            found.append(_chapter(current, event))
            current = []
    if current:
        turn = next((event.turn for event in reversed(current) if event.turn), None)
        found.append(Chapter(tuple(current), turn))
    return found


def _chapter(events: list[Event], end: Event) -> Chapter:
    said = [event.at for event in events if event.kind is EventKind.MESSAGE]
    answered = [event.at for event in events if event.kind is EventKind.REPLY]
    seconds = (answered[-1] - said[-1]).total_seconds() if said and answered else None
    shown = tuple(event for event in events if event is not end)
    return Chapter(shown, end.turn, end.title, end.tokens, seconds, end.text)


def _entry(item: Item) -> Event:
    kind, key = item["kind"], item["sk"]
    if kind == "message":
        name = item.get("author_name") or item["author"]
        attached = "".join(f" [{each['kind']}]" for each in item.get("attachments", ()))
        role = {"customer": "Customer", "employee": "Manager", "bot": "Another bot"}.get(item["author"], "Unknown")
        return Event(key, moment(item["arrived_at"]), EventKind.MESSAGE, f"{role} {name}", item["text"] + attached)
    at, turn = moment(item["at"]), item.get("turn")
    if kind == "change":
        return _change(item, at)
    if kind == "reply":
        way = {"talks": "the Chats API", "salesbot": "a Salesbot"}.get(item.get("way", ""), item.get("way", "?"))
        return Event(key, at, EventKind.REPLY, f"Through {way}", item["text"], turn=turn)
    return Event(key, at, EventKind.HANDOFF, "Passed to a person", item.get("text", ""), turn=turn)


def _change(item: Item, at: datetime) -> Event:
    what, _, text = item["text"].partition(": ")
    applied = item.get("applied", True)
    doing = item.get("change", {}).get("do")
    if not applied:
        title, text, old, new = "Not changed", item["text"].removeprefix("not done: "), None, None
    elif doing in {"note", "task"}:
        title, old, new = ("Note written" if doing == "note" else "Task made"), None, None
        text = item.get("new") or text
    elif doing in {"add_tag", "remove_tag"}:
        title, old, new = what.capitalize(), None, None
    else:
        title, text, old, new = what, "", item.get("old"), item.get("new")
    return Event(
        item["sk"], at, EventKind.CHANGE, title, text, old=old, new=new, turn=item.get("turn"), quiet=not applied
    )


def _doorbell(wake_up: WakeUp) -> Event:
    nothing = wake_up.doing != "answer"
    ring = RINGS.get(wake_up.ring, wake_up.ring.replace("_", " "))
    title = ring.capitalize() or "Rang"
    text = WHY.get(wake_up.why) or f"{DOING.get(wake_up.doing, wake_up.doing)}: {wake_up.why.replace('_', ' ')}"
    key = f"doorbell {wake_up.request_id}"
    return Event(key, wake_up.began, EventKind.DOORBELL, title, text, quiet=nothing and not wake_up.failed)


def _turn(item: Item) -> Iterator[Event]:
    number = int(item["sk"].removeprefix(TURN))
    for name, value in item.items():
        if not name.startswith(STEP):
            continue
        step = Step.from_item(name.removeprefix(STEP), value)
        if step.kind is StepKind.ANSWER and "tokens_in" in step.data:
            yield _model_call(step, number)
    if "closed_at" in item:
        tokens = item.get("tokens_in", 0) + item.get("tokens_out", 0)
        status = item.get("status", "")
        text = f"{tokens:,} tokens" if tokens else ""
        at = moment(item["closed_at"])
        yield Event(
            item["sk"],
            at,
            EventKind.END,
            STATUS.get(status, status.replace("_", " ")),
            text,
            turn=number,
            tokens=tokens,
        )


def _model_call(step: Step, turn: int) -> Event:
    data = step.data
    cached = f" ({data['tokens_cached']:,} cached)" if data.get("tokens_cached") else ""
    spent = f"{data['tokens_in']:,} tokens in{cached}, {data['tokens_out']:,} out"
    calls = ", ".join(call["name"] for call in data["calls"])
    wants = f"asks for {calls}" if calls else "writes the reply"
    key = f"turn {turn} {step.name}"
    tokens = data["tokens_in"] + data["tokens_out"]
    return Event(key, step.at, EventKind.MODEL, data["model"], f"{wants} · {spent}", turn=turn, tokens=tokens)
