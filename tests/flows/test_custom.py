"""A message is posted by the protocol, the reply and the deal's changes come out at the strict receiver."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dealtalk.connections import ConnectionState, Mode
from tests.fakes.model import calls, says
from tests.flows.custom_company import NAME, Shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Open = Callable[..., Shop]

TELLING = ["deal_changes", "event_status", "person_needed"]
REPLY = "Записала. В каком городе?"


@pytest.fixture
def shop_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Return an opener of shops; their simulators are stopped."""
    opened: list[Shop] = []

    def open_(**switches: object) -> Shop:
        made = Shop(monkeypatch, switches)
        made.simulator.start()
        opened.append(made)
        return made

    yield open_
    for each in opened:
        each.simulator.stop()


@pytest.fixture
def shop(shop_of: Open) -> Shop:
    """Return a company whose program understands everything."""
    return shop_of()


def acts(shop: Shop) -> None:
    """Let the model change the deal and reply."""
    shop.model.lines = [
        calls(("update_deal", {"stage": "Квалификация", "fields": {"Товар": "окна"}, "add_tags": ["ии"]})),
        says(REPLY),
    ]


@pytest.mark.parametrize("supports", [[*TELLING, "deal_request"], TELLING], ids=["asked", "telling"])
def test_a_burst_is_answered_once_and_the_deal_is_kept_up_to_date(shop_of: Open, supports: list[str]) -> None:
    """Stage, field, tag, note and one reply, signed in both directions; afterwards it is quiet."""
    shop = shop_of(supports=supports, signing_secret="s" * 32)
    acts(shop)
    for text in ("здравствуйте", "нужны окна", "три штуки"):
        shop.customer(text)
    shop.work()
    assert shop.replies == [REPLY]
    assert (shop.card["stage"], shop.card["fields"]["Товар"], shop.card["tags"]) == ("Квалификация", "окна", ["ии"])
    assert len(shop.card["notes"]) == 1
    assert shop.statuses == [200] * 3
    assert shop.work(600) == []


def test_a_turn_that_only_tells_costs_no_call_to_read(shop_of: Open) -> None:
    """A plain reply is one event; changes are one, their note another."""
    shop = shop_of(supports=TELLING)
    shop.customer("здравствуйте")
    shop.work()
    assert shop.events() == ["new_messages"]
    acts(shop)
    shop.customer("хочу окна")
    shop.work()
    assert shop.events()[1:] == ["deal_changes", "deal_changes", "new_messages"]


def test_an_employee_silences_the_bot(shop: Shop) -> None:
    """In the transaction that stores their message; a person who was quicker is not spoken over."""
    shop.customer("сколько стоит?")
    shop.employee("Это Олег, посчитаю")
    shop.customer("жду")
    shop.work()
    assert (shop.replies, shop.state.mode) == ([], Mode.HUMAN)


def test_a_post_that_comes_twice_is_one_message(shop: Shop) -> None:
    """A sender that lost our 200 posts again."""
    shop.simulator.fault("webhook_duplicate", NAME, count=1)
    shop.customer("здравствуйте")
    shop.work()
    assert shop.statuses == [200, 200]
    assert len(shop.replies) == 1


@pytest.mark.parametrize("kind", ["status", "status_after"])
def test_a_receiver_that_fails_gets_the_reply_again_and_shows_it_once(shop_of: Open, kind: str) -> None:
    """Whether it had taken the reply or not: the event has one id."""
    shop = shop_of(supports=TELLING)
    shop.simulator.fault(kind, NAME, status=500, count=1)
    shop.model.lines = [says(REPLY)]
    shop.customer("здравствуйте")
    for _ in range(6):
        shop.work(120)
    assert shop.replies == [REPLY]
    ids = {event["event_id"] for event in shop.simulator.events(NAME, "new_messages")}
    assert len(ids) == 1


def test_a_receiver_that_asks_for_a_pause_gets_one(shop_of: Open) -> None:
    """429: nobody calls it for a while, then the reply comes."""
    shop = shop_of(supports=TELLING)
    shop.simulator.fault("status", NAME, status=429, count=1)
    shop.customer("здравствуйте")
    for _ in range(6):
        shop.work(120)
    assert len(shop.replies) == 1


def test_a_reply_whose_answer_was_lost_is_asked_about(shop_of: Open) -> None:
    """The receiver says that it has taken it: it is not sent again."""
    shop = shop_of(supports=TELLING)
    shop.simulator.fault("drop_after", NAME, count=1)
    shop.customer("здравствуйте")
    for _ in range(6):
        shop.work(120)
    assert len(shop.replies) == 1
    assert shop.events() == ["new_messages", "event_status"]


def test_without_event_status_a_lost_answer_calls_a_person(shop_of: Open) -> None:
    """Nobody can be asked whether the reply arrived: it is not sent blindly again."""
    shop = shop_of(supports=["deal_changes", "person_needed"])
    shop.simulator.fault("drop_after", NAME, count=1)
    shop.customer("здравствуйте")
    for _ in range(6):
        shop.work(120)
    assert len(shop.replies) == 1
    assert shop.events("new_messages") == ["new_messages"]
    assert shop.company.chats[shop.chat].left_to_person == 1
    assert len(shop.card["tasks"]) == 1


def test_a_chat_without_a_deal_is_answered_and_a_person_called_by_event(shop_of: Open) -> None:
    """A receiver of the public protocol knows messages only."""
    shop = shop_of(supports=["person_needed"], sends_deals=False)
    shop.customer("здравствуйте")
    shop.work()
    assert len(shop.replies) == 1
    shop.model.lines = [calls(("hand_over", {"reason": "просит человека"})), says("Передаю коллеге.")]
    shop.customer("позовите человека")
    shop.work()
    assert [text.partition(": ")[2] for text in shop.company.chats[shop.chat].for_people] == ["просит человека"] * 2
    assert shop.events("person_needed") == ["person_needed"] * 2
    assert shop.state.mode is Mode.HUMAN


def test_a_token_that_was_changed_over_there_stops_the_connection(shop_of: Open) -> None:
    """Messages wait; the integrator is told."""
    shop = shop_of(supports=TELLING)
    shop.simulator.revoke(NAME)
    shop.customer("здравствуйте")
    shop.work()
    [connection] = [shop.connections.load("custom", shop.state.connection)]
    assert connection is not None
    assert connection.state is ConnectionState.NEEDS_ATTENTION
    assert shop.replies == []


def test_the_same_stage_is_not_asked_for_where_it_is_not_allowed_now(shop_of: Open) -> None:
    """The deal's own limit: the model hears of it and the customer is answered."""
    shop = shop_of(supports=TELLING, allowed_stages=["new"])
    acts(shop)
    shop.customer("хочу окна")
    shop.work()
    assert shop.card["stage"] == "Новый"
    assert shop.replies == [REPLY]
