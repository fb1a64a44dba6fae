"""A person takes a conversation over just while the redriver hands it over: the other dead doorbells do not wait."""

from __future__ import annotations

from dealtalk.conversation.doorbell import Ring
from dealtalk.recovery.redrive import BUDGET, Fate, Redriver
from tests.fakes.letters import Letters
from tests.fakes.world import World


def test_a_takeover_in_the_middle_of_a_handoff_keeps_that_letter_and_ends_no_run() -> None:
    """The letter stays for the next run, which finds nothing unanswered; the one behind it is looked at now."""
    world = World()
    world.says("окна")
    world.table.items[world.conversation.partition, "META"]["redrives"] = BUDGET
    world.at("read_deal", lambda: world.employee_says("Это Олег, я отвечу"))
    letters = Letters(Ring(world.conversation, world.connection.id, 1, "message").body(), "no doorbell")
    fates = Redriver(world.services, letters, world.responder.open_turn, lambda: 60).run()
    assert {fate: count for fate, count in fates.items() if count} == {Fate.KEPT: 1, Fate.UNREADABLE: 1}
    assert list(letters.bodies) == ["0"]
    assert (world.crm.notes, world.crm.tasks) == ([], [])
