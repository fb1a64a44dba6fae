"""A connection to HubSpot, and deliveries as HubSpot makes them."""

from __future__ import annotations

import json
from typing import Any

from dealtalk.connections import Connection, connection_id
from dealtalk.crm.hubspot.signature import signature
from tests.unit.ingress.fakes import KEY, NOW

SECRET = "11111111-2222-3333-4444-555555555555"
PORTAL = "62515"
APP = "1160452"
BOT_USER = "9001"
URL = "https://hooks.example.com/hubspot/{key}"
THREAD = "8243595013"


def connection(**changes: Any) -> Connection:
    """Return the connection of portal 62515."""
    fields: dict[str, Any] = {
        "crm": "hubspot",
        "id": connection_id(KEY),
        "account": PORTAL,
        "api_base": "https://api.hubapi.com",
        "secret": "dealtalk/test/hubspot",
        "profile": "windows",
        "signing_secret": SECRET,
        "options": {"public_url": URL, "app_id": APP, "bot_user_id": BOT_USER},
    }
    return Connection(**(fields | changes))


def event(number: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a new message's event; `changes` replaces fields, None leaves one out."""
    fields: dict[str, Any] = {
        "eventId": 3_816_279_340 + number,
        "subscriptionId": 25,
        "portalId": int(PORTAL),
        "appId": int(APP),
        "occurredAt": int(NOW.timestamp() * 1000) + number,
        "subscriptionType": "conversation.newMessage",
        "attemptNumber": 0,
        "objectId": int(THREAD),
        "messageId": f"a0ce13c748254ecc9dc0{number:012d}",
        "messageType": "MESSAGE",
        "changeFlag": "NEW_MESSAGE",
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def assigned(value: str, **changes: Any) -> dict[str, Any]:
    """Return the event of a thread that was assigned."""
    what = {"propertyName": "assignedTo", "propertyValue": value, "messageId": None, "messageType": None}
    return event(subscriptionType="conversation.propertyChange", changeFlag=None, **(what | changes))


def body_of(*events: Any) -> bytes:
    """Return the body that carries these events."""
    return json.dumps(events, separators=(",", ":")).encode()


def signed(
    body: bytes, *, uri: str = URL.replace("{key}", KEY), secret: str = SECRET, **changes: str
) -> dict[str, str]:
    """Return the headers of a genuine delivery at NOW."""
    timestamp = str(int(NOW.timestamp() * 1000))
    headers = {
        "content-type": "application/json",
        "x-hubspot-signature-version": "v1",
        "x-hubspot-request-timestamp": timestamp,
        "x-hubspot-signature-v3": signature(secret, "POST", uri, body, timestamp),
    }
    return headers | changes
