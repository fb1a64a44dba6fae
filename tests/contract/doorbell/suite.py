"""What every doorbell must do. A `Bell` hides how rings are made and taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dealtalk.conversation.doorbell import counted_dedup, message_dedup
from dealtalk.messages import ConversationKey

if TYPE_CHECKING:
    from dealtalk.conversation.doorbell import Ring
    from dealtalk.ports import Doorbell

ONE = ConversationKey.of_chat("amocrm", "1", "chat-one")
OTHER = ConversationKey.of_chat("amocrm", "1", "+7 900 000-00-00")


class Bell(Protocol):
    """A doorbell under test, and the way to take what it rang."""

    @property
    def doorbell(self) -> Doorbell:
        """The doorbell."""
        ...

    def take(self) -> Ring | None:
        """Receive one deliverable ring and delete it; None where there is none."""
        ...


def take_all(bell: Bell) -> list[Ring]:
    """Take until nothing is left."""
    rings = []
    while (ring := bell.take()) is not None:
        rings.append(ring)
    return rings


class DoorbellContract:
    """The behaviours."""

    def test_a_ring_arrives_with_its_keys(self, bell: Bell) -> None:
        """Conversation, connection, arrival number and reason come out as they went in."""
        bell.doorbell.ring(ONE, connection="c1", arrival=7, dedup=message_dedup(ONE, "m"), reason="message")
        (ring,) = take_all(bell)
        assert (ring.conversation, ring.connection, ring.arrival, ring.reason) == (ONE, "c1", 7, "message")

    def test_the_same_message_rings_once(self, bell: Bell) -> None:
        """A second delivery of the webhook rings with the same id, also after the first ring was consumed."""
        for _ in range(2):
            bell.doorbell.ring(ONE, connection="c1", arrival=1, dedup=message_dedup(ONE, "m"), reason="message")
        assert len(take_all(bell)) == 1
        bell.doorbell.ring(ONE, connection="c1", arrival=1, dedup=message_dedup(ONE, "m"), reason="message")
        assert take_all(bell) == []

    def test_a_counted_ring_arrives_though_the_first_was_consumed(self, bell: Bell) -> None:
        """Within five minutes two rings for the same reason, the first already consumed: both arrive."""
        for count in (1, 2):
            bell.doorbell.ring(ONE, connection="c1", arrival=1, dedup=counted_dedup(ONE, "due", count), reason="due")
            assert len(take_all(bell)) == 1

    def test_conversations_ring_apart(self, bell: Bell) -> None:
        """The same id in another conversation is another ring."""
        for key in (ONE, OTHER):
            bell.doorbell.ring(key, connection="c1", arrival=1, dedup="same", reason="due")
        assert {ring.conversation for ring in take_all(bell)} == {ONE, OTHER}
