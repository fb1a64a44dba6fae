"""Delivering events: a form with PHP's keys, posted once. What is not taken is lost: the portal does not send again."""

from __future__ import annotations

import http.client
import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from local.simulators.faults import FaultKind
from local.simulators.forms import encode_form

if TYPE_CHECKING:
    from local.simulators.bitrix24.entities import Json
    from local.simulators.bitrix24.state import Portal
    from local.simulators.clock import Scheduler
    from local.simulators.faults import Faults
    from local.simulators.journal import Journal

WEBHOOK_FAULTS = frozenset(k for k in FaultKind if k.startswith("webhook"))


@dataclass(frozen=True, slots=True)
class Parcel:
    """One body for one address."""

    portal: Portal
    url: str
    event: str
    body: Json


class Courier:
    """Posts the events of all portals, one worker per address, so that their order is kept."""

    def __init__(self, scheduler: Scheduler, journal: Journal, faults: Faults) -> None:
        self._scheduler = scheduler
        self._journal = journal
        self._faults = faults
        self._queues: dict[str, queue.Queue[Parcel | None]] = {}
        self._threads: list[threading.Thread] = []

    def post(self, portal: Portal, url: str, event: str, body: Json) -> None:
        """Queue an event."""
        self._scheduler.begin()
        if url not in self._queues:
            self._queues[url] = queue.Queue()
            thread = threading.Thread(target=self._work, args=(self._queues[url],), name="bitrix-events", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._queues[url].put(Parcel(portal, url, event, body))

    def stop(self) -> None:
        """End all workers; what is queued is dropped."""
        for one in self._queues.values():
            one.put(None)
        for thread in self._threads:
            thread.join(timeout=5)

    def _work(self, parcels: queue.Queue[Parcel | None]) -> None:
        while (parcel := parcels.get()) is not None:
            try:
                self._deliver(parcel)
            finally:
                self._scheduler.end()

    def _deliver(self, parcel: Parcel) -> None:
        struck = {f.kind: f for f in self._faults.strike(parcel.portal.subdomain, parcel.event, WEBHOOK_FAULTS)}
        if FaultKind.WEBHOOK_LOST in struck:
            self._note(parcel, 0, 0.0, FaultKind.WEBHOOK_LOST)
            return
        if FaultKind.WEBHOOK_DELAY in struck:
            time.sleep(struck[FaultKind.WEBHOOK_DELAY].seconds)
        for _ in range(2 if FaultKind.WEBHOOK_DUPLICATE in struck else 1):
            started = time.monotonic()
            status = post(parcel.url, encode_form(parcel.body), parcel.portal.settings.answer_seconds)
            self._note(parcel, status, time.monotonic() - started, next(iter(struck), None))

    def _note(self, parcel: Parcel, status: int, seconds: float, fault: FaultKind | None) -> None:
        self._journal.delivery(
            time=parcel.portal.clock.now(),
            account=parcel.portal.subdomain,
            hook_id=0,
            destination=parcel.url,
            code=parcel.event,
            attempt=1,
            status=status,
            seconds=round(seconds, 4),
            body=parcel.body,
            fault=fault,
        )


def post(url: str, body: bytes, seconds: float) -> int:
    """Post a form and return the answer's status; 0 where none came in time."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Bitrix24 Webhook Engine"}
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=seconds)
        try:
            connection.request("POST", path, body, headers)
            return connection.getresponse().status
        finally:
            connection.close()
    except (OSError, http.client.HTTPException):
        return 0
