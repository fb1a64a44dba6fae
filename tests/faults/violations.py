"""What is found when a run is judged."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.talks import Talk


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that did not hold, and where."""

    invariant: int
    conversation: str
    what: str

    def __str__(self) -> str:
        """Return it in a line."""
        return f"invariant {self.invariant} broken, {self.conversation or 'everywhere'}: {self.what}"


@dataclass
class Verdict:
    """What was found; `excepted` counts what is allowed by a documented exception."""

    violations: list[Violation] = field(default_factory=list)
    excepted: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)

    def broken(self, invariant: int, talk: Talk | None, what: str) -> None:
        """Note a violation."""
        self.violations.append(Violation(invariant, talk.label if talk else "", what))
