"""The simulated company is strict: what the protocol does not have is refused, and each event counts once."""

from __future__ import annotations

import json
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import requests

from local.simulators.clock import ManualClock
from local.simulators.custom.company import russian_company
from local.simulators.custom.posting import signed
from local.simulators.custom.simulator import CustomSimulator

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = 1_795_000_000.0


@pytest.fixture
def sim() -> Iterator[CustomSimulator]:
    """Serve a company."""
    with CustomSimulator([partial(russian_company, subdomain="okna")], clock=ManualClock(NOW)) as running:
        yield running


def post(sim: CustomSimulator, body: Any, *, token: str | None = None, **more: Any) -> requests.Response:
    """Post to the company's address, with the right token where no other is given."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    shown = sim.token("okna") if token is None else token
    headers = {"Authorization": f"Bearer {shown}", "Content-Type": "application/json", **more.pop("headers", {})}
    return requests.post(sim.callback_url("okna"), data=raw, headers=headers, timeout=5, **more)


def event(kind: str, event_id: str | None = None, **body: Any) -> dict[str, Any]:
    """Return an event."""
    return {"event_type": kind, "event_id": event_id or uuid.uuid4().hex, **body}


def reply(chat: str, text: str = "Привет", event_id: str | None = None) -> dict[str, Any]:
    """Return a reply."""
    message = {"type": "text", "message_sender": "ai", "text": text}
    return event("new_messages", event_id, chat_id=chat, new_messages=[message])


def test_a_reply_is_shown_in_its_chat(sim: CustomSimulator) -> None:
    """And its id is answered."""
    chat, _ = sim.open_chat("okna")
    answer = post(sim, reply(chat))
    [line] = sim.account("okna").chats[chat].lines
    assert (answer.status_code, answer.json()) == (200, {"message_ids": [line.id]})
    assert (line.who, line.text) == ("bot", "Привет")


def test_an_event_that_comes_again_is_answered_and_not_done_again(sim: CustomSimulator) -> None:
    """By its id; another event with that id is a mistake."""
    chat, _ = sim.open_chat("okna")
    first, again = post(sim, reply(chat, event_id="a" * 32)), post(sim, reply(chat, event_id="a" * 32))
    assert first.json() == again.json()
    assert len(sim.account("okna").chats[chat].lines) == 1
    assert post(sim, reply(chat, "другое", event_id="a" * 32)).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        b"no json",
        [],
        event("hello"),
        {"event_type": "test_request"},
        event("test_request", "short"),
        event("test_request", more=1),
        event("new_messages", chat_id="unknown", new_messages=[]),
        event("deal_changes", deal_id="unknown", changes=[{"type": "add_tag", "tag": "x"}]),
        event("event_status", event_ids="all"),
        event("person_needed", chat_id="unknown"),
    ],
)
def test_what_the_protocol_does_not_have_is_refused(sim: CustomSimulator, body: Any) -> None:
    """A client that sends it is wrong."""
    assert post(sim, body).status_code in {400, 422}


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"type": "text", "message_sender": "ai"},
        {"type": "text", "message_sender": "ai", "text": ""},
        {"type": "text", "message_sender": "customer", "text": "a"},
        {"type": "hologram", "message_sender": "ai", "text": "a"},
        {"type": "text", "message_sender": "ai", "text": "a", "more": 1},
    ],
)
def test_a_message_has_exactly_its_fields(sim: CustomSimulator, message: dict[str, Any]) -> None:
    """Type, sender, text."""
    chat, _ = sim.open_chat("okna")
    assert post(sim, event("new_messages", chat_id=chat, new_messages=[message])).status_code == 422


def test_only_the_right_caller_is_let_in(sim: CustomSimulator) -> None:
    """Method, path, token, content type."""
    body = event("test_request")
    assert post(sim, body, token="wrong").status_code == 401
    assert post(sim, body, headers={"Content-Type": "text/plain"}).status_code == 415
    assert requests.get(sim.callback_url("okna"), timeout=5).status_code == 405
    assert requests.post(sim.account("okna").base_url + "/else", json=body, timeout=5).status_code == 404


def test_a_company_that_signs_wants_signatures(sim: CustomSimulator) -> None:
    """Of this body, and of now."""
    sim.switch("okna", signing_secret="s")
    raw = json.dumps(event("test_request")).encode()
    assert post(sim, raw).status_code == 401
    assert post(sim, raw, headers=signed("s", raw, NOW - 301)).status_code == 401
    assert post(sim, raw, headers=signed("s", raw + b" ", NOW)).status_code == 401
    assert post(sim, raw, headers=signed("s", raw, NOW)).status_code == 200


def test_what_a_company_does_not_understand_it_refuses(sim: CustomSimulator) -> None:
    """It said so in its answer to test_request."""
    sim.switch("okna", supports=["event_status"])
    assert post(sim, event("test_request")).json() == {"supports": ["event_status"]}
    assert post(sim, event("schema_request")).status_code == 422
    assert post(sim, event("event_status", event_ids=[])).json() == {"taken": []}


CHANGES: list[tuple[dict[str, Any], str | None]] = [
    ({"type": "move_stage", "pipeline_id": "sales", "stage_id": "won", "pipeline": "x", "stage": "y"}, None),
    (
        {"type": "move_stage", "pipeline_id": "support", "stage_id": "contract", "pipeline": "", "stage": ""},
        "no such stage",
    ),
    ({"type": "set_price", "price": "a lot"}, "no decimal number"),
    ({"type": "set_field", "field_id": "frame", "field": "", "value": "REHAU"}, None),
    ({"type": "set_field", "field_id": "frame", "field": "", "value": "Wood"}, "does not fit"),
    ({"type": "set_field", "field_id": "installation", "field": "", "value": "true"}, "does not fit"),
    ({"type": "set_field", "field_id": "visit_time", "field": "", "value": "2026-11-20T10:00:00"}, "zone"),
    ({"type": "set_field", "field_id": "source", "field": "", "value": "x"}, "cannot be changed"),
    ({"type": "assign", "person_id": "u4", "person": ""}, "no such person"),
]


@pytest.mark.parametrize(("change", "refusal"), CHANGES)
def test_each_change_is_judged_by_itself(sim: CustomSimulator, change: dict[str, Any], refusal: str | None) -> None:
    """What cannot be done says why; a tag beside it is put all the same."""
    _, deal = sim.open_chat("okna")
    changes = [change, {"type": "add_tag", "tag": "vip"}]
    answer = post(sim, event("deal_changes", deal_id=deal, changes=changes)).json()
    first, second = answer["results"]
    assert second == {"applied": True}
    assert first["applied"] is (refusal is None)
    assert (refusal or "") in first.get("reason", "")
    assert answer["deal"]["tags"] == ["vip"]


def test_a_message_is_sent_until_it_is_taken(sim: CustomSimulator) -> None:
    """Nobody listens: it comes again, and again, and then no more."""
    sim.set_webhook("okna", "http://127.0.0.1:9/custom/key/", "t")
    chat, _ = sim.open_chat("okna")
    sim.switch("okna", retries=2)
    sim.customer_says("okna", chat, "Здравствуйте")
    for _ in range(4):
        sim.advance(31)
    tried = sim.deliveries("okna")
    assert [each.attempt for each in tried] == [1, 2, 3]
    assert {json.dumps(each.body, sort_keys=True) for each in tried} == {json.dumps(tried[0].body, sort_keys=True)}
