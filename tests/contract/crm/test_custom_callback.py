"""What a receiver's answers mean, and that an event which comes again is the same event."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from dealtalk.deals import AddNote, MoveStage, SetField, SetPrice
from dealtalk.errors import CrmUnavailable, NeedsAttention, OutcomeUnknown, Permanent, RateLimited
from dealtalk.ports import Certainty
from tests.contract.crm.custom_world import CustomWorld, custom_world

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = "Здравствуйте!"


@pytest.fixture
def world() -> Iterator[CustomWorld]:
    """Serve a company whose program understands everything."""
    yield from custom_world()


@pytest.fixture
def plain() -> Iterator[CustomWorld]:
    """Serve a receiver of the public protocol, which knows replies only."""
    yield from custom_world(supports=[], dedupes_messages=False, sends_schema=False)


@pytest.fixture
def telling() -> Iterator[CustomWorld]:
    """Serve a receiver that tells its deals and is not asked."""
    yield from custom_world(supports=["deal_changes"], answers_deal=False)


def answering(world: CustomWorld, status: int, body: Any = None, count: int = 1) -> None:
    """Let the next calls be answered so, without being acted on."""
    world.simulator.fault("status", "okna", status=status, body=body, count=count)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Permanent),
        (401, NeedsAttention),
        (403, NeedsAttention),
        (404, NeedsAttention),
        (405, NeedsAttention),
        (410, NeedsAttention),
        (422, Permanent),
        (429, RateLimited),
        (500, CrmUnavailable),
        (502, OutcomeUnknown),
        (503, CrmUnavailable),
        (504, OutcomeUnknown),
    ],
)
def test_each_status_has_its_meaning(world: CustomWorld, status: int, error: type[Exception]) -> None:
    """Not taken and to come again, not taken at all, or nobody knows: a gateway does not."""
    answering(world, status)
    with pytest.raises(error) as raised:
        world.crm.send(world.chat, world.deal_id, TEXT)
    assert type(raised.value) is error or status in {400, 422}
    assert TEXT not in str(raised.value)


def test_a_reply_that_was_not_taken_comes_again_with_its_id(world: CustomWorld) -> None:
    """A receiver that did take it, in spite of its 500, shows it once."""
    world.simulator.fault("status_after", "okna", status=500, count=1)
    with pytest.raises(CrmUnavailable):
        world.crm.send(world.chat, world.deal_id, TEXT)
    world.open().send(world.chat, world.deal_id, TEXT)
    first, second = world.events("new_messages")
    assert first == second
    assert world.received() == [TEXT]


def test_the_same_words_said_later_are_another_reply(world: CustomWorld) -> None:
    """Only what was not known to have arrived keeps its id."""
    world.crm.send(world.chat, world.deal_id, TEXT)
    world.crm.send(world.chat, world.deal_id, TEXT)
    assert world.received() == [TEXT, TEXT]


def test_a_reply_names_its_chat_and_its_sender(world: CustomWorld) -> None:
    """The public protocol's message, with the chat beside it."""
    world.crm.send(world.chat, world.deal_id, TEXT)
    [event] = world.events("new_messages")
    assert event["chat_id"] == world.chat_id
    assert event["new_messages"] == [{"type": "text", "message_sender": "ai", "text": TEXT}]


def test_a_receiver_of_the_public_protocol_gets_replies(plain: CustomWorld) -> None:
    """It answers 2xx and nothing else."""
    assert plain.crm.send(plain.chat, plain.deal_id, TEXT).confirmed
    assert plain.received() == [TEXT]


def test_without_event_status_a_lost_answer_stays_unknown(plain: CustomWorld) -> None:
    """The connection's setting decides then: a person is asked, or it is sent again."""
    since = plain.now()
    plain.lose_answer("send")
    with pytest.raises(OutcomeUnknown):
        plain.crm.send(plain.chat, plain.deal_id, TEXT)
    plain.pass_time(61)
    assert plain.crm.was_sent(plain.chat, plain.deal_id, TEXT, since) is Certainty.UNKNOWN
    assert plain.crm.was_sent(plain.chat, plain.deal_id, "never said", since) is Certainty.NO


def test_a_reply_that_never_left_is_known_not_to_have_been_sent(world: CustomWorld) -> None:
    """The connection was cut before the receiver took it, and it says so."""
    since = world.now()
    world.simulator.fault("drop_before", "okna", count=1)
    with pytest.raises(OutcomeUnknown):
        world.crm.send(world.chat, world.deal_id, TEXT)
    world.pass_time(61)
    assert world.crm.was_sent(world.chat, world.deal_id, TEXT, since) is Certainty.NO


def test_an_older_reply_with_these_words_is_not_this_one(world: CustomWorld) -> None:
    """A note counts from the moment that is asked about."""
    world.crm.send(world.chat, world.deal_id, TEXT)
    world.pass_time(3600)
    assert world.crm.was_sent(world.chat, world.deal_id, TEXT, world.now()) is Certainty.NO


def test_a_receiver_that_hangs_is_left_in_the_turns_time(world: CustomWorld) -> None:
    """It may have taken the reply."""
    world.simulator.fault("delay", "okna", seconds=5, count=1)
    with pytest.raises(OutcomeUnknown):
        world.open(seconds_left=lambda: 0.6).send(world.chat, world.deal_id, TEXT)


