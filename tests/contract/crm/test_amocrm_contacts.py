"""Notes and tasks for a chat without a lead: they go to its contact, and are found there again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from dealtalk.deals import AddNote, AddTask
from dealtalk.errors import DealGone, OutcomeUnknown
from dealtalk.ports import Certainty

if TYPE_CHECKING:
    from dealtalk.deals import DealAddition
    from tests.contract.crm.amocrm_world import AmocrmWorld

WORDS = "A customer needs a person"


def place(world: AmocrmWorld) -> str:
    """Return where notes of a chat without a lead go."""
    found = world.crm.place_for_notes(replace(world.chat, deal_id=None))
    assert found is not None
    return found


def additions(world: AmocrmWorld) -> list[DealAddition]:
    """Return a note and a task."""
    return [AddNote(WORDS, "m-note"), AddTask(WORDS, world.now() + timedelta(hours=1), "m-task")]


@pytest.mark.parametrize("number", [0, 1])
def test_it_is_kept_with_the_contact_and_found_again(amocrm: AmocrmWorld, number: int) -> None:
    """By its mark; another mark is not there."""
    addition, since = additions(amocrm)[number], amocrm.now()
    assert amocrm.crm.was_added(place(amocrm), addition, since) is Certainty.NO
    assert amocrm.crm.add(place(amocrm), addition).applied
    assert amocrm.crm.was_added(place(amocrm), addition, since) is Certainty.YES
    assert amocrm.crm.was_added(place(amocrm), replace(addition, marker="other"), since) is Certainty.NO
    assert amocrm.crm.was_added(amocrm.deal_id, addition, since) is Certainty.NO


def test_the_task_is_the_contacts_persons(amocrm: AmocrmWorld) -> None:
    """Unless the profile names somebody."""
    amocrm.crm.add(place(amocrm), additions(amocrm)[1])
    (task,) = amocrm.account.tasks.values()
    contact = amocrm.account.contacts[int(amocrm.chat.contact_id or 0)]
    assert (task.entity_type, task.entity_id) == ("contacts", contact.id)
    assert task.responsible_user_id == contact.responsible_user_id


def test_a_contact_that_is_gone_is_said(amocrm: AmocrmWorld) -> None:
    """Then only the alarm is left."""
    with pytest.raises(DealGone):
        amocrm.crm.add("contact:999999", additions(amocrm)[0])


def test_a_lost_answer_is_of_unknown_outcome(amocrm: AmocrmWorld) -> None:
    """It is asked about, as with a lead."""
    since = amocrm.now()
    path = f"/api/v4/contacts/{amocrm.chat.contact_id}/notes"
    amocrm.simulator.fault("drop_after", amocrm.account.subdomain, method="POST", path=path, count=1)
    note = additions(amocrm)[0]
    with pytest.raises(OutcomeUnknown):
        amocrm.crm.add(place(amocrm), note)
    assert amocrm.crm.was_added(place(amocrm), note, since) is Certainty.YES


def test_a_chat_without_a_contact_has_no_such_place(amocrm: AmocrmWorld) -> None:
    """And nobody is asked for one."""
    assert amocrm.crm.place_for_notes(replace(amocrm.chat, contact_id=None)) is None
    assert amocrm.calls() == []
