"""Reading an account's own record: what no webhook brought is found once, and what was said later decides about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import NoReturn

import pytest

from dealtalk.connections import ConnectionState, Mode
from dealtalk.conversation.breaker import OPENS_AFTER, crm_breaker
from dealtalk.conversation.forgetting import Forgetting
from dealtalk.conversation.oversight import Oversight
from dealtalk.errors import CrmUnavailable, NeedsAttention, RateLimited
from dealtalk.messages import Author, Chat
from dealtalk.recovery.bookmark import LEASE, Bookmark, LeaseLost, Stand, reader_key
from tests.fakes.model import says
from tests.fakes.world import CHAT, PROFILE, World

SHORT_AGE = PROFILE.replace("max_wait_seconds: 20", "max_wait_seconds: 20, max_age_to_answer_minutes: 60")


@pytest.fixture
def world() -> World:
    """Return an account that was connected long ago."""
    return World()


def lost(world: World, text: str, author: Author = Author.CUSTOMER, *, ago: float = 0, **changes: object) -> None:
    """Put a message into the record that no webhook brought, written `ago` minutes ago."""
    message = world.message(text, author, sent_at=world.clock.now() - timedelta(minutes=ago), **changes)
    world.record.messages.append(message)


def test_a_message_whose_webhook_was_lost_is_found_and_answered_once(world: World) -> None:
    """However often the record is read afterwards."""
    lost(world, "Сколько стоит окно?", ago=10)
    world.model.lines.append(says("Семь тысяч."))
    first = world.reads()
    world.work()
    world.record.messages.append(world.record.messages[0])
    again = world.reads()
    world.work()
    assert (first.taken.stored, again.taken.stored, again.taken.known) == (1, 0, 1)
    assert world.replies == ["Семь тысяч."]


def test_a_webhook_that_comes_after_the_reader_is_known(world: World) -> None:
    """The late resend of a found message is neither stored nor answered again."""
    lost(world, "Сколько стоит окно?", ago=10)
    world.model.lines.append(says("Семь тысяч."))
    world.reads()
    world.work()
    result = world.take(world.record.messages[0])
    world.work()
    assert (result.stored, result.known, result.rung) == (0, 1, 0)
    assert world.replies == ["Семь тысяч."]


def test_webhook_and_reader_at_the_same_instant_store_one_message(world: World) -> None:
    """Whoever writes second finds the id taken, and looks again."""
    lost(world, "Сколько стоит окно?", ago=1)
    raced: list[str] = []

    def webhook(name: str) -> None:
        if name == "write" and "read" in raced:
            raced.remove("read")
            world.take(world.record.messages[0])

    world.table.before = webhook
    world.record.before = lambda: raced.append("read")
    read = world.reads()
    assert (read.why, read.taken.stored, read.taken.known) == ("read", 0, 1)
    assert len(world.timeline()) == 1


def test_what_a_webhook_brought_is_not_taken_again(world: World) -> None:
    """The record holds everything that was said, also what is answered already."""
    message = world.says("окна")
    world.model.lines.append(says("Какие?"))
    world.work()
    world.record.messages.append(message)
    assert (world.reads().taken.known, world.work()) == (1, [])


def test_the_place_moves_only_after_a_page_was_stored(world: World) -> None:
    """A reader that dies between reading and storing loses nothing: the next one reads the page again."""
    world.record.page = 1
    lost(world, "раз", ago=3)
    lost(world, "два", ago=2)
    bookmark = Bookmark.take(world.table, world.clock, world.connection)
    assert bookmark is not None
    world.record.read(None, world.clock.now())
    world.wait(seconds=LEASE.total_seconds())
    world.reads()
    assert world.record.reads == [0, 0, 1]
    assert [item["text"] for item in world.timeline()] == ["раз", "два"]


def test_a_reader_that_died_after_storing_repeats_nothing(world: World) -> None:
    """The page was taken in, the place not yet kept."""
    lost(world, "раз", ago=3)
    world.take(world.record.messages[0])
    assert (world.reads().taken.stored, len(world.timeline())) == (0, 1)


def test_one_reader_at_a_time(world: World) -> None:
    """A second one leaves at once, and comes in after the first has left."""
    seen: list[str] = []
    world.record.before = lambda: seen.append(world.reads().why) if not seen else None
    lost(world, "окна", ago=1)
    assert world.reads().why == "read"
    assert seen == ["another_reader"]
    assert world.reads().why == "read"


def test_a_dead_readers_lease_ends_by_itself(world: World) -> None:
    """The account is read again after at most the lease."""
    assert Bookmark.take(world.table, world.clock, world.connection)
    assert world.reads().why == "another_reader"
    world.wait(seconds=LEASE.total_seconds())
    assert world.reads().why == "read"


def test_a_reader_that_outlived_its_lease_moves_nothing(world: World) -> None:
    """Its messages are known, its place is not the next reader's."""
    old = Bookmark.take(world.table, world.clock, world.connection)
    assert old is not None
    world.wait(seconds=LEASE.total_seconds())
    lost(world, "окна", ago=1)
    world.reads()
    read = world.reading.go_on(world.connection, old, lambda: 60.0)
    assert read.why in {"lease_lost", "out_of_time"}
    with pytest.raises(LeaseLost):
        old.move({"read": 0}, at_end=True)
    assert world.table.items[reader_key(world.connection)]["cursor"] == {"read": 1}


