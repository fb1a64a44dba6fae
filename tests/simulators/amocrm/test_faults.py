"""Faults that are switched on: lost, doubled and reordered webhooks, refusals and cut connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from tests.simulators.amocrm.conftest import Client
    from tests.simulators.receiver import Receiver


def test_a_webhook_can_be_lost(amo: Client, receiver: Receiver) -> None:
    """The message is in the chat, nothing arrives, and the loss is on record."""
    amo.subscribe(receiver.url, "add_message")
    amo.sim.fault("webhook_lost", amo.name, path="add_message", count=1)
    chat = amo.sim.open_chat(amo.name)[0]
    for text in ("раз", "два"):
        amo.sim.customer_says(amo.name, chat, text)
    assert [f["message[add][0][text]"] for f in amo.heard(receiver)] == ["два"]
    assert [d.fault for d in amo.sim.deliveries(amo.name)] == ["webhook_lost", None]


def test_a_webhook_can_come_twice(amo: Client, receiver: Receiver) -> None:
    """The same body twice, byte for byte."""
    amo.subscribe(receiver.url, "add_message")
    amo.sim.fault("webhook_duplicate", amo.name, count=1)
    amo.sim.customer_says(amo.name, amo.sim.open_chat(amo.name)[0], "раз")
    amo.heard(receiver)
    assert len(receiver.hits) == 2
    assert receiver.hits[0].raw == receiver.hits[1].raw


def test_webhooks_can_change_places(amo: Client, receiver: Receiver) -> None:
    """The one that the fault struck comes after the next."""
    amo.subscribe(receiver.url, "add_message")
    amo.sim.fault("webhook_reorder", amo.name, count=1)
    chat = amo.sim.open_chat(amo.name)[0]
    for text in ("раз", "два", "три"):
        amo.sim.customer_says(amo.name, chat, text)
    assert [f["message[add][0][text]"] for f in amo.heard(receiver)] == ["два", "раз", "три"]


def opened(client: Client) -> int:
    """Return a lead with a chat."""
    lead = client.sim.open_chat(client.name)[1]
    assert lead is not None
    return lead


def test_a_status_fault_answers_instead_of_acting(amo: Client) -> None:
    """It strikes the chosen path and method, as often as said, and nothing is written."""
    lead = opened(amo)
    amo.sim.fault("status", amo.name, path=r"/leads/\d+$", method="PATCH", status=503, count=1)
    assert amo.get(f"/api/v4/leads/{lead}").status_code == 200
    assert amo.patch(f"/api/v4/leads/{lead}", {"price": 5}).status_code == 503
    assert amo.sim.lead(amo.name, lead).price == 0
    assert amo.patch(f"/api/v4/leads/{lead}", {"price": 5}).status_code == 200


def test_a_status_fault_after_acting_has_acted(amo: Client) -> None:
    """A 504 may hide a success."""
    lead = opened(amo)
    amo.sim.fault("status_after", amo.name, status=504, count=1)
    assert amo.patch(f"/api/v4/leads/{lead}", {"price": 5}).status_code == 504
    assert amo.sim.lead(amo.name, lead).price == 5


@pytest.mark.parametrize(("kind", "price"), [("drop_before", 0), ("drop_after", 5)])
def test_a_connection_can_be_cut_before_or_after_acting(amo: Client, kind: str, price: int) -> None:
    """The client sees the same; only the account knows."""
    lead = opened(amo)
    amo.sim.fault(kind, amo.name, count=1)
    with pytest.raises(requests.ConnectionError):
        amo.patch(f"/api/v4/leads/{lead}", {"price": 5})
    assert amo.sim.lead(amo.name, lead).price == price


def test_a_delayed_call_still_acts_after_the_client_gave_up(amo: Client) -> None:
    """The client times out, and the account does it all the same."""
    lead = opened(amo)
    amo.sim.fault("delay", amo.name, method="PATCH", seconds=0.2, count=1)
    url = f"{amo.sim.account_url(amo.name)}/api/v4/leads/{lead}"
    with pytest.raises(requests.ReadTimeout):
        requests.patch(url, json={"price": 5}, headers={"Authorization": f"Bearer {amo.token}"}, timeout=0.05)
    assert amo.sim.wait_for_call(amo.name, method="PATCH").status == 200
    assert amo.sim.lead(amo.name, lead).price == 5


def test_a_fault_by_chance_repeats_with_its_seed(amo: Client) -> None:
    """The same seed strikes the same calls."""

    def struck() -> list[int]:
        amo.sim.faults.clear()
        amo.sim.fault("status", amo.name, status=500, probability=0.5, seed=7)
        return [amo.get("/api/v4/account").status_code for _ in range(12)]

    first = struck()
    assert set(first) == {200, 500}
    assert struck() == first


def test_a_fault_may_let_the_first_calls_pass(amo: Client) -> None:
    """skip=1 strikes the second call."""
    amo.sim.fault("status", amo.name, status=429, skip=1, count=1)
    assert [amo.get("/api/v4/account").status_code for _ in range(3)] == [200, 429, 200]
