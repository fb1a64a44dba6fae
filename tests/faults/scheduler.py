"""Simulated time and processes: exactly one runs at a time, and the seed alone decides who goes on.

A process is a greenlet that gives up control at every call of the outside world. It goes on when its simulated time
has come, unless it was killed meanwhile.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from greenlet import getcurrent, greenlet

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: with a value, with an error, or killed (neither)."""

    value: object = None
    error: Exception | None = None
    killed: bool = False


@dataclass(eq=False, slots=True)
class Process:
    """One worker. `instant`: its calls take no time, so that it acts in the very moment in which it was started."""

    scheduler: Scheduler
    name: str
    instant: bool = False
    dead: bool = False
    deadline: float | None = None
    scope: str = ""
    conversation: str = ""
    effect_until: float | None = None
    """A step was started: its request acts before this moment, or never (see docs/guarantees.md)."""

    step: tuple[str, str] | None = None
    """Turn and name of the step that was started last."""

    slots: list[tuple[str, Any]] = field(default_factory=list)
    """The slots of its account that it took: name and value."""

    deal_read: dict[str, float] = field(default_factory=dict)
    _greenlet: greenlet | None = None
    _token: int = 0

    def park(self, seconds: float) -> None:
        """Let others run for `seconds`. Raises Killed, and what is thrown in."""
        if self.dead:
            raise Killed
        if self.instant:
            return
        self._token += 1
        token = self._token
        self.scheduler.after(seconds, lambda: self._resume(token))
        self.scheduler.hub.switch()

    def die(self) -> None:
        """End this process from inside."""
        self.dead = True
        raise Killed

    def kill(self) -> None:
        """End this process from outside, in the call in which it waits."""
        if not self.dead and self._greenlet is not None and not self._greenlet.dead:
            self.dead = True
            self.throw(Killed())

    def throw(self, error: BaseException) -> None:
        """Raise an error in the call in which this process waits; only the hub may do so."""
        if self._greenlet is not None and not self._greenlet.dead:
            self._token += 1
            self._greenlet.throw(error)

    @property
    def is_over(self) -> bool:
        """Whether nothing of it runs any more."""
        return self._greenlet is not None and self._greenlet.dead

    def begin(self, work: Callable[[], object], ended: Callable[[Ended], None]) -> None:
        """Run `work` as this process's greenlet."""

        def run() -> None:
            try:
                outcome = Ended(value=work())
            except Killed:
                outcome = Ended(killed=True)
            except Exception as error:  # noqa: BLE001 (an invocation's end, whatever it is)
                outcome = Ended(error=error)
            self.dead = True
            self.scheduler.after(0, lambda: ended(outcome))

        self._greenlet = greenlet(run, parent=self.scheduler.hub)
        self._greenlet.switch()

    def _resume(self, token: int) -> None:
        if token == self._token and self._greenlet is not None and not self._greenlet.dead:
            self._greenlet.switch()


class Scheduler:
    """The heap of what happens when. Ties go in the order in which they were set."""

    def __init__(self) -> None:
        self.time = 0.0
        self.hub: Any = getcurrent()
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def now(self) -> datetime:
        """Return the simulated time."""
        return START + timedelta(seconds=self.time)

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Let something happen later."""
        heapq.heappush(self._heap, (self.time + max(seconds, 0.0), next(self._order), do))

    def spawn(
        self, process: Process, work: Callable[[], object], ended: Callable[[Ended], None], *, delay: float = 0.0
    ) -> None:
        """Start a process."""
        self.after(delay, lambda: process.begin(work, ended))

    def run(self, until: float) -> None:
        """Let everything happen until nothing is left or the time is over."""
        while self._heap and self._heap[0][0] <= until:
            self.time, _, do = heapq.heappop(self._heap)
            do()
        self.time = max(self.time, until)

    @property
    def is_idle(self) -> bool:
        """Whether nothing will happen any more."""
        return not self._heap


@dataclass(eq=False, slots=True)
class Container:
    """What one process after another runs in, with the memory that outlives an invocation; it dies with a crash."""

    name: str
    skew: timedelta = timedelta(0)
    process: Process | None = None
    services: Any = None

    @property
    def running(self) -> Process:
        """The process that runs here now."""
        if self.process is None:
            msg = "nothing runs in this container"
            raise AssertionError(msg)
        return self.process

    @property
    def is_free(self) -> bool:
        """Whether an invocation may be given to it."""
        return self.process is None


@dataclass(slots=True)
class SimClock:
    """See `ports.Clock`: the simulated time as one container's machine shows it."""

    container: Container
    scheduler: Scheduler

    def now(self) -> datetime:
        """Return the time."""
        return self.scheduler.now() + self.container.skew

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self.container.running.park(seconds)
