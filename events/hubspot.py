# ruff: noqa: INP001 (a folder of events and the scripts that write them, no package)
"""What HubSpot posts: arrays of events that carry ids only, signed for the URL that stands in its app."""

from __future__ import annotations

import json
from typing import Any

from dealtalk.crm.hubspot.signature import signature
from dealtalk.messages import ConversationKey
from events.http_api import HOST, JSON, KEY, Event, http_event

PORTAL = 62515
APP = 1160452
BOT_USER = "9001"
SECRET = "demo-client-secret"  # noqa: S105 (of an app that nobody has)
PUBLIC_URL = f"https://{HOST}/hubspot/{{key}}"
SIGNED_AT = 1_795_168_000_000
THREAD = 8_243_595_013
CONVERSATION = ConversationKey.of_chat("hubspot", str(PORTAL), str(THREAD))
"""The one that `new_message` begins."""

USER_AGENT = "HubSpot Connect 2.0 (http://dev.hubspot.com/) (namespace: webhooks-nio-http-client)"


def event(number: int, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 (any of the event's fields)
    """Return a new message's event; `changes` replaces fields, None leaves one out."""
    fields: dict[str, Any] = {
        "eventId": 3_816_279_340 + number,
        "subscriptionId": 25,
        "portalId": PORTAL,
        "appId": APP,
        "occurredAt": SIGNED_AT - 2000 + number,
        "subscriptionType": "conversation.newMessage",
        "attemptNumber": 0,
        "objectId": THREAD,
        "messageId": f"a0ce13c748254ecc9dc0{number:012d}",
        "messageType": "MESSAGE",
        "changeFlag": "NEW_MESSAGE",
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def assigned(number: int, user: str) -> dict[str, Any]:
    """Return the event of a thread that was assigned to a user; empty: to nobody."""
    none = {"messageId": None, "messageType": None, "changeFlag": None}
    what = {"propertyName": "assignedTo", "propertyValue": user, "changeSource": "CRM_UI", "sourceId": f"userId:{user}"}
    return event(number, subscriptionType="conversation.propertyChange", subscriptionId=26, **none, **what)


def delivery(*events: dict[str, Any], secret: str = SECRET, **headers: str | None) -> Event:
    """Return a delivery of these events; a header that is None is left out."""
    body, timestamp = json.dumps(events, separators=(",", ":")), str(SIGNED_AT)
    uri = PUBLIC_URL.replace("{key}", KEY)
    signed: dict[str, str | None] = {
        "x-hubspot-signature-version": "v1",
        "x-hubspot-signature": "0" * 64,
        "x-hubspot-signature-v3": signature(secret, "POST", uri, body.encode(), timestamp),
        "x-hubspot-request-timestamp": timestamp,
        "x-hubspot-timeout-millis": "10000",
    }
    shown = signed | {name.replace("_", "-"): value for name, value in headers.items()}
    more = {name: value for name, value in shown.items() if value is not None}
    return http_event("hubspot", body=body, user_agent=USER_AGENT, content_type=JSON, more_headers=more)


def hubspot_webhook() -> dict[str, Any]:
    """Return the cases by the name of their file."""
    mixed = [event(2, objectId=THREAD + 1), event(1), event(3, messageType="COMMENT"), event(1, eventId=7)]
    hundred = [event(number, objectId=THREAD + number % 7) for number in range(100)]
    return {
        "new_message": delivery(event(1)),
        "burst_out_of_order": delivery(event(3), event(1), event(2)),
        "several_threads": delivery(*mixed),
        "hundred_events": delivery(*hundred),
        "comment": delivery(event(4, messageType="COMMENT")),
        "welcome_message": delivery(event(5, messageType="WELCOME_MESSAGE")),
        "assigned_to_a_person": delivery(assigned(6, "5544")),
        "assigned_to_the_bot": delivery(assigned(7, BOT_USER)),
        "unassigned": delivery(assigned(8, "")),
        "fifth_attempt": delivery(event(1, attemptNumber=5)),
        "other_subscriptions": delivery(
            event(9, subscriptionType="conversation.creation", messageId=None, messageType=None),
            event(10, subscriptionType="deal.propertyChange", propertyName="dealstage", propertyValue="closedwon"),
        ),
        "only_version_1": delivery(event(1), x_hubspot_signature_v3=None),
        "wrong_secret": delivery(event(1), secret="another"),  # noqa: S106 (a wrong one)
        "another_portal": delivery(event(1, portalId=4711)),
    }


FUNCTIONS = (hubspot_webhook,)
