"""Delivering events: JSON arrays of up to 100, signed by versions 1 and 3, up to ten retries over a day.

Follows the webhooks guide (api-reference/legacy/webhooks/guide) and request validation. The signature is computed here
from the vendor's description, not by what is tested with it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from local.simulators.faults import FaultKind

if TYPE_CHECKING:
    from local.simulators.clock import Scheduler
    from local.simulators.faults import Faults
    from local.simulators.hubspot.entities import Event, Json
    from local.simulators.hubspot.portal import Portal
    from local.simulators.journal import Journal

ANSWER_SECONDS = 5.0
MOST_RETRIES = 10
RETRY_SECONDS = 86_400.0
MOST_EVENTS = 100
HELD_SECONDS = 1.0
WEBHOOK_FAULTS = frozenset(kind for kind in FaultKind if kind.startswith("webhook"))
ESCAPES = {
    "%3A": ":",
    "%2F": "/",
    "%3F": "?",
    "%40": "@",
    "%21": "!",
    "%24": "$",
    "%27": "'",
    "%28": "(",
    "%29": ")",
    "%2A": "*",
    "%2C": ",",
    "%3B": ";",
}


@dataclass(slots=True)
class Parcel:
    """One body on its way."""

    portal: Portal
    events: list[Json]
    attempt: int = 0
    url: str = field(default="")


class Courier:
    """Delivers the events of all portals; several deliveries may be under way at once, as HubSpot's are."""

    def __init__(self, scheduler: Scheduler, journal: Journal, faults: Faults, time_factor: float = 1.0) -> None:
        self._scheduler = scheduler
        self._journal = journal
        self._faults = faults
        self._time_factor = time_factor
        self._gathered: dict[int, list[Json]] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def emit(self, portal: Portal, event: Event) -> None:
        """Gather an event for the next delivery, where the app subscribed to it."""
        found = [number for number, name in portal.app.subscriptions.items() if name == event.name]
        if not found or not portal.app.target_url:
            return
        body: Json = {
            "eventId": portal.rng.randrange(10**9, 4 * 10**9),
            "subscriptionId": found[0],
            "portalId": portal.id,
            "appId": portal.app.id,
            "occurredAt": int(portal.now() * 1000),
            "subscriptionType": event.name.partition("/")[0],
            "attemptNumber": 0,
            **event.body,
        }
        with self._lock:
            gathered = self._gathered.setdefault(portal.id, [])
            gathered.append(body)
            if len(gathered) > 1:
                return
        self._scheduler.after(portal.settings.batch_seconds, lambda: self._post_off(portal))

    def stop(self) -> None:
        """Begin no more deliveries."""
        self._stopped.set()

    def _post_off(self, portal: Portal) -> None:
        with self._lock:
            events = self._gathered.pop(portal.id, [])
        for start in range(0, len(events), MOST_EVENTS):
            self._begin(Parcel(portal, events[start : start + MOST_EVENTS]))

    def _begin(self, parcel: Parcel) -> None:
        self._scheduler.begin()
        threading.Thread(target=self._deliver, args=(parcel,), name="hubspot-hook", daemon=True).start()

    def _deliver(self, parcel: Parcel) -> None:
        try:
            code = parcel.events[0]["subscriptionType"]
            found = self._faults.strike(parcel.portal.subdomain, code, WEBHOOK_FAULTS)
            struck = {fault.kind: fault.seconds for fault in found}
            if FaultKind.WEBHOOK_LOST in struck:
                self._note(parcel, 0, 0.0, FaultKind.WEBHOOK_LOST)
                return
            wait = struck.get(FaultKind.WEBHOOK_DELAY, 0.0)
            self._stopped.wait(wait + (HELD_SECONDS if FaultKind.WEBHOOK_REORDER in struck else 0.0))
            status = self._attempt(parcel, None)
            if FaultKind.WEBHOOK_DUPLICATE in struck:
                status = self._attempt(parcel, FaultKind.WEBHOOK_DUPLICATE)
            if not 200 <= status <= 299 and parcel.attempt < MOST_RETRIES:  # noqa: PLR2004 (HTTP's success)
                again = replace(parcel, attempt=parcel.attempt + 1)
                share = RETRY_SECONDS / MOST_RETRIES * parcel.portal.rng.uniform(0.5, 1.0)
                self._scheduler.after(share / self._time_factor, lambda: self._begin(again))
        finally:
            self._scheduler.end()

    def _attempt(self, parcel: Parcel, fault: FaultKind | None) -> int:
        if self._stopped.is_set():
            return 0
        app, started = parcel.portal.app, time.monotonic()
        body = json.dumps([each | {"attemptNumber": parcel.attempt} for each in parcel.events]).encode()
        headers = signed(app.client_secret, app.target_url, body, str(int(parcel.portal.now() * 1000)))
        status = _post(app.target_url, body, headers)
        self._note(parcel, status, time.monotonic() - started, fault)
        return status

    def _note(self, parcel: Parcel, status: int, seconds: float, fault: FaultKind | None) -> None:
        self._journal.delivery(
            time=parcel.portal.now(),
            account=parcel.portal.subdomain,
            hook_id=parcel.portal.app.id,
            destination=parcel.portal.app.target_url,
            code=parcel.events[0]["subscriptionType"],
            attempt=parcel.attempt,
            status=status,
            seconds=round(seconds, 4),
            body={"events": parcel.events},
            fault=fault,
        )


def signed(secret: str, url: str, body: bytes, timestamp: str) -> dict[str, str]:
    """Return the headers of a delivery, as they were seen live."""
    uri = url
    for escape, character in ESCAPES.items():
        uri = uri.replace(escape, character)
    source = b"POST" + uri.encode() + body + timestamp.encode()
    third = base64.b64encode(hmac.new(secret.encode(), source, hashlib.sha256).digest()).decode()
    return {
        "Content-Type": "application/json",
        "User-Agent": "HubSpot Connect 2.0 (http://dev.hubspot.com/) (namespace: webhooks-nio-http-client)",
        "X-HubSpot-Signature": hashlib.sha256(secret.encode() + body).hexdigest(),
        "X-HubSpot-Signature-Version": "v1",
        "X-HubSpot-Signature-v3": third,
        "X-HubSpot-Request-Timestamp": timestamp,
        "X-HubSpot-Timeout-Millis": "10000",
    }


def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=ANSWER_SECONDS)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", path, body, headers)
            return connection.getresponse().status
        finally:
            connection.close()
    except (OSError, http.client.HTTPException):
        return 0