def test_nothing_is_read_from_before_the_horizon(world: World) -> None:
    """What is a day old is a matter for people, and was one before the bot looked."""
    lost(world, "вчера", ago=24 * 60 + 1)
    lost(world, "сегодня", ago=23 * 60)
    read = world.reads()
    assert (read.taken.stored, read.too_old) == (1, 1)
    assert world.record.read_since == world.clock.now() - timedelta(hours=24)


def test_nothing_is_read_from_before_the_account_was_connected() -> None:
    """Old conversations stay people's."""
    world = World()
    connected = world.clock.now()
    world.connections.save(replace(world.connection, connected_at=connected))
    lost(world, "до", ago=1)
    world.wait(minutes=5)
    lost(world, "после", ago=1)
    read = world.reads()
    assert (read.taken.stored, read.too_old) == (1, 1)
    assert world.record.read_since == connected


def test_a_connection_that_was_off_begins_anew(world: World) -> None:
    """What came while nobody was to be answered is not answered when the bot is switched on."""
    off = replace(world.connection, state=ConnectionState.OFF)
    world.connections.save(off)
    lost(world, "пока выключено", ago=1)
    assert world.reads().why == "connection_off"
    world.wait(minutes=1)
    world.connections.save(replace(world.connection, state=ConnectionState.ACTIVE))
    lost(world, "включено")
    read = world.reads()
    assert (read.taken.stored, read.too_old) == (1, 1)


def test_what_was_forgotten_is_not_found_again(world: World) -> None:
    """Neither what was stored, nor what was lost on its way before the conversation was forgotten."""
    known = world.says("мой адрес")
    world.record.messages.append(known)
    lost(world, "и телефон", ago=1)
    world.wait(minutes=1)
    Forgetting(world.table, world.clock, "оператор").forget(world.conversation)
    world.wait(minutes=1)
    lost(world, "новое")
    world.reads()
    assert [item["text"] for item in world.timeline() if item["kind"] == "message"] == ["новое"]


def test_an_employees_found_message_is_a_takeover(world: World) -> None:
    """As by webhook: the bot is silent from then on."""
    world.says("окна")
    lost(world, "Здравствуйте, это Олег", Author.EMPLOYEE)
    assert world.reads().taken.takeovers == 1
    world.work()
    assert (world.replies, world.state.mode) == ([], Mode.HUMAN)


def test_an_employees_found_message_stops_a_turn(world: World) -> None:
    """Also one that is about to speak."""
    world.says("окна")
    world.wait(seconds=5)
    lost(world, "Отвечу сам", Author.EMPLOYEE)
    world.model.lines.append(says("Какие окна?"))
    world.at("read_deal", world.reads)
    world.work(0)
    assert world.replies == []


def test_the_bot_comes_back_by_the_time_at_which_the_person_wrote(world: World) -> None:
    """Not by that at which it was found: an hour of silence is an hour of silence."""
    lost(world, "Здравствуйте", Author.EMPLOYEE, ago=50)
    world.reads()
    world.says("ещё вопрос")
    world.model.lines.append(says("Слушаю."))
    world.work()
    assert world.replies == []
    world.wait(minutes=11)
    world.says("вы тут?")
    world.work()
    assert world.replies == ["Слушаю."]


