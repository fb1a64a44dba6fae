"""A signed event of HubSpot goes in, the reply and the deal's changes come out at its simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dealtalk.connections import Mode
from dealtalk.conversation.state import meta_key
from dealtalk.errors import Retryable
from tests.fakes.model import calls, says
from tests.flows.hubspot_desk import NAME, Desk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Open = Callable[..., Desk]

MOST_CALLS = 8


@pytest.fixture
def desk_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Return an opener of desks; their simulators are stopped."""
    opened: list[Desk] = []

    def open_(**given: object) -> Desk:
        made = Desk(monkeypatch, **given)  # type: ignore[arg-type]  # (the test's own)
        made.simulator.start()
        opened.append(made)
        return made

    yield open_
    for each in opened:
        each.simulator.stop()


@pytest.fixture
def desk(desk_of: Open) -> Desk:
    """Return a desk as most portals are."""
    return desk_of()


def test_a_burst_is_answered_once_and_the_deal_is_kept_up_to_date(desk: Desk) -> None:
    """Stage, field, tag, note and reply; the echo of the reply rings for nothing."""
    desk.model.lines = [
        calls(("update_deal", {"stage": "Квалификация", "fields": {"Товар": "окна"}, "add_tags": ["ии"]})),
        says("Записала. В каком городе?"),
    ]
    for text in ("здравствуйте", "нужны окна", "три штуки"):
        desk.customer(text)
    desk.work()
    desk.work()
    assert desk.replies == ["Записала. В каком городе?"]
    assert (desk.card["stage"], desk.card["fields"]["Товар"]) == ("Квалификация", "окна")
    assert all(text in desk.model.prompt_text() for text in ("здравствуйте", "нужны окна", "три штуки"))
    assert (desk.state.mode, desk.state.is_unfinished, desk.state.due_at) == (None, False, None)
    assert desk.work(600) == []


def test_a_turn_costs_at_most_eight_calls(desk: Desk) -> None:
    """A plain one five; one that changes the deal and writes its note eight. The process knows the schema."""
    desk.customer("здравствуйте")
    desk.work()
    before = len(desk.calls())
    desk.customer("а цена?")
    desk.work()
    plain = desk.calls(before)
    before = len(desk.calls())
    desk.model.lines = [calls(("update_deal", {"stage": "Квалификация"})), says("Перевела")]
    desk.customer("хочу окна")
    desk.work()
    changing = desk.calls(before)
    assert len(desk.replies) == 3
    assert len(plain) == 5, plain
    assert len(changing) <= MOST_CALLS, changing
    assert sum(call.startswith("PATCH") for call in changing) == 1


@pytest.mark.parametrize("own_client", ["INTEGRATION", "HUBSPOT"])
def test_our_own_reply_is_no_takeover_however_it_is_shown(desk_of: Open, own_client: str) -> None:
    """By the app's id, or by the user in whose name it writes; nor is the assignment that it makes."""
    desk = desk_of(switches={"own_client": own_client, "reply_assigns": True})
    for number in range(2):
        desk.customer(f"вопрос {number}")
        desk.work()
        desk.work()
    assert (len(desk.replies), desk.state.mode) == (2, None)


def test_an_employee_in_the_inbox_silences_the_bot(desk: Desk) -> None:
    """At once by the assignment; their words are read, and stand in the prompt when the bot comes back."""
    desk.customer("сколько стоит?")
    desk.employee("Это Олег, сам посчитаю")
    assert desk.state.mode is Mode.HUMAN
    desk.customer("жду")
    desk.work()
    assert desk.replies == []
    assert desk.state.is_unread is False


def test_a_thread_that_a_person_was_given_before_is_theirs(desk_of: Open) -> None:
    """The portal assigns new threads by itself: the thread shows it, and nothing is sent."""
    desk = desk_of()
    desk.portal.threads[desk.thread].assigned_to = f"A-{next(iter(desk.portal.users))}"
    desk.customer("сколько стоит?")
    desk.work()
    assert (desk.replies, desk.state.mode) == ([], Mode.HUMAN)


def test_where_the_portal_assigns_by_itself_the_option_lets_the_bot_answer(desk_of: Open) -> None:
    """`assignment_is_takeover: false`: only a person's words are one."""
    desk = desk_of(options={"assignment_is_takeover": False})
    desk.portal.threads[desk.thread].assigned_to = f"A-{next(iter(desk.portal.users))}"
    desk.customer("сколько стоит?")
    desk.work()
    assert len(desk.replies) == 1
    desk.employee("Это Олег")
    desk.customer("ок")
    desk.work()
    assert (len(desk.replies), desk.state.mode) == (1, Mode.HUMAN)


