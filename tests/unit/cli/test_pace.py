"""How fast an account is called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from dealtalk.crm.http import Answer, Http
from dealtalk_cli.amocrm.account import CALLS_PER_SECOND, WAITS, PacedHttp
from dealtalk_cli.connecting.given_token import GivenToken

if TYPE_CHECKING:
    from collections.abc import Mapping


class Clock:
    """Time passes only by sleeping."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 22, tzinfo=UTC)
        self.slept: list[float] = []

    def now(self) -> datetime:
        """Return the time."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)


class Host:
    """Answers these statuses in turn, then 200, and notes when it was called."""

    def __init__(self, clock: Clock, *statuses: int) -> None:
        self._clock = clock
        self._statuses = list(statuses)
        self.called: list[datetime] = []

    def get(self, path: str, *, params: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Answer."""
        assert path
        assert params is None
        assert headers
        self.called.append(self._clock.now())
        return Answer(self._statuses.pop(0) if self._statuses else 200)


def paced(clock: Clock, host: Host) -> PacedHttp:
    """Return the paced calls to a host."""
    return PacedHttp(cast("Http", host), GivenToken("t"), clock)


def test_no_second_holds_more_calls_than_allowed() -> None:
    """Whatever the first five were, the sixth waits until a second after the first."""
    clock = Clock()
    host = Host(clock)
    http = paced(clock, host)
    for _ in range(3 * CALLS_PER_SECOND):
        http.get("/x")
    windows = zip(host.called, host.called[CALLS_PER_SECOND:], strict=False)
    assert all((later - first).total_seconds() >= 1 for first, later in windows)


def test_too_many_requests_are_waited_for_longer_each_time() -> None:
    """And the answer in the end is the CRM's, whichever it is."""
    clock = Clock()
    assert paced(clock, Host(clock, 429, 429)).get("/x").status == 200
    assert clock.slept == list(WAITS[:2])
    patient = Clock()
    assert paced(patient, Host(patient, *[429] * 9)).get("/x").status == 429
    assert patient.slept == list(WAITS)


def test_the_last_status_is_remembered() -> None:
    """It chooses the advice after a refusal."""
    clock = Clock()
    http = paced(clock, Host(clock, 402))
    http.get("/x")
    assert http.last_status == 402
