"""All that the table knows of one conversation, as events in the order of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dealtalk.conversation.journal import FORGOTTEN, STEP, Step, StepKind
from dealtalk.conversation.oversight import ORDERS
from dealtalk.conversation.state import TIMELINE, TURNS, milliseconds, moment
from dealtalk.conversation.timeline import EntryKind, entry_from_item

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from dealtalk.conversation.state import State
    from dealtalk.conversation.table import Item
    from dealtalk_cli.conversations_archive import Archive


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `who`: customer, employee, bot, unknown, or an operator's name.

    `facts` are short; `text` is what was said, or why. `steps` are a turn's, which stands at the moment of its first.
    """

    at: datetime
    kind: str
    who: str
    text: str = ""
    turn: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    steps: tuple[Event, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the event for scripts."""
        plain: dict[str, Any] = {
            "at": self.at.isoformat(),
            "kind": self.kind,
            "who": self.who,
            "text": self.text,
            "turn": self.turn,
            **self.facts,
        }
        if self.steps:
            plain["steps"] = [step.as_json() for step in self.steps]
        return {name: value for name, value in plain.items() if value not in (None, "")}


def read_story(archive: Archive, state: State) -> list[Event]:
    """Return the conversation's events. Raises Trouble."""
    conversation = state.conversation
    entries = [item for item in archive.items(conversation, TIMELINE) if item["arrival"] > state.forgotten]
    turns = [item for item in archive.items(conversation, TURNS) if FORGOTTEN not in item]
    events = [
        *(_entry(item) for item in entries),
        *(turn for item in turns if (turn := _turn(item)) is not None),
        *(_order(item) for item in archive.items(conversation, ORDERS)),
    ]
    return sorted(events, key=lambda event: milliseconds(event.at))


def _entry(item: Item) -> Event:
    entry = entry_from_item(item)
    facts: dict[str, Any] = {}
    if entry.kind is EntryKind.MESSAGE:
        facts = {
            "number": entry.arrival,
            "name": item.get("author_name"),
            "sent_at": entry.at.isoformat(),
            "message_id": entry.message_id,
            "truncated": item.get("truncated"),
            "attachments": [
                {"kind": each.kind.value, "url": each.url, "file_name": each.file_name} for each in entry.attachments
            ]
            or None,
        }
    elif entry.kind is EntryKind.CHANGE:
        facts = {
            "applied": item.get("applied"),
            "old": item.get("old"),
            "new": item.get("new"),
            "change": item.get("change"),
        }
    elif entry.kind is EntryKind.REPLY:
        facts = {"way": item.get("way"), "message_ids": list(entry.own_ids) or None}
    return Event(entry.stored_at, entry.kind.value, entry.author.value, entry.text, item.get("turn"), facts)


def _order(item: Item) -> Event:
    return Event(moment(item["at"]), "operator", item["by"], item["did"])


def _turn(item: Item) -> Event | None:
    steps = sorted(_steps(item), key=lambda step: (step.at, step.name))
    closed = item.get("closed_at")
    if not steps and closed is None:
        return None
    began = steps[0].at if steps else moment(closed or 0)
    cost = item.get("cost_micro_usd")
    facts = {
        "answers_up_to": item.get("seen"),
        "status": item.get("status", "open"),
        "closed_at": None if closed is None else moment(closed).isoformat(),
        "tokens_in": item.get("tokens_in"),
        "tokens_cached": item.get("tokens_cached"),
        "tokens_out": item.get("tokens_out"),
        "cost_usd": None if cost is None else f"{Decimal(cost) / 1_000_000:f}",
    }
    number = int(item["sk"].removeprefix(TURNS))
    return Event(began, "turn", "bot", turn=number, facts=facts, steps=tuple(_step(step) for step in steps))


def _steps(item: Item) -> Iterator[Step]:
    for name, value in item.items():
        if name.startswith(STEP):
            yield Step.from_item(name.removeprefix(STEP), value)


def _step(step: Step) -> Event:
    data = step.data
    facts: dict[str, Any] = {"step": step.name, "state": step.state.value}
    text = str(data.get("text") or data.get("reason") or "")
    match step.kind:
        case StepKind.ANSWER if "model" in data:
            facts |= {name: data[name] for name in ("model", "tokens_in", "tokens_cached", "tokens_out")}
            facts["calls"] = [f"{call['name']} {call['arguments']}" for call in data["calls"]] or None
        case StepKind.ANSWER:
            facts["acts"] = [act["tool"] for act in data.get("acts", ())] or None
        case StepKind.UPDATE | StepKind.ADDITION:
            results = data.get("results") or ([data["result"]] if "result" in data else [])
            wished = data.get("changes") or ([data["change"]] if "change" in data else [])
            facts["changes"] = [{k: v for k, v in each.items() if v is not None} for each in results or wished]
        case StepKind.REPLY:
            facts |= {name: data.get(name) for name in ("way", "message_id", "confirmed", "uncertain")}
    return Event(step.at, step.kind.value, "bot", text, facts=facts)
