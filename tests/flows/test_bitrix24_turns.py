"""A customer of Bitrix24 is answered: the posted event, the responder and the adapter together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dealtalk.connections import Mode
from tests.contract.crm.bitrix24_world import NAME, bitrix_simulator
from tests.fakes.model import calls, says
from tests.flows.bitrix24_office import Office

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def office() -> Iterator[Office]:
    """Serve a portal."""
    with bitrix_simulator() as simulator:
        yield Office(simulator)


def test_a_plain_question_is_answered_in_three_calls(office: Office) -> None:
    """Once the portal's pipelines are known: read, look for a person, send."""
    office.says("Здравствуйте")
    office.brings()
    office.model.lines = [says("Добрый день!")]
    office.work()
    office.says("Сколько стоит окно?")
    office.brings()
    office.model.lines = [says("Семь тысяч.")]
    before = len(office.world.methods())

    office.work()

    assert office.world.received() == ["Добрый день!", "Семь тысяч."]
    assert office.world.methods(before) == ["batch", "batch", "imbot.v2.Chat.Message.send"]


def test_what_the_model_wished_stands_in_the_deal_before_it_speaks(office: Office) -> None:
    """Stage, field and tag in one request, read back in the same; then the note, then the reply."""
    office.says("Окна в Уфу")
    office.brings()
    office.model.lines = [
        calls(("update_deal", {"stage": "Квалификация", "fields": {"Город": "Уфа"}, "add_tags": ["ии"]})),
        says("Записал: Уфа."),
    ]

    office.work()

    card = office.world.card()
    assert (card["stage"], card["fields"]["Город"], card["tags"]) == ("Квалификация", "Уфа", ["ии"])
    assert len(card["notes"]) == 1
    assert office.world.received() == ["Записал: Уфа."]


def test_an_operator_who_writes_silences_the_bot(office: Office) -> None:
    """By the event of that message."""
    office.says("Здравствуйте")
    office.simulator.employee_says(NAME, office.world.chat_id, "Это Олег")
    office.brings()

    office.work()

    assert (office.state.mode, office.world.received()) == (Mode.HUMAN, ["Это Олег"])


def test_an_operator_who_took_the_dialog_meanwhile_stops_the_reply(office: Office) -> None:
    """No event tells of it: the dialog is asked about just before the first effect."""
    office.says("Здравствуйте")
    office.brings()
    office.model.lines = [says("Добрый день!")]
    office.simulator.advance(5)
    office.simulator.take(NAME, office.world.chat_id)

    office.work()

    assert (office.state.mode, office.world.received()) == (Mode.HUMAN, [])


def test_a_bot_that_was_sent_away_leaves_the_question_to_a_person(office: Office) -> None:
    """It cannot say so to the customer either; the handoff is committed all the same, and not tried again."""
    office.says("Здравствуйте")
    office.brings()
    office.world.dialog.members.discard(office.world.bot.id)
    office.model.lines = [says("Добрый день!")]

    office.work()

    assert (len(office.world.tasks()), office.world.received()) == (1, [])
    assert (office.state.mode, office.state.is_waiting) == (Mode.HUMAN, False)
