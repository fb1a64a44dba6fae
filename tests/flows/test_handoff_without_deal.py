"""A chat that belongs to no deal, or whose deal is gone, is handed over through its contact."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dealtalk.connections import Mode
from dealtalk.errors import NeedsHuman, Retryable
from dealtalk.recovery.sweep import Sweeper
from tests.contract.crm.fake import FakeCrm
from tests.fakes.world import CHAT, PROFILE, SCHEMA, World

if TYPE_CHECKING:
    from dealtalk.deals import Deal
    from dealtalk.messages import Chat

TOLD = PROFILE + "handoff: {customer_message: {ru: Передали коллеге.}}\n"


class ContactCrm(FakeCrm):
    """A CRM that keeps notes and tasks with contacts too."""

    def place_for_notes(self, chat: Chat) -> str | None:
        """See `ports.NotesWithoutDeal`."""
        return f"contact:{chat.contact_id}" if chat.contact_id else None

    def _deal(self, deal_id: str) -> Deal:
        return next(iter(self.initial)) if deal_id.startswith("contact:") else super()._deal(deal_id)


def asking(contact: str | None, crm: type[FakeCrm] = ContactCrm, deal: str | None = None) -> World:
    """Return a customer without a deal who needs a person."""
    world = World(profile_text=TOLD)
    world.crm = crm(SCHEMA, [world.deal], clock=world.clock)
    world.model.lines = [NeedsHuman("the customer asks for a person")]
    world.take(world.message("позовите человека", chat=replace(CHAT, deal_id=deal, contact_id=contact)))
    return world


def places(world: World) -> list[str]:
    """Return where the note and the task went."""
    return [place for place, _ in (*world.crm.notes, *world.crm.tasks)]


def test_note_and_task_go_to_the_contact_and_no_alarm_rings() -> None:
    """A person is told where they look; the bot pauses, the customer hears of it."""
    world = asking("900")
    world.work()
    assert places(world) == ["contact:900", "contact:900"]
    assert world.replies == ["Передали коллеге."]
    assert world.state.mode is Mode.HUMAN
    assert "NeedsAttention" not in world.watch.counts


def test_a_deal_that_is_gone_is_no_place_for_notes() -> None:
    """It was deleted, or hidden from us: the contact is still there."""
    world = asking("900", deal="500")
    del world.crm.deals["500"]
    world.work()
    assert places(world) == ["contact:900", "contact:900"]


@pytest.mark.parametrize(("contact", "crm"), [(None, ContactCrm), ("900", FakeCrm)])
def test_where_there_is_no_place_the_alarm_rings(contact: str | None, crm: type[FakeCrm]) -> None:
    """No contact, or a CRM that keeps notes with deals only: the bot pauses all the same."""
    world = asking(contact, crm)
    world.work()
    assert places(world) == []
    assert world.watch.counts["NeedsAttention"] == 1
    assert world.state.mode is Mode.HUMAN


def test_what_was_begun_at_the_contact_is_settled_there() -> None:
    """The answer to the note was lost: it is found at the contact and not written again."""
    world = asking("900")
    world.crm.drop_answer("add")
    for _ in range(4):
        with suppress(Retryable):
            world.work(60)
        Sweeper(world.table, world.doorbell, world.clock).run()
    assert places(world) == ["contact:900", "contact:900"]
    assert world.state.mode is Mode.HUMAN


def test_with_a_deal_nothing_goes_to_the_contact() -> None:
    """The deal is where people look first."""
    world = asking("900", deal="500")
    world.work()
    assert places(world) == ["500", "500"]
