"""The simulated portal refuses what HubSpot refuses, and delivers as HubSpot delivers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from local.simulators.clock import ManualClock
from local.simulators.hubspot import HubspotSimulator, russian_portal
from tests.simulators.receiver import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "oknamaster"
THREADS = "/conversations/v3/conversations/threads"


@pytest.fixture
def sim() -> Iterator[HubspotSimulator]:
    """Serve a portal whose time stands still."""
    with HubspotSimulator([russian_portal], clock=ManualClock()) as running:
        yield running


@pytest.fixture
def receiver(sim: HubspotSimulator) -> Iterator[Receiver]:
    """Listen for the portal's deliveries."""
    made = Receiver()
    sim.subscribe(NAME, f"{made.url}?a=%2F")
    yield made
    made.stop()


def call(sim: HubspotSimulator, method: str, path: str, body: Any = None, **token: Any) -> requests.Response:
    """Call the portal's API."""
    headers = {"Authorization": f"Bearer {sim.token(NAME, **token)}"}
    return requests.request(method, sim.account_url(NAME) + path, json=body, headers=headers, timeout=5)


def reply(sim: HubspotSimulator, thread: str, **changes: Any) -> dict[str, Any]:
    """Return a reply that the portal takes; `changes` replaces fields, None leaves one out."""
    body: dict[str, Any] = {
        "type": "MESSAGE",
        "text": "Hello",
        "attachments": [],
        "recipients": [{"actorId": sim.account(NAME).threads[thread].visitor, "deliveryIdentifiers": []}],
        "senderActorId": f"A-{max(sim.account(NAME).users)}",
        "channelId": "1000",
        "channelAccountId": "44001",
    }
    return {name: value for name, value in (body | changes).items() if value is not None}


def test_a_reply_is_taken_and_shown(sim: HubspotSimulator) -> None:
    """201 with the message as the list shows it."""
    thread, _ = sim.open_chat(NAME)
    answer = call(sim, "POST", f"{THREADS}/{thread}/messages", reply(sim, thread))
    assert (answer.status_code, answer.json()["direction"]) == (201, "OUTGOING")
    [row] = call(sim, "GET", f"{THREADS}/{thread}/messages").json()["results"]
    assert row["client"] == {"clientType": "INTEGRATION", "integrationAppId": sim.account(NAME).app.id}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"senderActorId": "V-1"}, "Actor type VISITOR is not supported for sending"),
        ({"senderActorId": "9001"}, "Invalid actorId type"),
        ({"senderActorId": "A-1"}, "No such agent"),
        ({"recipients": [{"actorId": "A-1", "deliveryIdentifiers": []}]}, "Actor type AGENT is not supported"),
        ({"recipients": [{"actorId": "V-1", "deliveryIdentifiers": []}]}, "not this thread's visitor"),
        ({"recipients": [{"actorId": "V-1"}]}, "deliveryIdentifiers"),
        ({"recipients": None}, "recipients"),
        ({"channelId": "1001"}, "channelId"),
        ({"channelAccountId": "1"}, "channelAccountId"),
        ({"attachments": None}, "attachments"),
        ({"text": " "}, "text"),
        ({"type": "SHOUT"}, "type"),
        ({"weather": 1}, "Unrecognized field weather"),
    ],
)
def test_a_wrong_reply_is_refused(sim: HubspotSimulator, change: dict[str, Any], words: str) -> None:
    """400 in the vendor's envelope, and nothing is said."""
    thread, _ = sim.open_chat(NAME)
    answer = call(sim, "POST", f"{THREADS}/{thread}/messages", reply(sim, thread, **change))
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")
    assert words in answer.json()["message"]
    assert sim.chat(NAME, thread) == []


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"dealstage": "876stage0"}, "INVALID_OPTION"),
        ({"pipeline": "876"}, "INVALID_STAGE"),
        ({"hubspot_owner_id": "5000000"}, "INVALID_OWNER_ID"),
        ({"amount": "much"}, "INVALID_NUMBER"),
        ({"frame": "Gold"}, "INVALID_OPTION"),
        ({"visit_date": "1795132800001"}, "INVALID_DATE"),
        ({"hs_object_id": "1"}, "READ_ONLY_VALUE"),
        ({"weather": "fine"}, "PROPERTY_DOESNT_EXIST"),
        ({"quantity": 3}, "INVALID_TYPE"),
    ],
)
def test_a_wrong_property_refuses_the_whole_request(
    sim: HubspotSimulator, properties: dict[str, Any], code: str
) -> None:
    """The property is named, and the right one beside it is not written either."""
    _, deal = sim.open_chat(NAME)
    answer = call(sim, "PATCH", f"/crm/v3/objects/deals/{deal}", {"properties": {"city": "Уфа", **properties}})
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert (error["code"], error["context"]["propertyName"]) == (code, list(properties))
    assert sim.deal_card(NAME, str(deal))["fields"]["Город"] is None


