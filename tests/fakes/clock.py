"""A clock that a test moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass
class FakeClock:
    """See `ports.Clock`. Sleeping moves the time."""

    time: datetime = field(default_factory=lambda: datetime(2026, 11, 23, 9, 0, tzinfo=UTC))
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        """Return the test's time."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Move the time."""
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)

    def forward(self, **duration: float) -> None:
        """Move the time by `timedelta(**duration)`."""
        self.time += timedelta(**duration)
