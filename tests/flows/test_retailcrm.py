"""A customer writes in RetailCRM's chats: the poller hears it, the responder answers, people take over."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING

import pytest
from aws_lambda_powertools import Logger, Metrics

from dealtalk.connections import ConnectionState, Mode
from dealtalk.watch import Watch
from tests.contract.crm.retailcrm_world import RetailcrmWorld, retailcrm_simulator
from tests.fakes.model import calls, says
from tests.flows.retailcrm_office import Office

if TYPE_CHECKING:
    from collections.abc import Iterator

SUB = "oknamaster"
BY_TURN = r"/api/"


class Died(BaseException):
    """The process is gone."""


@pytest.fixture
def office() -> Iterator[Office]:
    """Open the office of a fresh account."""
    with retailcrm_simulator() as simulator:
        yield Office(RetailcrmWorld(simulator, simulator.account(SUB), simulator.account("other")))


def test_a_burst_is_answered_once_and_changes_the_order(office: Office) -> None:
    """Status, field, tag and comment are written, then one reply is sent."""
    office.model.lines = [
        calls(
            ("update_deal", {"stage": "Квалификация", "fields": {"Товар": "окна ПВХ"}, "add_tags": ["ии"]}),
            ("add_note", {"text": "Хочет три окна"}),
        ),
        says("Записала. Какой город?"),
    ]
    for text in ("здравствуйте", "окна", "три штуки"):
        office.customer(text)
    assert office.poll()["stored"] == 3
    office.work()
    card = office.world.card()
    assert office.world.received() == ["Записала. Какой город?"]
    assert (card["stage"], card["fields"]["Товар"], card["tags"]) == ("Квалификация", "окна ПВХ", ["ии"])
    assert card["notes"][0]["text"].startswith("Хочет три окна")


def test_our_own_reply_comes_back_and_is_known(office: Office) -> None:
    """The list shows it as a bot's message: neither a takeover nor a question."""
    office.customer("здравствуйте")
    office.poll()
    office.work()
    assert office.poll()["stored"] == 0
    assert office.work() == 0
    assert (office.state.mode, office.state.turn) == (None, None)


def test_a_plain_turn_makes_at_most_six_calls(office: Office) -> None:
    """With a schema that is remembered: counted at the simulated account's own door."""
    for number in range(2):
        office.customer(f"вопрос {number}")
        office.poll()
        before = len(office.requests())
        office.work()
    assert len(office.world.received()) == 2
    assert len(office.requests()[before:]) <= 6, office.requests()[before:]


def test_a_poller_that_dies_loses_nothing_and_the_next_repeats_nothing(office: Office) -> None:
    """It dies between storing and ringing: the next one finds the message stored, and rings."""
    office.customer("первое")
    office.poll()
    office.customer("второе")
    office.doorbell.fail = Died()  # type: ignore[assignment]  # whatever ends a process
    with pytest.raises(Died):
        office.poll()
    office.clock.sleep(120)
    assert office.poll()["stored"] == 0
    office.work()
    assert len(office.world.received()) == 1
    assert "второе" in office.model.prompt_text()


def test_what_was_said_while_nobody_polled_is_answered(office: Office) -> None:
    """A quarter of an hour without the function: all of it is read, in order, and answered once."""
    office.poll()
    office.customer("есть кто?")
    office.clock.sleep(600)
    office.customer("ау")
    office.clock.sleep(300)
    assert office.poll()["stored"] == 2
    office.work()
    assert len(office.world.received()) == 1


def test_a_person_s_message_silences_the_bot(office: Office) -> None:
    """The poller brings both; the person leads."""
    office.customer("сколько стоит?")
    office.world.employee_writes("Это Олег, считаю")
    office.poll()
    office.work()
    assert office.world.received() == ["Это Олег, считаю"]
    assert office.state.mode is Mode.HUMAN


def test_a_person_who_takes_the_dialog_without_a_word_leads(office: Office) -> None:
    """It stands in the list as a system message."""
    office.customer("сколько стоит?")
    office.world.simulator.take_dialog(SUB, office.world.chat_id)
    office.poll()
    office.work()
    assert office.world.received() == []
    assert office.state.mode is Mode.HUMAN


def test_a_person_is_noticed_between_two_polls(office: Office) -> None:
    """The account is asked just before the first effect: what the poller has not read yet stops the reply too."""
    office.customer("сколько стоит?")
    office.poll()
    office.world.employee_writes("Это Олег")
    office.work()
    assert office.world.received() == ["Это Олег"]
    assert office.state.mode is Mode.HUMAN


