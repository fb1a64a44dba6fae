"""The calls of the responder's turns, from the 1st to the 500th message of a conversation."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bench.responding import ENGLISH, RUSSIAN, WAYS, bench

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.bench.responding import Bench, Cost, Way

NUMBERS = (1, 2, 10, 100, 500)
AWS_BAR = 8


@dataclass(frozen=True, slots=True)
class Turns:
    """What turns of one way cost.

    `cold`: the very first of a process. `plain`: by message number. `changes`: one with an update, a note and a task.
    """

    way: Way
    cold: Cost
    plain: Mapping[int, Cost]
    changes: Cost

    @property
    def crm_bar(self) -> int:
        """The most requests that a plain reply may send to the CRM."""
        return crm_bar(self.way)

    @property
    def holds(self) -> bool:
        """Whether every plain reply is within the bars, and all after the first cost the same."""
        within = all(cost.totals[0] <= AWS_BAR and cost.totals[1] <= self.crm_bar for cost in self.plain.values())
        return within and all(cost == self.plain[2] for number, cost in self.plain.items() if number > 1)


def crm_bar(way: Way) -> int:
    """Return the most requests that a plain reply by this way may send: 4 by talks, 5 by Salesbot, 1 to find a lead."""
    by_talks = way.send_order[0] == "talks"
    return (4 if by_talks else 5) + (0 if way.names_lead else 1)


def measure(endpoint: str, numbers: Sequence[int] = NUMBERS, ways: Sequence[Way] = WAYS) -> list[Turns]:
    """Answer `max(numbers)` messages one after the other by each way, and keep the cost of those numbers."""
    return [_measure(way, endpoint, numbers) for way in ways]


def _measure(way: Way, endpoint: str, numbers: Sequence[int]) -> Turns:
    with bench(way, endpoint) as running:
        cold = running.turn()
        running.open_chat()
        plain = {}
        for number in range(1, max(numbers) + 1):
            if number in numbers:
                plain[number] = running.warm_turn()
            else:
                running.turn()
        return Turns(way, cold, plain, change(running))


def change(running: Bench) -> Cost:
    """Let a turn write a field, a note and a task, and return what it cost."""
    words = RUSSIAN if running.way.platform == "amocrm.ru" else ENGLISH
    return running.warm_turn(
        tools=[
            ("update_deal", json.dumps({"fields": {words["text_field"]: "Springfield"}})),
            ("add_note", json.dumps({"text": "wants a window"})),
            ("create_task", json.dumps({"text": "call", "due_at": "2026-11-03T10:00:00+00:00"})),
        ]
    )
