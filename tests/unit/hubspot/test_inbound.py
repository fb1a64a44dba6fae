"""Whose a delivery of HubSpot is, and what it tells of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dealtalk.connections import connection_id
from dealtalk.crm.hubspot import inbound
from dealtalk.errors import Retryable
from dealtalk.ingress.body import decode_list
from dealtalk.messages import Author, InboundMessage
from tests.unit.hubspot.inbound_world import APP, THREAD, URL, assigned, body_of, connection, event, signed
from tests.unit.ingress.fakes import KEY, NOW, ComposedWebhook, KnownConnections, RememberedMessages, compose, post


def webhook(intake: RememberedMessages | None = None, **changes: Any) -> ComposedWebhook:
    """Return HubSpot's webhook over fakes."""
    known = KnownConnections({KEY: connection(**changes)})
    return compose(known, intake, crm="hubspot", inbound=inbound, decode=decode_list)


def deliver(hook: ComposedWebhook, body: bytes, headers: dict[str, str] | None = None, **changes: Any) -> int:
    """Return the status of a delivery, signed unless headers are given."""
    return hook.status(post(body, headers=signed(body) if headers is None else headers, **changes))


def parsed(*events: Any, **changes: Any) -> tuple[tuple[InboundMessage, ...], dict[str, int]]:
    """Return the messages and what was ignored."""
    found = inbound.parse(connection(**changes), decode_list(body_of(*events)), NOW)
    return found.messages, dict(found.ignored)


def test_a_signed_event_is_a_pending_message() -> None:
    """It names the thread and the message; who wrote and what is not known."""
    hook = webhook()
    assert deliver(hook, body_of(event())) == 200
    [message] = hook.intake.messages
    assert (message.pending, message.author, message.text) == (True, Author.UNKNOWN, "")
    assert (message.chat.chat_id, message.id) == (THREAD, "a0ce13c748254ecc9dc0000000000000")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(body_of(event(1))),
        signed(body_of(event()), secret="another"),
        signed(body_of(event()), uri="https://hooks.example.com/hubspot/another"),
        {**signed(body_of(event())), "x-hubspot-request-timestamp": "1"},
        {"x-hubspot-signature": "a" * 64, "x-hubspot-signature-version": "v1"},
    ],
)
def test_what_is_not_signed_by_version_3_is_refused(headers: dict[str, str]) -> None:
    """Version 1, which protects against no replay, is not enough."""
    hook = webhook()
    assert deliver(hook, body_of(event()), headers) == 401
    assert hook.intake.messages == []


def test_a_query_is_signed_as_it_came() -> None:
    """The raw query is appended to the configured URL, the documented escapes decoded."""
    body, query = body_of(event()), "src=hs%3Aapp%2Fv3&x=%28a%29"
    uri = f"{URL.replace('{key}', KEY)}?src=hs:app/v3&x=(a)"
    assert deliver(webhook(), body, signed(body, uri=uri), rawQueryString=query) == 200


def test_a_url_with_a_slash_at_its_end_is_signed_with_it() -> None:
    """What stands in HubSpot counts, not what the function is handed."""
    body, url = body_of(event()), URL + "/"
    hook = webhook(options={"public_url": url, "app_id": APP})
    assert deliver(hook, body, signed(body, uri=url.replace("{key}", KEY))) == 200


@pytest.mark.parametrize("change", [{"portalId": 4711}, {"appId": 1}, {"portalId": None}, {"appId": None}])
def test_another_portal_or_app_is_refused(change: dict[str, Any]) -> None:
    """Even if it is signed: a secret may serve several portals."""
    assert deliver(webhook(), body_of(event(), event(1, **change))) == 401


def test_a_connection_without_a_secret_opens_to_nobody() -> None:
    """A key alone is no lock."""
    assert deliver(webhook(signing_secret=None), body_of(event())) == 401


def test_a_store_that_is_down_is_answered_with_500() -> None:
    """HubSpot then sends again for a day."""
    hook = webhook(RememberedMessages(error=Retryable("the queue is down")))
    assert deliver(hook, body_of(event())) == 500


def test_a_body_that_is_no_array_is_refused() -> None:
    """HubSpot posts arrays, even for one event."""
    body = b'{"objectId": 1}'
    assert deliver(webhook(), body) == 400


