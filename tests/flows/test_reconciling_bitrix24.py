"""Reconciliation against Bitrix24's simulator, which never sends an event again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dealtalk.connections import Mode
from tests.contract.crm.bitrix24_world import NAME, bitrix_simulator
from tests.fakes.model import says
from tests.flows.bitrix24_office import Office

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def office() -> Iterator[Office]:
    """Serve a portal whose beginning was brought and answered."""
    with bitrix_simulator() as simulator:
        made = Office(simulator)
        made.reads()
        made.model.lines = [says("Здравствуйте!")]
        made.work(30)
        yield made


def test_a_lost_message_is_found_and_answered_once(office: Office) -> None:
    """However often the record is read, and though its event comes late."""
    office.says("Сколько стоит окно?")
    office.model.lines = [says("Семь тысяч.")]
    office.work(60)

    assert office.reads().taken.stored == 1
    office.work()
    office.brings()
    assert office.reads().taken.stored == 0
    office.work(120)

    assert office.world.received() == ["Здравствуйте!", "Семь тысяч."]


def test_a_found_message_is_the_one_that_an_event_would_have_brought(office: Office) -> None:
    """Session, deal, contact and channel are named alike."""
    office.says("Ещё вопрос")
    office.reads()

    assert office.state.chat == office.world.chat


def test_an_operator_s_lost_message_is_found_and_takes_over(office: Office) -> None:
    """A person first, however it is known."""
    office.simulator.employee_says(NAME, office.world.chat_id, "Это Олег")

    assert office.reads().taken.takeovers == 1
    assert office.state.mode is Mode.HUMAN


def test_our_own_replies_and_other_bots_are_no_news(office: Office) -> None:
    """Nothing is stored of them."""
    office.simulator.bot_says(NAME, office.world.chat_id, "Мы скоро ответим")

    assert (office.reads().taken.stored, office.state.mode) == (0, None)


def test_a_round_costs_two_calls(office: Office) -> None:
    """The sessions, and their histories in one batch."""
    before = len(office.world.methods())

    office.reads()

    assert office.world.methods(before) == ["batch", "batch"]


def test_many_sessions_are_read_in_several_pages(office: Office) -> None:
    """Twenty at once, in the order of their activities; none is missed."""
    for number in range(45):
        chat, _ = office.simulator.open_chat(NAME)
        office.simulator.customer_says(NAME, chat, f"Вопрос {number}")

    read = office.reads(1000)

    assert (read.taken.stored, read.pages) == (45, 3)


def test_a_session_that_was_closed_meanwhile_is_read_once_more(office: Office) -> None:
    """Its activity was touched since."""
    office.simulator.switch(NAME, activities_are_touched=True)
    office.says("И последнее")
    office.simulator.close(NAME, office.world.chat_id)

    assert office.reads().taken.stored == 1


def test_a_dialog_without_anything_in_crm_cannot_be_found(office: Office) -> None:
    """It has no activity: that is said in the documents."""
    chat, _ = office.simulator.open_chat(NAME, kind="none")
    office.simulator.customer_says(NAME, chat, "Ау")

    assert office.reads().taken.stored == 0