def test_what_the_customer_wrote_after_a_found_employees_message_still_waits(world: World) -> None:
    """It is answered when the bot comes back: the person had not seen it when they wrote."""
    world.says("первый")
    world.model.lines.append(says("Ответ."))
    world.work()
    world.wait(minutes=10)
    second = world.says("второй")
    lost(world, "Здравствуйте", Author.EMPLOYEE, ago=5)
    world.reads()
    world.work()
    assert (world.replies, world.state.is_waiting) == (["Ответ."], True)
    world.model.lines.append(says("На второй."))
    world.wait(minutes=56)
    world.take(replace(second))
    world.clock.forward(minutes=6)
    world.work()
    assert world.replies == ["Ответ.", "На второй."]


def test_a_missed_message_is_answered_though_a_newer_one_was(world: World) -> None:
    """The reply to the newer one did not know it; the model is told that it came late."""
    lost(world, "Мне нужно три окна", ago=5)
    world.says("И доставка в Уфу")
    world.model.lines.append(says("Доставка есть."))
    world.work()
    world.model.lines.append(says("Три окна посчитаю."))
    world.reads()
    world.work()
    assert world.replies == ["Доставка есть.", "Три окна посчитаю."]
    assert "reached you late" in world.model.prompt_text()


def test_a_missed_message_that_a_person_has_had_before_their_eyes_is_not_answered(world: World) -> None:
    """It stands in the timeline, for the model's context, and waits for nobody."""
    lost(world, "Сколько стоит?", ago=20)
    world.employee_says("Семь тысяч")
    world.reads()
    assert not world.state.is_waiting
    world.wait(minutes=61)
    world.says("Спасибо, а доставка?")
    world.model.lines.append(says("Бесплатно."))
    world.work()
    assert world.replies == ["Бесплатно."]
    assert world.take(world.record.messages[0]).rung == 0


def test_a_missed_message_that_is_too_old_goes_to_a_person() -> None:
    """Age decides as for any message, and the customer is not told of it."""
    world = World(SHORT_AGE)
    lost(world, "Сколько стоит?", ago=90)
    world.reads()
    world.work()
    assert (world.replies, world.state.mode) == ([], Mode.HUMAN)
    assert (len(world.crm.notes), len(world.crm.tasks)) == (1, 1)


def test_an_old_missed_message_does_not_hand_over_a_fresh_one() -> None:
    """Both are answered, since the customer is waiting now."""
    world = World(SHORT_AGE)
    world.says("Вы тут?")
    lost(world, "Сколько стоит?", ago=90)
    world.reads()
    world.model.lines.append(says("Да, семь тысяч."))
    world.work()
    assert world.replies == ["Да, семь тысяч."]


def test_a_resume_is_not_undone_by_what_was_written_before_it(world: World) -> None:
    """The operator who resumed the bot knew what the person had written."""
    world.employee_says("Я отвечу")
    lost(world, "И ещё", Author.EMPLOYEE)
    world.wait(minutes=1)
    Oversight(world.table, world.doorbell, world.clock, "оператор").resume(world.conversation)
    world.reads()
    assert world.state.mode is None


def test_our_own_reply_in_the_record_is_no_takeover(world: World) -> None:
    """Sent by a way that returns no id, shown under the name of the token's owner, and confirmed long ago."""
    world.crm.returns_ids = False
    world.says("окна")
    world.model.lines.append(says("Какие окна?"))
    world.work()
    world.take(world.message("Какие окна?", Author.BOT))
    world.work(70)
    lost(world, "Какие окна?", Author.EMPLOYEE)
    read = world.reads()
    assert (read.taken.echoes, read.taken.takeovers, world.state.mode) == (1, 0, None)


def test_a_found_echo_confirms_a_reply_that_was_only_queued(world: World) -> None:
    """As the webhook's would have."""
    world.crm.returns_ids = False
    world.says("окна")
    world.model.lines.append(says("Какие окна?"))
    world.work()
    lost(world, "Какие окна?", Author.BOT)
    world.reads()
    unconfirmed = world.state.unconfirmed
    assert unconfirmed is not None
    assert world.state.confirmed == unconfirmed.turn


def test_a_found_message_keeps_the_ids_that_only_a_webhook_names(world: World) -> None:
    """The record of a CRM may name less than its webhooks."""
    world.says("окна")
    lost(world, "и двери", chat=Chat(CHAT.chat_id, talk_id=CHAT.talk_id))
    world.reads()
    assert world.state.chat == CHAT


def test_an_older_found_message_does_not_change_where_the_reply_goes(world: World) -> None:
    """The newest message names the chat's talk and lead."""
    old = Chat(CHAT.chat_id, talk_id="11", deal_id="44")
    lost(world, "окна", ago=10, chat=old)
    world.says("двери")
    world.reads()
    assert world.state.chat == CHAT


