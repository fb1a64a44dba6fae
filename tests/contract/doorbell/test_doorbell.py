"""The doorbell in memory passes the suite that SQS passes on the emulator (tests/e2e/test_doorbell.py)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from dealtalk.conversation.doorbell import Ring
from tests.contract.doorbell.suite import ONE, OTHER, DoorbellContract
from tests.fakes.clock import FakeClock
from tests.fakes.doorbell import FakeDoorbell

if TYPE_CHECKING:
    from tests.contract.doorbell.suite import Bell


@dataclass
class Memory:
    """See `Bell`."""

    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.doorbell = FakeDoorbell(self.clock)

    def take(self) -> Ring | None:
        """See `Bell`."""
        self.clock.forward(seconds=5)
        return self.doorbell.take()


class TestFakeDoorbell(DoorbellContract):
    """The fake."""

    @pytest.fixture
    def bell(self) -> Bell:
        """Return a doorbell that nobody has rung."""
        return Memory()


@pytest.mark.parametrize("body", ["", "{}", "[]", "null", '{"crm": "x"}', '{"crm":"a","account":"b","arrival":"x"}'])
def test_a_body_that_is_no_ring_is_told_as_such(body: str) -> None:
    """A stranger's queue message raises one of the three that the handler knows."""
    with pytest.raises((ValueError, KeyError, TypeError)):
        Ring.from_body(body)


def test_a_ring_carries_no_phone_number() -> None:
    """A chat id that is a phone number does not stand in the body."""
    assert "900" not in Ring(OTHER, "c1", 1, "message").body()
    assert ONE.id != OTHER.id
