"""When a webhook is repeated, when it is given up, and when it is switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local.simulators.amocrm import AmocrmSimulator, ManualClock, russian_account

if TYPE_CHECKING:
    from tests.simulators.amocrm.conftest import Client
    from tests.simulators.receiver import Receiver

HOOKS = "/api/v4/webhooks"


def attempts(client: Client) -> list[tuple[int, int]]:
    """Return number and status of each delivery attempt."""
    return [(d.attempt, d.status) for d in client.sim.deliveries(client.name)]


SCHEDULES = [
    (500, [0, 300, 900, 900, 3600], 5),
    (499, [0, 300, 900, 900, 3600], 5),
    (404, [0, 300, 900], 3),
    (302, [0, 300, 900], 3),
]


@pytest.mark.parametrize(("status", "waits", "made"), SCHEDULES)
def test_a_failed_delivery_is_repeated_on_schedule(
    amo: Client, receiver: Receiver, status: int, waits: list[int], made: int
) -> None:
    """5 and 15 minutes for any failure, another 15 minutes and an hour for 499 and 5xx only; never early."""
    receiver.status = status
    amo.subscribe(receiver.url, "add_message")
    amo.sim.customer_says(amo.name, amo.sim.open_chat(amo.name)[0], "раз")
    amo.sim.settle()
    for number, wait in enumerate(waits[1:], 2):
        amo.sim.advance(wait - 1)
        assert len(receiver.hits) == number - 1
        amo.sim.advance(1)
    amo.sim.advance(7200)
    assert attempts(amo) == [(n, status) for n in range(1, made + 1)]
    assert len({hit.raw for hit in receiver.hits}) == 1


def test_a_delivery_that_was_accepted_is_not_repeated(amo: Client, receiver: Receiver) -> None:
    """The first success ends it."""
    receiver.script.extend([500, 204])
    amo.subscribe(receiver.url, "add_message")
    amo.sim.customer_says(amo.name, amo.sim.open_chat(amo.name)[0], "раз")
    amo.sim.settle()
    amo.sim.advance(300)
    amo.sim.advance(7200)
    assert attempts(amo) == [(1, 500), (2, 204)]


def test_two_seconds_without_an_answer_are_a_failure(amo: Client, receiver: Receiver) -> None:
    """A receiver that holds on is given up and asked again."""
    amo.subscribe(receiver.url, "add_message")
    receiver.gate.clear()
    amo.sim.customer_says(amo.name, amo.sim.open_chat(amo.name)[0], "раз")
    amo.sim.settle()
    receiver.gate.set()
    amo.sim.advance(300)
    assert attempts(amo) == [(1, 0), (2, 200)]


def test_a_closed_port_is_a_failure(amo: Client, receiver: Receiver) -> None:
    """No connection counts as no answer."""
    amo.subscribe(receiver.url, "add_message")
    receiver.stop()
    amo.sim.customer_says(amo.name, amo.sim.open_chat(amo.name)[0], "раз")
    amo.sim.settle()
    assert attempts(amo) == [(1, 0)]


def test_the_schedule_can_be_compressed(receiver: Receiver) -> None:
    """A time factor of 300 makes five minutes a second."""
    clock = ManualClock()
    with AmocrmSimulator([russian_account], clock=clock, time_factor=300) as sim:
        sim.ui_save_webhook("oknamaster", receiver.url, ["add_message"])
        receiver.script.append(500)
        sim.customer_says("oknamaster", sim.open_chat("oknamaster")[0], "раз")
        sim.settle()
        sim.advance(1)
        assert [d.attempt for d in sim.deliveries("oknamaster")] == [1, 2]


def fail(client: Client, chat: str, times: int) -> None:
    """Have so many deliveries refused."""
    for number in range(times):
        client.sim.customer_says(client.name, chat, str(number))
    assert client.sim.settle()


def test_over_a_hundred_invalid_answers_in_two_hours_switch_it_off(amo: Client, receiver: Receiver) -> None:
    """The 101st does it; nothing is sent then, until a person switches it on."""
    receiver.status = 400
    amo.subscribe(receiver.url, "add_message")
    chat = amo.sim.open_chat(amo.name)[0]
    fail(amo, chat, 100)
    assert amo.get(HOOKS).json()["_embedded"]["webhooks"][0]["disabled"] is False
    fail(amo, chat, 1)
    assert amo.get(HOOKS).json()["_embedded"]["webhooks"][0]["disabled"] is True
    amo.sim.advance(7200)
    amo.sim.customer_says(amo.name, chat, "кто-нибудь?")
    assert len(amo.heard(receiver)) == 101
    receiver.status = 200
    amo.sim.enable_webhook(amo.name, receiver.url)
    amo.sim.customer_says(amo.name, chat, "есть кто?")
    assert len(amo.heard(receiver)) == 102


def test_invalid_answers_are_forgotten_after_two_hours(amo: Client, receiver: Receiver) -> None:
    """A hundred failures yesterday and one today do no harm."""
    amo.subscribe(receiver.url, "add_message")
    chat = amo.sim.open_chat(amo.name)[0]
    receiver.status = 404
    fail(amo, chat, 33)
    amo.sim.advance(300)
    amo.sim.advance(900)
    amo.sim.advance(7200)
    fail(amo, chat, 33)
    assert len(receiver.hits) > 100
    assert amo.get(HOOKS).json()["_embedded"]["webhooks"][0]["disabled"] is False
