"""What was written of a conversation in a run, moment by moment, from the storage's log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dealtalk.conversation.table import Put, Update
from tests.faults.storage import started_steps

if TYPE_CHECKING:
    from dealtalk.conversation.table import Item
    from tests.faults.company import Company
    from tests.faults.talks import Talk


@dataclass(frozen=True, slots=True)
class Moment:
    """One accepted write of a conversation: what it changed on META, what META was before, which effects it began."""

    time: float
    before: dict[str, Any]
    changed: dict[str, Any]
    started: list[tuple[str, Item]]
    status: str
    journal: dict[str, Any]
    by_person: bool
    """Whether it stored an employee's message."""


def history(company: Company, talk: Talk) -> list[Moment]:
    """Return all that was written of a conversation, in order."""
    if talk.label in company.histories:
        return company.histories[talk.label]
    people = {message_id for message_id, _, _ in talk.employee}
    meta: dict[str, Any] = {}
    moments: list[Moment] = []
    for written in company.storage.log:
        mine = [write for write in written.writes if write.key[0] == talk.key.partition]
        writes = [write for write in mine if isinstance(write, Update)]
        by_person = any(isinstance(write, Put) and _is_a_persons(write.item, people) for write in mine)
        if not writes:
            continue
        changed: dict[str, Any] = {}
        started: list[tuple[str, Item]] = []
        journal: dict[str, Any] = {}
        for write in writes:
            if write.key[1] == "META":
                changed |= write.values
            else:
                started += started_steps(write)
                journal |= write.values
        moments.append(
            Moment(written.time, dict(meta), changed, started, str(journal.get("status", "")), journal, by_person)
        )
        meta |= changed
    company.histories[talk.label] = moments
    return moments


def _is_a_persons(item: Item, people: set[str]) -> bool:
    """Return whether an item is an employee's message, also while only its id is known."""
    return item.get("author") == "employee" or bool(item.get("pending") and item["message_id"] in people)