def test_a_change_whose_answer_was_lost_is_sent_once_more_with_its_id(world: CustomWorld) -> None:
    """The receiver knows the event and answers as before: it is applied once."""
    schema, deal = world.crm.read_schema(), world.crm.read_deal(world.deal_id)
    world.lose_answer("update_deal")
    [result] = world.crm.update_deal(deal, [SetPrice(Decimal(700))], schema)
    first, second = world.events("deal_changes")
    assert first == second
    assert result.applied
    assert [entry["what"] for entry in world.company.deals[world.deal_id].history] == ["Сумма"]


def test_the_same_change_of_a_later_state_is_another_event(world: CustomWorld) -> None:
    """A price set back and set again is two changes."""
    schema = world.crm.read_schema()
    for price in (700, 800, 700):
        world.crm.update_deal(world.crm.read_deal(world.deal_id), [SetPrice(Decimal(price))], schema)
    assert len({event["event_id"] for event in world.events("deal_changes")}) == 3
    assert world.company.deals[world.deal_id].price == "700"


def test_a_refused_change_is_told_in_the_receivers_words_and_the_rest_is_done(world: CustomWorld) -> None:
    """Each change has its own result."""
    schema, deal = world.crm.read_schema(), world.crm.read_deal(world.deal_id)
    read_only = next(field for field in schema.fields if field.read_only)
    results = world.crm.update_deal(deal, [SetField(read_only.id, "x"), SetPrice(Decimal(5))], schema)
    assert [(result.applied, result.refusal) for result in results] == [
        (False, "no such field, or it cannot be changed"),
        (True, None),
    ]


@pytest.mark.parametrize("body", [{}, {"results": []}, {"results": [{}]}, {"results": "yes"}, "ok"])
def test_a_change_that_is_not_confirmed_is_not_claimed(telling: CustomWorld, body: Any) -> None:
    """A bare 200 says that the event came, not that the deal was changed."""
    schema, deal = telling.crm.read_schema(), telling.crm.read_deal(telling.deal_id)
    answering(telling, 200, body)
    [result] = telling.crm.update_deal(deal, [SetPrice(Decimal(5))], schema)
    assert not result.applied
    assert result.refusal is not None
    assert telling.open().read_deal(telling.deal_id).price is None


def test_the_deal_in_the_answer_decides(world: CustomWorld) -> None:
    """The receiver said that it was applied, and showed another price."""
    schema, deal = world.crm.read_schema(), world.crm.read_deal(world.deal_id)
    shown = world.company.deal_json(world.company.deals[world.deal_id]) | {"price": "1"}
    answering(world, 200, {"results": [{"applied": True}], "deal": shown})
    [result] = world.crm.update_deal(deal, [SetPrice(Decimal(5))], schema)
    assert (result.applied, result.new) == (False, "1")


def test_what_was_changed_is_known_to_the_next_turn(telling: CustomWorld) -> None:
    """No message told it yet, and nobody is asked."""
    schema = telling.crm.read_schema()
    telling.crm.update_deal(telling.crm.read_deal(telling.deal_id), [SetPrice(Decimal(5))], schema)
    assert telling.open().read_deal(telling.deal_id).price == Decimal(5)
    assert telling.events("deal_request") == []


def test_a_stage_that_the_deal_may_not_enter_now_is_not_asked_for() -> None:
    """The sender's list of allowed stages is a limit, besides the profile's."""
    for world in custom_world(allowed_stages=["new", "qualification"]):
        schema, deal = world.crm.read_schema(), world.crm.read_deal(world.deal_id)
        [result] = world.crm.update_deal(deal, [MoveStage("sales", "contract")], schema)
        assert result.refusal == 'The CRM allows only these stages for this deal now: "Новый", "Квалификация".'
        assert world.events("deal_changes") == []


def test_a_receiver_without_changes_is_not_sent_any(plain: CustomWorld) -> None:
    """What it tells of deals is read; changes are refused in words."""
    schema, deal = plain.crm.read_schema(), plain.crm.read_deal(plain.deal_id)
    [result] = plain.crm.update_deal(deal, [SetPrice(Decimal(5))], schema)
    assert result.refusal == "This CRM takes no changes of its deals."
    assert not plain.crm.add(plain.deal_id, AddNote("note", "m")).applied
    assert plain.crm.calls == 0


def test_a_person_is_asked_for_once_per_question(world: CustomWorld) -> None:
    """Repeating is harmless; the customer's next message asks anew."""
    world.crm.leave_to_person(world.chat)
    world.crm.leave_to_person(world.chat)
    assert world.company.chats[world.chat_id].left_to_person == 1
    world.crm.leave_to_person(world.customer_writes("ау"))
    assert world.company.chats[world.chat_id].left_to_person == 2


def test_a_receiver_that_refuses_the_call_for_a_person_is_left_in_peace(world: CustomWorld) -> None:
    """By the public protocol unknown events may be refused."""
    answering(world, 422)
    world.crm.leave_to_person(world.chat)
    assert world.company.chats[world.chat_id].left_to_person == 0


def test_the_deal_of_a_chat_is_remembered_where_a_message_names_none(world: CustomWorld) -> None:
    """A sender may tell it once."""
    chat = world.take(
        world.simulator.message_body("okna", world.chat_id, world.company.chats[world.chat_id].lines[0])
        | {"message_id": "later", "deal": None, "deal_schema": None}
    )
    assert chat.deal_id is None
    assert world.crm.find_deal(chat) == world.deal_id


def test_employees_before_the_question_do_not_count(world: CustomWorld) -> None:
    """The conversation knows when a person wrote."""
    world.employee_writes("я тут")
    world.pass_time(10)
    assert not world.crm.employee_wrote(world.chat, world.now() - timedelta(seconds=1))
