"""The same small world in every CRM: one deal with a chat, an employee, a clock, and things that go wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dealtalk.messages import Chat
    from dealtalk.ports import Crm
    from local.simulators.clock import Clock

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


class World(Protocol):
    """What the contract suite needs besides the adapter."""

    crm: Crm
    deal_id: str
    strangers_deal: str
    chat: Chat
    shows_texts: bool
    """Whether the CRM lets us see what was said, so that "not sent" can be known."""

    def now(self) -> datetime:
        """Return the world's time."""
        ...

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and what is due happen."""
        ...

    def received(self) -> list[str]:
        """Return the texts that reached the customer from our side."""
        ...

    def employee_writes(self, text: str) -> None:
        """Let a person of the company write into the chat."""
        ...

    def refuse_requests(self) -> None:
        """Let the CRM say "too many requests" to the next call."""
        ...

    def kill_token(self) -> None:
        """Let the account's owner withdraw the token."""
        ...

    def lose_answer(self, method: str) -> None:
        """Let the next call of this method of the port act and its answer get lost."""
        ...

    def delete_deal(self) -> None:
        """Delete the deal by hand."""
        ...

    def notes(self) -> list[str]:
        """Return the deal's notes."""
        ...

    def tasks(self) -> list[tuple[str, str]]:
        """Return the deal's tasks as text and the name of the responsible person."""
        ...


class GivenSecrets:
    """Secrets in memory; `reads` counts the reads past the cache."""

    def __init__(self, values: dict[str, dict[str, str]]) -> None:
        self.values = values
        self.reads = 0

    def read(self, name: str, *, fresh: bool = False) -> Mapping[str, str]:
        """Return the secret."""
        self.reads += fresh
        return self.values[name]


@dataclass
class FakeClock:
    """A clock that stands still until it sleeps."""

    at: datetime = START

    def now(self) -> datetime:
        """Return the time."""
        return self.at

    def sleep(self, seconds: float) -> None:
        """Move the time."""
        self.at += timedelta(seconds=seconds)


class Simulator(Protocol):
    """What every simulator with a hand-set clock has."""

    clock: Clock

    def advance(self, seconds: float) -> None:
        """Move the time and wait until what became due is done."""
        ...


@dataclass
class SimulatorClock:
    """The simulator's hand-set time as the port's clock; to sleep is to move it."""

    simulator: Simulator

    def now(self) -> datetime:
        """Return the simulator's time."""
        return datetime.fromtimestamp(self.simulator.clock.now(), UTC)

    def sleep(self, seconds: float) -> None:
        """Move the simulator's time."""
        self.simulator.advance(seconds)
