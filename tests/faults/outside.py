"""The one door to the outside world: every call of a process passes here, and here the faults happen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from tests.faults.faults import Dice, Fault, Port

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.scheduler import Process, Scheduler

T = TypeVar("T")

LATENCY = {
    Port.TABLE: (0.002, 0.03),
    Port.BELL: (0.004, 0.03),
    Port.CRM: (0.05, 0.5),
    Port.CRM_WRITE: (0.08, 0.7),
    Port.MODEL: (0.6, 7.0),
    Port.VISIBILITY: (0.004, 0.02),
    Port.LETTERS: (0.004, 0.02),
}
TIMEOUT = {
    Port.TABLE: 5.0,
    Port.BELL: 5.0,
    Port.CRM: 10.0,
    Port.CRM_WRITE: 10.0,
    Port.MODEL: 20.0,
    Port.VISIBILITY: 5.0,
    Port.LETTERS: 5.0,
}
PEOPLES = {Fault.CUSTOMER, Fault.EMPLOYEE, Fault.EDIT}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the timeline."""

    time: float
    actor: str
    about: str
    what: str | Callable[[], str]

    def __str__(self) -> str:
        """Return the line as a person reads it."""
        what = self.what if isinstance(self.what, str) else self.what()
        return f"{self.time:10.3f}  {self.actor:<14} {self.about:<4} {what}"


@dataclass
class Outside:
    """Lets calls happen, or not. `interject` lets a person act in the moment before the effect."""

    scheduler: Scheduler
    dice: Dice
    lines: list[Line] = field(default_factory=list)
    interject: Callable[[Fault, Process, str], None] = lambda *_: None

    def note(self, actor: str, about: str, what: str | Callable[[], str]) -> None:
        """Write a line into the timeline."""
        self.lines.append(Line(self.scheduler.time, actor, about, what))

    def call(
        self,
        process: Process,
        port: Port,
        what: str | Callable[[], str],
        effect: Callable[[], T],
        *,
        errors: Callable[[Fault], Exception],
        twice: bool = False,
        retried: Callable[[], T] | None = None,
    ) -> T:
        """Let a process call the outside world.

        `errors` makes the port's error of a fault. `twice`: the SDK repeats the request where its answer is lost;
        `retried` then is the second request. Raises Killed, what `errors` made, and what the effect raises.
        """
        if process.dead:
            process.die()
        fault = None if process.instant else self.dice.at(port)
        if fault is Fault.TWICE and not twice:
            fault = None
        if fault is not None:
            self.dice.happened(fault)
            self.note(process.name, process.conversation, _faulty(what, fault))
        self._go_there(process, port, what, effect, fault)
        if fault is Fault.CRASH_BEFORE:
            process.die()
        if fault in {Fault.LATE, Fault.LATE_CRASH}:
            self._late(process, port, what, effect, fault, errors)
        if fault in {Fault.REFUSED, Fault.LIMITED, Fault.BROKEN, Fault.HANGS, Fault.FORBIDDEN}:
            raise errors(fault)
        result = effect()
        if what not in {"read", "newest", "due"}:
            self.note(process.name, process.conversation, what)
        if fault is Fault.TWICE and retried is not None:
            result = retried()
        self._come_back(process, port, fault, errors)
        return result

    def _go_there(
        self,
        process: Process,
        port: Port,
        what: str | Callable[[], str],
        effect: Callable[[], object],
        fault: Fault | None,
    ) -> None:
        """Wait for the request to arrive; where the process dies meanwhile, it may still act."""
        seconds = self.dice.between(*LATENCY[port])
        if fault is Fault.SLOW:
            seconds += self.dice.between(5, 45)
        elif fault is Fault.FROZEN:
            seconds += self.dice.between(95, 400)
            if process.deadline is not None:
                process.deadline += seconds
        elif fault is Fault.HANGS:
            seconds = TIMEOUT[port]
        if process.effect_until is not None and process.effect_until > self.scheduler.time:
            seconds = min(seconds, max(process.effect_until - self.scheduler.time - 1, 0.0))
        if fault in PEOPLES and fault is not None:
            self.interject(fault, process, what if isinstance(what, str) else "")
        try:
            process.park(seconds)
        except BaseException:
            if self.dice.coin():
                self.scheduler.after(0.01, lambda: self._alone(process, effect))
            raise

    def _late(
        self,
        process: Process,
        port: Port,
        what: str | Callable[[], str],
        effect: Callable[[], object],
        fault: Fault,
        errors: Callable[[Fault], Exception],
    ) -> None:
        """Let the effect land later, while the process is dead or has given up waiting."""
        seconds = self.dice.between(0.5, 50)
        if process.effect_until is not None:
            seconds = min(seconds, max(process.effect_until - self.scheduler.time - 0.5, 0.0))
        self.scheduler.after(seconds, lambda: self._alone(process, effect, what))
        if fault is Fault.LATE_CRASH:
            process.die()
        process.park(min(seconds, TIMEOUT[port]))
        raise errors(fault)

    def _alone(self, process: Process, effect: Callable[[], object], what: str | Callable[[], str] = "request") -> None:
        """Let an effect happen whose caller does not wait any more; what it says is heard by nobody."""
        self.note(process.name, process.conversation, _late_words(what))
        try:
            effect()
        except Exception as error:  # noqa: BLE001 (its answer goes nowhere)
            self.note(process.name, process.conversation, f"lands late in vain: {type(error).__name__}")

    def _come_back(
        self, process: Process, port: Port, fault: Fault | None, errors: Callable[[Fault], Exception]
    ) -> None:
        if fault is Fault.CRASH_AFTER:
            process.die()
        if fault is Fault.ANSWER_LOST:
            process.park(TIMEOUT[port])
            raise errors(fault)
        if fault is Fault.NOT_READ_BACK:
            raise errors(fault)
        if port is Port.TABLE and self.dice.coin(0.7):
            return
        process.park(self.dice.between(*LATENCY[port]) / 4)


def _faulty(what: str | Callable[[], str], fault: Fault) -> Callable[[], str]:
    return lambda: f"!! {fault.value.upper()} at: {what if isinstance(what, str) else what()}"


def _late_words(what: str | Callable[[], str]) -> Callable[[], str]:
    return lambda: f"lands late: {what if isinstance(what, str) else what()}"