def test_a_comment_is_nobodys_message(desk: Desk) -> None:
    """It neither stops the bot nor is it answered."""
    desk.customer("сколько стоит?")
    desk.comment("дать скидку?")
    desk.work()
    assert (len(desk.replies), desk.state.arrived) == (1, 1)
    assert "скидку" not in desk.model.prompt_text()


def test_a_chatflows_bot_counts_as_somebody(desk: Desk) -> None:
    """Two bots do not answer the same visitor."""
    desk.customer("сколько стоит?")
    desk.simulator.bot_says(NAME, desk.thread, "Чем помочь?")
    desk.arrive()
    desk.work()
    assert (desk.replies, desk.state.mode) == ([], Mode.HUMAN)


def test_spam_is_not_answered(desk: Desk) -> None:
    """What is said in a thread that is spam is said to nobody."""
    desk.portal.threads[desk.thread].spam = True
    desk.customer("buy now")
    desk.work()
    assert (desk.replies, desk.state.is_unfinished) == ([], False)


def test_a_queue_that_is_down_costs_a_retry_and_no_message(desk: Desk) -> None:
    """The delivery is answered with 500; HubSpot sends it again, and it is answered once."""
    desk.doorbell.fail = Retryable("the queue is down")
    desk.customer("сколько стоит?")
    assert [each.status for each in desk.simulator.deliveries(NAME)] == [500]
    desk.simulator.advance(9_000)
    assert desk.simulator.deliveries(NAME)[1].status == 200
    desk.work()
    assert len(desk.replies) == 1


def test_a_burst_limit_pauses_the_account_and_then_it_is_answered(desk: Desk) -> None:
    """After 429 nobody calls for ten seconds; then the conversation comes back by itself."""
    desk.simulator.fault("status", NAME, status=429, count=1)
    desk.customer("сколько стоит?")
    desk.work()
    assert desk.replies == []
    for _ in range(6):
        desk.work()
    refused, *others = [call.time for call in desk.simulator.calls(NAME)]
    assert min(others) - refused >= 10
    assert len(desk.replies) == 1


def test_the_daily_limit_rests_until_midnight_of_the_account(desk_of: Open) -> None:
    """09:00 UTC in Moscow's zone: twelve hours are left of the day."""
    desk = desk_of(options={"time_zone": "Europe/Moscow"}, switches={"per_day": 0})
    desk.customer("сколько стоит?")
    desk.work()
    due = desk.state.due_at
    assert due is not None
    assert due - desk.moment().timestamp() == pytest.approx(12 * 3600, abs=30)


def test_a_visitor_without_a_deal_is_answered_and_nothing_is_written(desk: Desk) -> None:
    """There is no deal to be changed; the reply goes out."""
    desk.thread, desk.deal_id = desk.simulator.open_chat(NAME, kind="contact", contact="Анна")
    desk.customer("сколько стоит?")
    desk.work()
    assert len(desk.replies) == 1


def test_the_newest_open_deal_of_the_configured_pipeline_is_the_chats(desk: Desk) -> None:
    """Neither a closed one nor one of another pipeline, however new."""
    from local.simulators.hubspot import people  # noqa: PLC0415 (only here)

    with desk.portal.lock:
        contact = desk.portal.objects["contacts"][desk.portal.threads[desk.thread].contact_id]
        newer = people.new_deal(desk.portal, contact, "Вторая")
        people.new_deal(desk.portal, contact, "Закрытая", stage=-1)
        people.new_deal(desk.portal, contact, "Поддержка", pipeline="876")
    desk.customer("сколько стоит?")
    desk.work()
    assert desk.state.deal_id == newer.id


def test_a_mail_is_answered_as_a_mail_and_read_to_its_end(desk: Desk) -> None:
    """To the sender's address with the subject; a long mail is fetched whole."""
    desk.thread, desk.deal_id = desk.simulator.open_chat(NAME, origin="email", contact="Пётр")
    desk.customer("окна " * 500 + "и подоконник")
    desk.work()
    assert len(desk.replies) == 1
    assert "и подоконник" in desk.model.prompt_text()


def test_a_lost_answer_to_the_send_does_not_send_twice(desk: Desk) -> None:
    """The thread itself tells that the reply stands there."""
    desk.simulator.fault("drop_after", NAME, method="POST", path=r"/threads/\d+/messages$", count=1)
    desk.customer("сколько стоит?")
    with pytest.raises(Retryable):
        desk.work()
    desk.simulator.advance(70)
    desk.customer("ау")
    desk.work()
    desk.work(30)
    assert desk.replies.count("Здравствуйте! Чем помочь?") == 2
    assert (desk.state.mode, desk.state.turn) == (None, None)
    key = meta_key(desk.state.conversation)
    assert "provisional" not in desk.table.items[key]
