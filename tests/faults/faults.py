"""What may go wrong, how often, and what did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random


class Port(StrEnum):
    """Where a process calls the outside world."""

    TABLE = "table"
    BELL = "doorbell"
    CRM = "crm"
    CRM_WRITE = "crm write"
    MODEL = "model"
    VISIBILITY = "visibility"
    LETTERS = "dead letters"


class Fault(StrEnum):
    """One thing that may happen at a call."""

    CRASH_BEFORE = "process killed before the effect"
    CRASH_AFTER = "process killed after the effect, before its answer"
    REFUSED = "throttled or refused without effect"
    LIMITED = "429 with a wait"
    ANSWER_LOST = "effect without an answer"
    NOT_READ_BACK = "effect, and 429 to the look at it"
    LATE = "effect lands later, answer lost"
    LATE_CRASH = "effect lands after the process was killed"
    TWICE = "request repeated by the SDK"
    SLOW = "slow answer"
    FROZEN = "process frozen beyond its visibility timeout"
    CUSTOMER = "customer writes at that moment"
    EMPLOYEE = "employee writes at that moment"
    EDIT = "deal edited by a person at that moment"
    BROKEN = "token refused"
    BELL_LOST = "doorbell lost"
    BELL_DOUBLED = "doorbell doubled"
    BELL_LATE = "doorbell late"
    BELL_TO_TWO = "doorbell delivered to two workers at once"
    STALE = "stale answer of the index"
    SWEPT_TWICE = "two sweepers at once"
    HANGS = "model hangs until its timeout"
    FORBIDDEN = "model refuses for good"
    WEBHOOK_DOUBLED = "webhook delivered twice"
    WEBHOOK_LATE = "webhook late and out of order"
    WEBHOOK_DEADLINE = "webhook over its deadline"


CRASHES = {Fault.CRASH_BEFORE: 1.0, Fault.CRASH_AFTER: 1.0}
PEOPLE = {Fault.CUSTOMER: 1.0, Fault.EMPLOYEE: 0.5, Fault.EDIT: 0.7}
FAMILIES: dict[str, dict[Port, dict[Fault, float]]] = {
    "crashes": {
        Port.TABLE: CRASHES,
        Port.BELL: CRASHES,
        Port.CRM: CRASHES,
        Port.CRM_WRITE: {Fault.CRASH_BEFORE: 2.0, Fault.CRASH_AFTER: 2.0, Fault.LATE_CRASH: 3.0},
        Port.MODEL: CRASHES,
        Port.VISIBILITY: CRASHES,
        Port.LETTERS: CRASHES,
    },
    "table": {Port.TABLE: {Fault.REFUSED: 1.0, Fault.ANSWER_LOST: 1.0, Fault.TWICE: 1.0}},
    "slow": {
        Port.TABLE: {Fault.SLOW: 0.5, Fault.FROZEN: 0.25},
        Port.CRM: {Fault.SLOW: 1.0, Fault.FROZEN: 0.25},
        Port.CRM_WRITE: {Fault.SLOW: 2.0},
        Port.MODEL: {Fault.SLOW: 1.0, Fault.FROZEN: 2.0},
        Port.BELL: {Fault.SLOW: 1.0},
        Port.VISIBILITY: {Fault.REFUSED: 4.0},
    },
    "crm": {
        Port.CRM: {Fault.REFUSED: 1.0, Fault.LIMITED: 0.5, Fault.BROKEN: 0.1},
        Port.CRM_WRITE: {
            Fault.REFUSED: 2.0,
            Fault.LIMITED: 0.5,
            Fault.NOT_READ_BACK: 1.0,
            Fault.ANSWER_LOST: 3.0,
            Fault.LATE: 3.0,
            Fault.BROKEN: 0.1,
        },
    },
    "model": {
        Port.MODEL: {Fault.REFUSED: 6.0, Fault.HANGS: 3.0, Fault.FORBIDDEN: 0.5},
    },
    "bells": {
        Port.BELL: {
            Fault.REFUSED: 2.0,
            Fault.ANSWER_LOST: 2.0,
            Fault.BELL_LOST: 3.0,
            Fault.BELL_DOUBLED: 2.0,
            Fault.BELL_LATE: 2.0,
            Fault.BELL_TO_TWO: 4.0,
        },
        Port.VISIBILITY: {Fault.REFUSED: 1.0, Fault.ANSWER_LOST: 1.0},
        Port.LETTERS: {Fault.REFUSED: 2.0, Fault.ANSWER_LOST: 2.0},
    },
    "people": {
        Port.TABLE: {Fault.CUSTOMER: 0.5, Fault.EMPLOYEE: 0.2, Fault.EDIT: 0.2},
        Port.CRM: PEOPLE,
        Port.CRM_WRITE: {Fault.CUSTOMER: 2.0, Fault.EMPLOYEE: 1.0, Fault.EDIT: 2.0},
        Port.MODEL: {Fault.CUSTOMER: 6.0, Fault.EMPLOYEE: 1.5, Fault.EDIT: 4.0},
    },
}


@dataclass
class Dice:
    """The seed's decisions about faults; `counts` says what happened. `focus`: these families instead of drawn ones."""

    random: Random
    focus: tuple[str, ...] = ()
    open: bool = True
    counts: Counter[Fault] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        names = sorted(FAMILIES)
        drawn = sorted(self.random.sample(names, self.random.choice([1, 2, 2, 3, 4, len(names)])))
        self.families = sorted(self.focus) if self.focus else drawn
        self.rate = self.random.choice([0.004, 0.01, 0.02, 0.05])
        self.webhooks = self.random.choice([0.0, 0.05, 0.3])
        self._weights: dict[Port, list[tuple[float, Fault]]] = {}
        for port in Port:
            total, steps = 0.0, []
            for family in self.families:
                for fault, weight in FAMILIES[family].get(port, {}).items():
                    total += weight * self.rate
                    steps.append((total, fault))
            self._weights[port] = steps

    def at(self, port: Port) -> Fault | None:
        """Return what happens at a call."""
        if not self.open:
            return None
        number = self.random.random()
        for bound, fault in self._weights[port]:
            if number < bound:
                return fault
        return None

    def webhook(self) -> bool:
        """Return whether something happens to a webhook on its way."""
        return self.open and self.random.random() < self.webhooks

    def happened(self, fault: Fault) -> None:
        """Count a fault."""
        self.counts[fault] += 1

    def coin(self, chance: float = 0.5) -> bool:
        """Return true with this chance."""
        return self.random.random() < chance

    def between(self, low: float, high: float) -> float:
        """Return a number."""
        return low + (high - low) * self.random.random()
