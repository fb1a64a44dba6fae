"""The simulator's time and the thread that does what is due."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock(Protocol):
    """The time in unix seconds, and how long a waiting thread has to sleep for it."""

    def now(self) -> float:
        """Return the current unix time."""
        ...

    def sleep_until(self, when: float) -> float | None:
        """Return the seconds of real time until `when`; None: only a wake-up can bring it nearer."""
        ...

    def on_change(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever the time was set by hand."""
        ...


class SystemClock:
    """The machine's time."""

    def now(self) -> float:
        """Return the current unix time."""
        return time.time()

    def sleep_until(self, when: float) -> float | None:
        """Return the seconds until `when`, at least 0."""
        return max(0.0, when - time.time())

    def on_change(self, wake: Callable[[], None]) -> None:
        """Nothing sets the machine's time by hand."""


class ManualClock:
    """A time that stands still until `advance` is called, so that a test decides what is due."""

    def __init__(self, start: float = 1_790_000_000.0) -> None:
        self._now = start
        self._wakes: list[Callable[[], None]] = []

    def now(self) -> float:
        """Return the time as it was last set."""
        return self._now

    def sleep_until(self, when: float) -> float | None:
        """Return 0 for what is due and None for what is not."""
        return 0.0 if when <= self._now else None

    def on_change(self, wake: Callable[[], None]) -> None:
        """Call `wake` after each `advance`."""
        self._wakes.append(wake)

    def advance(self, seconds: float) -> None:
        """Move the time forward and wake all that wait for it."""
        self._now += seconds
        for wake in self._wakes:
            wake()


class Scheduler:
    """One thread that runs jobs when they are due, and knows whether any work is under way.

    Jobs must be short. Work on other threads is announced with `begin` and `end`, so that `settle` can wait for it.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._active = 0
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="simulator-scheduler", daemon=True)
        clock.on_change(self._wake)
        self._thread.start()

    def after(self, seconds: float, job: Callable[[], None]) -> None:
        """Run `job` once, `seconds` of the clock from now."""
        with self._changed:
            heapq.heappush(self._heap, (self.clock.now() + seconds, next(self._order), job))
            self._changed.notify_all()

    def begin(self) -> None:
        """Announce a piece of work on another thread."""
        with self._changed:
            self._active += 1

    def end(self) -> None:
        """Announce that this piece of work is done."""
        with self._changed:
            self._active -= 1
            self._changed.notify_all()

    def settle(self, timeout: float = 10.0) -> bool:
        """Wait until nothing is under way or due; return whether that came within `timeout` real seconds."""
        with self._changed:
            return self._changed.wait_for(self._quiet, timeout)

    def stop(self) -> None:
        """Drop all jobs and end the thread."""
        with self._changed:
            self._stopped = True
            self._heap.clear()
            self._changed.notify_all()
        self._thread.join(timeout=5)

    def _quiet(self) -> bool:
        return self._active == 0 and (not self._heap or self._heap[0][0] > self.clock.now())

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _next_job(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._stopped:
                wait = self.clock.sleep_until(self._heap[0][0]) if self._heap else None
                if wait == 0.0:
                    self._active += 1
                    return heapq.heappop(self._heap)[2]
                self._changed.wait(wait)
        return None

    def _run(self) -> None:
        while (job := self._next_job()) is not None:
            try:
                job()
            finally:
                self.end()