def test_a_person_is_noticed_between_two_polls_when_outgoing_messages_were_seen_before(office: Office) -> None:
    """The poller has brought our own reply: the account is asked before the next one all the same."""
    office.customer("здравствуйте")
    office.poll()
    office.work()
    office.poll()
    office.customer("сколько стоит?")
    office.poll()
    office.world.employee_writes("Это Олег")
    office.work()
    assert len(office.world.received()) == 2
    assert office.state.mode is Mode.HUMAN


def test_a_handoff_frees_the_dialog_and_makes_a_task(office: Office) -> None:
    """The account's own rules give the dialog to somebody."""
    dialog = office.world.account.dialogs[int(office.world.chat.talk_id or 0)]
    dialog.responsible = {"id": office.world.bot.id, "type": "bot", "assigned_at": "2026-11-02T09:00:00.000000Z"}
    office.model.lines = [calls(("hand_over", {"reason": "Просит директора"})), says("Передаю коллеге.")]
    office.customer("позовите директора")
    office.poll()
    office.work()
    assert dialog_of(office) is None
    assert [who for _, who in office.world.tasks()] == ["Олег"]
    assert office.state.mode is Mode.HUMAN


def dialog_of(office: Office) -> object:
    """Return who has the chat's dialog."""
    return office.world.account.dialogs[int(office.world.chat.talk_id or 0)].responsible


def test_a_resumed_bot_is_not_stopped_by_the_old_takeover(office: Office) -> None:
    """An hour of a person's silence, then the customer writes again: the bot answers."""
    office.customer("сколько стоит?")
    office.world.simulator.take_dialog(SUB, office.world.chat_id)
    office.poll()
    office.work()
    office.clock.sleep(3700)
    office.customer("вы тут?")
    office.poll()
    office.work()
    assert len(office.world.received()) == 1


def test_too_many_requests_postpone_the_reply(office: Office) -> None:
    """The account rests for a while, then everything is answered once."""
    office.customer("здравствуйте")
    office.poll()
    office.world.simulator.fault("status", SUB, path=BY_TURN, status=503, count=3)
    office.work()
    assert office.world.received() == []
    office.later(120, times=6)
    assert len(office.world.received()) == 1


def test_a_reply_whose_answer_is_lost_is_not_sent_twice(office: Office) -> None:
    """The chat shows that it went out."""
    office.customer("здравствуйте")
    office.poll()
    office.world.simulator.fault("drop_after", SUB, method="POST", path=r"/bot/v1/messages$", count=1)
    office.work()
    office.later(70, times=3)
    assert len(office.world.received()) == 1
    assert office.state.turn is None


def test_a_module_that_is_switched_off_needs_attention(office: Office) -> None:
    """The poller says it once, and asks no more until somebody has repaired it."""
    office.world.simulator.revoke(SUB, office.world.bot.token)
    office.poll()
    connection = office.connections.load("retailcrm", office.connection.id)
    assert connection is not None
    assert connection.state is ConnectionState.NEEDS_ATTENTION
    asked = office.requests()
    office.poll()
    assert office.requests() == asked


def test_an_idle_account_is_asked_every_five_seconds_with_one_call(office: Office) -> None:
    """And nothing is written meanwhile but the lease."""
    office.seconds = 48
    office.poll()
    asked = office.requests()
    assert set(asked) == {"GET /mg/api/bot/v1/messages"}
    assert 8 <= len(asked) <= 10


def test_a_handoff_without_an_order_goes_to_the_customer(office: Office) -> None:
    """Who has ordered nothing yet is called back too."""
    office.world.account.orders.clear()
    office.model.lines = [calls(("hand_over", {"reason": "Просит директора"})), says("Передаю коллеге.")]
    office.customer("позовите директора")
    office.poll()
    office.work()
    [task] = office.world.account.tasks.values()
    assert office.world.account.user_name(task.performer_id) == "Олег"
    assert len(office.world.account.notes) == 1
    assert office.state.mode is Mode.HUMAN


def test_no_log_line_holds_a_text_a_name_or_a_secret(office: Office) -> None:
    """Whatever goes well or wrong at the CRM."""
    log = io.StringIO()
    logger = Logger(service="retailcrm-office", logger_handler=logging.StreamHandler(log), level="DEBUG")
    told = Office(office.world, watch=Watch(logger, Metrics(namespace="Dealtalk", service="office")))
    told.customer("тайна +7 917 000-00-00")
    for fault in ("status", "drop_after", "status"):
        office.world.simulator.fault(fault, SUB, path=BY_TURN, status=500, count=2)
        told.poll()
        told.work()
    told.later(120, times=3)
    office.world.simulator.revoke(SUB, office.world.bot.token)
    told.poll()
    said = log.getvalue()
    assert "needs_attention" in said
    secrets = office.world.secrets.values["keys"].values()
    assert [each for each in ("тайна", "917 000", "917000", "Иван", "Здравствуйте", *secrets) if each in said] == []