def test_a_hundred_events_are_taken_in_the_order_of_hubspots_clock() -> None:
    """Batches are not ordered."""
    events = [event(number, objectId=1000 + number % 3) for number in reversed(range(100))]
    messages, ignored = parsed(*events)
    assert [message.id[-3:] for message in messages] == [f"{number:03d}" for number in range(100)]
    assert ignored == {}


def test_a_message_told_of_twice_in_a_body_is_one() -> None:
    """Event ids differ, the message's does not."""
    messages, ignored = parsed(event(), event(eventId=1, attemptNumber=3))
    assert (len(messages), ignored) == (1, {"repeated_message": 1})


def test_the_older_name_of_the_events_type_is_taken_too() -> None:
    """Older examples of the vendor say `eventType`."""
    messages, _ = parsed(event(subscriptionType=None, eventType="conversation.newMessage"))
    assert len(messages) == 1


def test_comments_and_welcome_messages_are_left_at_the_door() -> None:
    """Nobody said them to the company."""
    messages, ignored = parsed(event(messageType="COMMENT"), event(1, messageType="WELCOME_MESSAGE"))
    assert (messages, ignored) == ((), {"comment": 1, "welcome_message": 1})


def test_a_thread_assigned_to_a_person_is_theirs_at_once() -> None:
    """No message is needed for it, and the same event again is the same message."""
    [message], _ = parsed(assigned("5544"))
    assert (message.author, message.outgoing, message.text, message.pending) == (Author.EMPLOYEE, True, "", False)
    [again], _ = parsed(assigned("5544", eventId=7, attemptNumber=2))
    assert again.id == message.id


@pytest.mark.parametrize(
    ("value", "kind"), [("", "unassigned"), ("9001", "own_assignment"), ("A-9001", "own_assignment")]
)
def test_an_assignment_to_nobody_or_to_the_bot_is_no_takeover(value: str, kind: str) -> None:
    """The bot's own reply may assign the thread to the bot's user."""
    assert parsed(assigned(value)) == ((), {kind: 1})


def test_a_portal_that_assigns_by_itself_can_say_so() -> None:
    """Then only a person's words are a takeover."""
    assert parsed(assigned("5544"), options={"assignment_is_takeover": False}) == ((), {"property_change": 1})


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"subscriptionType": "conversation.creation"}, "conversation.creation"),
        ({"subscriptionType": "conversation.privacyDeletion"}, "conversation.privacyDeletion"),
        ({"subscriptionType": "conversation.propertyChange", "propertyName": "status"}, "property_change"),
        ({"subscriptionType": "deal.propertyChange"}, "deal"),
        ({"subscriptionType": "object.creation"}, "object"),
        ({"subscriptionType": "weather.change"}, "unknown_event"),
        ({"subscriptionType": None}, "unknown_event"),
        ({"messageId": None}, "unusable_event"),
        ({"objectId": "x"}, "unusable_event"),
        ({"objectId": 0}, "unusable_event"),
    ],
)
def test_what_is_not_ours_is_counted_by_its_kind(change: dict[str, Any], kind: str) -> None:
    """Such events are answered with 200."""
    assert parsed(event(**change)) == ((), {kind: 1})


def test_elements_that_are_no_events_are_passed_over() -> None:
    """Nothing of a body makes the webhook fail."""
    messages, ignored = parsed(1, None, "x", [event()], event())
    assert (len(messages), ignored) == (1, {"unusable_event": 4})


def test_a_thread_id_beyond_32_bits_keeps_its_digits() -> None:
    """Ids are text."""
    [message], _ = parsed(event(objectId=9_007_199_254_740_993))
    assert message.chat.chat_id == "9007199254740993"


def test_the_time_is_hubspots_unless_it_is_nonsense() -> None:
    """Milliseconds; they only order the prompt."""
    at = int((NOW - timedelta(minutes=1)).timestamp() * 1000)
    (first, second), _ = parsed(event(occurredAt=at), event(1, occurredAt="soon", objectId=5))
    assert {first.sent_at, second.sent_at} == {NOW - timedelta(minutes=1), NOW}


def test_the_key_is_not_kept() -> None:
    """The URL in the options has a place for it, the connection's id is its hash."""
    assert KEY not in str(connection().options)
    assert connection().id == connection_id(KEY)