def fails(error: Exception) -> NoReturn:
    """Fail as an adapter fails."""
    raise error


def test_a_crm_out_of_reach_counts_into_the_accounts_breaker(world: World) -> None:
    """And an open breaker is left alone."""
    world.record.before = lambda: fails(CrmUnavailable("down"))
    for _ in range(OPENS_AFTER):
        assert world.reads().why == "crm_unavailable"
    assert "open_until" in world.table.items[crm_breaker(world.connection)]
    asked = len(world.record.reads)
    assert (world.reads().why, len(world.record.reads)) == ("crm_rests", asked)


def test_reading_closes_the_breaker_again(world: World) -> None:
    """A poller's account has no turns that could."""
    world.record.before = lambda: fails(CrmUnavailable("down"))
    for _ in range(OPENS_AFTER):
        world.reads()
    world.record.before = None
    world.wait(seconds=31)
    assert world.reads().why == "read"
    assert "failures" not in world.table.items[crm_breaker(world.connection)]


def test_a_dead_token_marks_the_connection(world: World) -> None:
    """And it is read no more until somebody has looked."""
    world.record.before = lambda: fails(NeedsAttention("the token is dead"))
    assert world.reads().why == "needs_attention"
    marked = world.connections.load("amocrm", world.connection.id)
    assert marked is not None
    assert (marked.state, marked.state_reason) == (ConnectionState.NEEDS_ATTENTION, "the token is dead")
    assert world.reads().why == "connection_needs_attention"


def test_a_refusal_of_reading_silences_the_bot_for_half_a_minute_at_most(world: World) -> None:
    """A CRM's 403 may be a ban, or a right that only reading lacks."""
    world.record.before = lambda: fails(RateLimited("forbidden", after=300))
    world.reads()
    marked = world.connections.load("amocrm", world.connection.id)
    assert marked is not None
    assert marked.cooldown_until is not None
    assert marked.cooldown_until - world.clock.now() <= timedelta(seconds=31)


def test_too_many_requests_cool_the_account_down(world: World) -> None:
    """For turns as for readers."""
    world.record.before = lambda: fails(RateLimited("slow down", after=30))
    assert world.reads().why == "cools_down"
    assert world.reads().why == "connection_cools_down"


def test_an_adapters_fault_is_counted_and_keeps_the_place(world: World) -> None:
    """It must not keep the other accounts from being read."""
    lost(world, "окна", ago=1)
    world.record.before = lambda: fails(ZeroDivisionError("text of a customer"))
    assert world.reads().why == "unknown"
    assert world.watch.counts["UnknownErrors"] == 1
    assert "customer" not in str(world.watch.errors)
    world.record.before = None
    assert world.reads().taken.stored == 1


def test_no_page_is_begun_without_time_to_store_it(world: World) -> None:
    """The rest is read by the next run, from where this one stopped."""
    world.record.page = 1
    for number in range(3):
        lost(world, f"слово {number}", ago=9 - number)
    world.record.before = lambda: world.wait(seconds=5)
    assert (world.reads(16).why, len(world.timeline())) == ("out_of_time", 2)
    assert (world.reads(16).why, len(world.timeline())) == ("read", 3)


def test_the_bookmark_tells_when_the_account_was_read(world: World) -> None:
    """And what went wrong since."""
    world.reads()
    first = Stand.of(world.table.items[reader_key(world.connection)])
    world.record.before = lambda: fails(CrmUnavailable("down"))
    world.wait(minutes=10)
    world.reads()
    second = Stand.of(world.table.items[reader_key(world.connection)])
    assert (first.failed_why, second.failed_why, second.read_at) == (None, "crm_unavailable", first.read_at)


def test_a_horizon_beyond_what_is_remembered_is_refused(world: World) -> None:
    """Messages would come back as new ones."""
    with pytest.raises(ValueError, match="horizon"):
        replace(world.reading, horizon=timedelta(days=30))


def test_many_pages_keep_their_order(world: World) -> None:
    """Page after page in one run."""
    world.record.page = 3
    for number in range(10):
        lost(world, f"слово {number}", ago=30 - number)
    read = world.reads()
    assert (read.pages, read.taken.stored) == (4, 10)
    assert [item["text"] for item in world.timeline()] == [f"слово {number}" for number in range(10)]
