"""Reconciliation against amoCRM's and Kommo's simulators: the event list, talks' texts, and what cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dealtalk.connections import Mode
from dealtalk.recovery.reconcile import Reconciler
from local.simulators.amocrm import AmocrmSimulator, ManualClock, english_account, russian_account
from local.simulators.amocrm.settings import ALL_SCOPES, SCOPE_HISTORY
from tests.fakes.model import says
from tests.flows.amocrm_office import Office

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def simulator() -> Iterator[AmocrmSimulator]:
    """Run a simulator on a clock that stands still."""
    with AmocrmSimulator(clock=ManualClock()) as running:
        yield running


@pytest.fixture
def kommo(simulator: AmocrmSimulator) -> Office:
    """Return an account whose talks can be read."""
    english, russian = simulator.add_account(english_account), simulator.add_account(russian_account)
    return Office(simulator, english, russian)


@pytest.fixture
def amo(simulator: AmocrmSimulator) -> Office:
    """Return an account of which only events can be read, without their talks."""
    english, russian = simulator.add_account(english_account), simulator.add_account(russian_account)
    return Office(simulator, russian, english)


def test_a_lost_message_is_found_with_its_text_and_answered_once(kommo: Office) -> None:
    """However often the record is read, and though its webhook comes late."""
    line = kommo.says("How much is a room?")
    kommo.model.lines = [says("A hundred.")]
    kommo.work(60)
    assert kommo.reads().taken.stored == 1
    kommo.work()
    kommo.brings(line)
    kommo.reads()
    kommo.work(120)
    assert kommo.world.received() == ["A hundred."]
    assert "How much is a room?" in kommo.model.prompt_text()


def test_a_found_message_is_answered_in_its_channel_and_lead(kommo: Office) -> None:
    """Talk, contact, channel and lead are as a webhook would have named them."""
    kommo.says("Hello")
    kommo.reads()
    assert kommo.state.chat == kommo.world.chat


def test_what_webhooks_brought_costs_the_event_list_and_the_chats_once(kommo: Office) -> None:
    """No talk is read for messages that are known, and a talk's chat is asked for once."""
    kommo.brings(kommo.says("Hello"))
    kommo.reads()
    kommo.work(600)
    before = len(kommo.world.calls())
    kommo.reads()
    assert [path.rsplit("/", 1)[-1] for _, path in kommo.world.calls()[before:]] == ["events"]


def test_an_employees_lost_message_is_found_and_takes_over(kommo: Office) -> None:
    """With its text, for when the bot comes back."""
    kommo.brings(kommo.says("Hello"))
    kommo.world.employee_writes("I will help you")
    assert kommo.reads().taken.takeovers == 1
    kommo.work()
    assert (kommo.state.mode, [t for t in kommo.world.received() if t != "I will help you"]) == (Mode.HUMAN, [])


def test_our_own_replies_are_no_news(kommo: Office) -> None:
    """Known by their ids."""
    kommo.brings(kommo.says("Hello"))
    kommo.work()
    assert len(kommo.world.received()) == 1
    read = kommo.reads()
    assert (read.taken.stored, kommo.state.mode) == (0, None)


def test_without_the_scope_a_person_is_asked_to_look(kommo: Office) -> None:
    """Kommo without "External chat history" shows no texts either."""
    scopes = ALL_SCOPES - {SCOPE_HISTORY}
    kommo.world.secrets.values["token"] = {"token": kommo.simulator.token(kommo.account.subdomain, scopes=scopes)}
    kommo.says("Hello")
    kommo.work(31 * 60)
    assert kommo.reads().taken.stored == 1
    kommo.work()
    assert len(kommo.world.tasks()) == 1


def test_a_lost_message_that_nobody_can_read_is_told_to_a_person(amo: Office) -> None:
    """A note, a task, a paused bot: never silence."""
    amo.says("Сколько стоит окно?")
    amo.work(31 * 60)
    assert amo.reads().taken.stored == 1
    amo.work()
    assert amo.model.prompts == []
    assert (amo.state.mode, len(amo.world.tasks())) == (Mode.HUMAN, 1)
    assert any("please read the chat" in note for note in amo.world.notes())


def test_nobody_is_bothered_before_the_crm_must_have_sent_again(amo: Office) -> None:
    """Its second and third attempt come after 5 and 20 minutes, and they bring the text."""
    line = amo.says("Сколько стоит окно?")
    amo.work(10 * 60)
    assert amo.reads().taken.stored == 0
    amo.work(5 * 60)
    amo.brings(line)
    amo.model.lines = [says("Семь тысяч.")]
    amo.work()
    amo.work(20 * 60)
    amo.reads()
    amo.work()
    assert (amo.world.received(), amo.world.tasks()) == (["Семь тысяч."], [])