def test_only_what_is_asked_for_comes_back(sim: HubspotSimulator) -> None:
    """Beside id and times."""
    _, deal = sim.open_chat(NAME)
    shown = call(sim, "GET", f"/crm/v3/objects/deals/{deal}?properties=dealstage").json()["properties"]
    assert set(shown) == {"dealstage", "hs_object_id", "createdate", "hs_lastmodifieddate"}


def test_pages_are_turned_by_the_cursor_alone(sim: HubspotSimulator) -> None:
    """A page that the caller made up is refused."""
    thread, _ = sim.open_chat(NAME)
    for number in range(5):
        sim.customer_says(NAME, thread, f"line {number}")
    path = f"{THREADS}/{thread}/messages?sort=-createdAt&limit=3"
    first = call(sim, "GET", path).json()
    second = call(sim, "GET", f"{path}&after={first['paging']['next']['after']}").json()
    assert [row["text"] for row in first["results"] + second["results"]] == [f"line {n}" for n in (4, 3, 2, 1, 0)]
    assert "paging" not in second
    assert call(sim, "GET", f"{path}&after=3").status_code == 400


def test_a_token_without_a_scope_is_refused_by_its_name(sim: HubspotSimulator) -> None:
    """403, MISSING_SCOPES."""
    answer = call(sim, "GET", "/crm/v3/owners", scopes=("conversations.read",))
    assert (answer.status_code, answer.json()["category"]) == (403, "MISSING_SCOPES")
    assert requests.get(sim.account_url(NAME) + "/crm/v3/owners", timeout=5).status_code == 401


def test_the_limits_name_their_policy(sim: HubspotSimulator) -> None:
    """A hundred in ten seconds, then the day's."""
    sim.switch(NAME, per_ten_seconds=2, per_day=3)
    policies = [call(sim, "GET", "/crm/v3/owners").json().get("policyName") for _ in range(3)]
    assert policies == [None, None, "TEN_SECONDLY_ROLLING"]
    sim.advance(11)
    assert call(sim, "GET", "/crm/v3/owners").status_code == 200
    assert call(sim, "GET", "/crm/v3/owners").json()["policyName"] == "DAILY"


def test_events_are_gathered_signed_and_without_text(sim: HubspotSimulator, receiver: Receiver) -> None:
    """One array for a burst; version 3 over the URL with its escapes decoded, version 1 beside it."""
    thread, _ = sim.open_chat(NAME)
    for text in ("секрет", "ещё"):
        sim.customer_says(NAME, thread, text)
    sim.advance(0.1)
    [hit] = receiver.hits
    headers, body = hit.headers, hit.raw
    assert [event["subscriptionType"] for event in json.loads(body)] == ["conversation.newMessage"] * 2
    assert "секрет" not in json.dumps(json.loads(body), ensure_ascii=False)
    secret, timestamp = sim.account(NAME).app.client_secret, headers["x-hubspot-request-timestamp"]
    uri = f"{receiver.url}?a=/"
    source = b"POST" + uri.encode() + body + timestamp.encode()
    expected = base64.b64encode(hmac.new(secret.encode(), source, hashlib.sha256).digest()).decode()
    assert headers["x-hubspot-signature-v3"] == expected
    assert headers["x-hubspot-signature"] == hashlib.sha256(secret.encode() + body).hexdigest()


def test_our_own_reply_is_told_as_well(sim: HubspotSimulator, receiver: Receiver) -> None:
    """And a person's brings the assignment that it makes."""
    thread, _ = sim.open_chat(NAME)
    call(sim, "POST", f"{THREADS}/{thread}/messages", reply(sim, thread))
    sim.advance(0.1)
    sim.employee_says(NAME, thread, "Me")
    sim.advance(0.1)
    told = [event["subscriptionType"] for hit in receiver.hits for event in json.loads(hit.raw)]
    assert told == ["conversation.newMessage", "conversation.propertyChange", "conversation.newMessage"]


def test_a_refused_delivery_comes_again_at_most_ten_times_in_a_day(sim: HubspotSimulator, receiver: Receiver) -> None:
    """With its attempt's number."""
    receiver.status = 500
    thread, _ = sim.open_chat(NAME)
    sim.customer_says(NAME, thread, "?")
    for _ in range(15):
        sim.advance(8_640)
    assert [json.loads(hit.raw)[0]["attemptNumber"] for hit in receiver.hits] == list(range(11))