def test_what_was_too_young_is_read_again_when_it_is_old_enough(amo: Office) -> None:
    """The place moves no further than what can be told."""
    amo.says("Сколько стоит окно?")
    amo.work(10 * 60)
    assert amo.reads().taken.stored == 0
    amo.work(25 * 60)
    assert amo.reads().taken.stored == 1


def test_a_webhook_later_than_that_brings_the_text_after_all(amo: Office) -> None:
    """The fourth and fifth attempts come within two hours: the text stands in the timeline, nobody is asked twice."""
    line = amo.says("Сколько стоит окно?")
    amo.work(31 * 60)
    amo.reads()
    amo.work()
    amo.brings(line)
    amo.work()
    texts = [item["text"] for item in amo.table.items.values() if item.get("kind") == "message"]
    assert texts == ["Сколько стоит окно?"]
    assert (len(amo.world.tasks()), amo.world.received()) == (1, [])


def test_an_employees_lost_message_takes_over_though_it_cannot_be_read(amo: Office) -> None:
    """Who wrote it stands in the event."""
    amo.brings(amo.says("Здравствуйте"))
    amo.world.employee_writes("Я отвечу")
    amo.reads()
    amo.work()
    assert amo.state.mode is Mode.HUMAN


def test_a_contact_with_two_chats_cannot_be_placed_without_a_talk(amo: Office) -> None:
    """Where the event names no talk, the contact's only chat is meant; of two, nobody knows which."""
    amo.simulator.open_chat(amo.account.subdomain)
    first, second = list(amo.account.chats.values())[-2:]
    second.contact_id = first.contact_id
    amo.says("Здравствуйте")
    for chat in amo.account.chats.values():
        chat.contact_id = first.contact_id
    amo.work(31 * 60)
    assert amo.reads().taken.stored == 0


def test_events_that_name_their_talk_are_placed_by_it(amo: Office) -> None:
    """As integrators saw them on amocrm.ru, though its pages do not say so."""
    amo.simulator.switch(amo.account.subdomain, event_talks=True)
    amo.says("Здравствуйте")
    amo.work(31 * 60)
    amo.reads()
    assert amo.state.chat.talk_id == amo.world.chat.talk_id


def test_a_day_is_read_window_by_window(kommo: Office) -> None:
    """Oldest first, an hour at a time, and no message twice."""
    for hour in range(5):
        kommo.says(f"hour {hour}")
        kommo.work(3600)
    read = kommo.reads()
    assert (read.why, read.taken.stored) == ("read", 5)
    texts = [item["text"] for item in kommo.table.items.values() if item.get("kind") == "message"]
    assert texts == [f"hour {hour}" for hour in range(5)]
    assert kommo.reads().taken.stored == 0


def test_a_busy_hour_is_read_in_smaller_windows(kommo: Office) -> None:
    """Six hundred messages are more than five pages of events."""
    for number in range(600):
        kommo.says(f"m{number}")
        kommo.simulator.advance(5)
    stored = sum(kommo.reads(600).taken.stored for _ in range(8))
    assert stored == 600


def test_many_new_chats_are_looked_up_bit_by_bit(kommo: Office) -> None:
    """Each costs a call: a page ends where it has asked for enough of them, and the next goes on."""
    for _ in range(60):
        chat, _lead = kommo.simulator.open_chat(kommo.account.subdomain)
        kommo.simulator.customer_says(kommo.account.subdomain, chat, "Hello")
    total, runs = 0, 0
    while total < 60 and runs < 10:
        total, runs = total + kommo.reads(40).taken.stored, runs + 1
    assert total == 60


def test_reading_leaves_the_bot_most_of_the_accounts_calls(kommo: Office) -> None:
    """At most one call a second of five."""
    for hour in range(6):
        kommo.says(f"hour {hour}")
        kommo.work(3600)
    before, began = len(kommo.world.calls()), kommo.clock.now()
    kommo.reads()
    calls, seconds = len(kommo.world.calls()) - before, (kommo.clock.now() - began).total_seconds()
    assert calls - 1 <= seconds + 1


def test_two_reconcilers_read_an_account_once(kommo: Office) -> None:
    """The second finds the first at it."""
    kommo.says("Hello")
    reconciler = Reconciler(kommo.reading, ["amocrm"])
    inner: list[dict[str, int]] = []
    opened = kommo.reading.open_history

    def open_and_meet(*arguments: object) -> object:
        if not inner:
            inner.append({})
            inner.append(dict(reconciler.run(lambda: 60.0)))
        return opened(*arguments)  # type: ignore[arg-type]

    object.__setattr__(kommo.reading, "open_history", open_and_meet)
    counts = reconciler.run(lambda: 60.0)
    assert (inner[1], counts["stored"]) == ({"another_reader": 1, "stored": 0}, 1)
