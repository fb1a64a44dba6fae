"""Delivering webhooks: form bodies, 2 seconds to answer, the retry schedule and the automatic switch-off.

Follows crm_platform/webhooks-format. One worker per subscription keeps the order, unless the account sets more.
"""

from __future__ import annotations

import http.client
import json
import queue
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from local.simulators.amocrm.settings import Platform
from local.simulators.faults import FaultKind
from local.simulators.forms import encode_form

if TYPE_CHECKING:
    import random

    from local.simulators.amocrm.entities import Hook, HookEvent, Json
    from local.simulators.amocrm.state import Account
    from local.simulators.clock import Scheduler
    from local.simulators.faults import Faults
    from local.simulators.journal import Journal

ANSWER_SECONDS = 2.0
RETRIES = {1: (300.0, False), 2: (900.0, False), 3: (900.0, True), 4: (3600.0, True)}
"""After attempt N: seconds until the next, and whether it is made only for 499 and 5xx."""
INVALID_WINDOW = 7200.0
INVALID_LIMIT = 100
NGINX_CLIENT_CLOSED = 499
HELD_SECONDS = 1.0
WEBHOOK_FAULTS = frozenset(k for k in FaultKind if k.startswith("webhook"))


@dataclass(slots=True)
class Parcel:
    """One body for one subscription. `told` is set once the first attempt is over, however it ended."""

    account: Account
    hook: Hook
    code: str
    body: Json
    request_id: str
    attempt: int = 1
    told: threading.Event = field(default_factory=threading.Event)


class Courier:
    """Delivers the events of all accounts to their subscribers."""

    def __init__(self, scheduler: Scheduler, journal: Journal, faults: Faults, time_factor: float = 1.0) -> None:
        self._scheduler = scheduler
        self._journal = journal
        self._faults = faults
        self._time_factor = time_factor
        self._queues: dict[tuple[int, int], queue.Queue[Parcel | None]] = {}
        self._threads: list[threading.Thread] = []
        self._stopped = threading.Event()

    def emit(self, account: Account, event: HookEvent) -> threading.Event | None:
        """Queue an event for all who subscribed to it; return what is set when the last in line was told."""
        body = message_body(account, event)
        told = None
        for hook in list(account.hooks.values()):
            if event.code in hook.settings and not hook.disabled:
                parcel = Parcel(account, hook, event.code, body, account.new_uuid())
                self._put(parcel)
                told = parcel.told
        return told

    def stop(self) -> None:
        """End all workers; what is queued is dropped."""
        self._stopped.set()
        for one in list(self._queues.values()):
            for _ in self._threads:
                one.put(None)
        for thread in self._threads:
            thread.join(timeout=5)

    def _put(self, parcel: Parcel) -> None:
        key = (parcel.account.id, parcel.hook.id)
        self._scheduler.begin()
        if key not in self._queues:
            self._queues[key] = queue.Queue()
            for number in range(max(1, parcel.account.settings.delivery_workers)):
                name = f"amocrm-hook-{parcel.hook.id}-{number}"
                thread = threading.Thread(target=self._work, args=(self._queues[key],), name=name, daemon=True)
                self._threads.append(thread)
                thread.start()
        self._queues[key].put(parcel)

    def _work(self, parcels: queue.Queue[Parcel | None]) -> None:
        held: Parcel | None = None
        while not self._stopped.is_set():
            try:
                parcel = parcels.get(timeout=HELD_SECONDS if held else None)
            except queue.Empty:
                parcel = None
            if parcel is None and held is None:
                return
            struck = self._struck(parcel) if parcel else {}
            if parcel and held is None and FaultKind.WEBHOOK_REORDER in struck:
                held = parcel
                continue
            for one in (parcel, held):
                if one is not None:
                    self._deliver(one, struck if one is parcel else {})
            held = None

    def _struck(self, parcel: Parcel) -> dict[FaultKind, float]:
        found = self._faults.strike(parcel.account.subdomain, parcel.code, WEBHOOK_FAULTS)
        return {fault.kind: fault.seconds for fault in found}

    def _deliver(self, parcel: Parcel, struck: dict[FaultKind, float]) -> None:
        try:
            if FaultKind.WEBHOOK_DELAY in struck:
                self._stopped.wait(struck[FaultKind.WEBHOOK_DELAY])
            if FaultKind.WEBHOOK_LOST in struck:
                self._note(parcel, 0, 0.0, FaultKind.WEBHOOK_LOST)
                return
            status = self._attempt(parcel, None)
            if FaultKind.WEBHOOK_DUPLICATE in struck:
                status = self._attempt(parcel, FaultKind.WEBHOOK_DUPLICATE)
            self._judge(parcel, status)
        finally:
            parcel.told.set()
            self._scheduler.end()

    def _attempt(self, parcel: Parcel, fault: FaultKind | None) -> int:
        started = time.monotonic()
        status = post(parcel.hook.destination, *encode(parcel.account, parcel.body), parcel.request_id)
        seconds = time.monotonic() - started
        if seconds > ANSWER_SECONDS:
            status = 0
        self._note(parcel, status, seconds, fault)
        return status

    def _note(self, parcel: Parcel, status: int, seconds: float, fault: FaultKind | None) -> None:
        account = parcel.account
        self._journal.delivery(
            time=account.clock.now(),
            account=account.subdomain,
            hook_id=parcel.hook.id,
            destination=parcel.hook.destination,
            code=parcel.code,
            attempt=parcel.attempt,
            status=status,
            seconds=round(seconds, 4),
            body=parcel.body,
            fault=fault,
        )

    def _judge(self, parcel: Parcel, status: int) -> None:
        if 100 <= status <= 299:  # noqa: PLR2004 - the vendor's bounds
            return
        account, hook = parcel.account, parcel.hook
        with account.lock:
            now = account.clock.now()
            hook.invalid = [at for at in hook.invalid if at > now - INVALID_WINDOW / self._time_factor] + [now]
            if len(hook.invalid) > INVALID_LIMIT:
                hook.disabled = True
            account.touch()
        wait, server_errors_only = RETRIES.get(parcel.attempt, (0.0, True))
        server_error = status == NGINX_CLIENT_CLOSED or 500 <= status <= 599  # noqa: PLR2004 - the vendor's bounds
        if parcel.attempt in RETRIES and (server_error or not server_errors_only):
            following = replace(parcel, attempt=parcel.attempt + 1)
            self._scheduler.after(wait / self._time_factor, lambda: self._again(following))

    def _again(self, parcel: Parcel) -> None:
        if parcel.hook.id in parcel.account.hooks and not parcel.hook.disabled:
            self._put(parcel)


def message_body(account: Account, event: HookEvent) -> Json:
    """Return the nested body of an event: its group, other groups, and who the account is."""
    settings = account.settings
    wrapped = settings.wrapped_messages or event.group != "message"
    body: Json = {event.group: {event.action: event.items}} if wrapped else {event.action: event.items}
    body |= event.extra
    # Accounts of Kommo still name the older domain in their own link, as live captures of 2026 show.
    domain = "amocrm.com" if settings.platform is Platform.KOMMO else "amocrm.ru"
    link = {"self": f"https://{account.subdomain}.{domain}"}
    about = {"account": {"subdomain": account.subdomain, "id": account.id, "_links": link}}
    body = about | body if settings.account_block_first else body | about
    return _shuffled(body, account.rng) if settings.shuffle_keys else body


def encode(account: Account, body: Json) -> tuple[bytes, str]:
    """Return the bytes and content type by which this account sends bodies; every value is a string."""
    if account.settings.json_webhooks:
        return json.dumps(_strings(body), ensure_ascii=False).encode("utf-8", "replace"), "application/json"
    return encode_form(body), "application/x-www-form-urlencoded"


def post(url: str, body: bytes, content_type: str, request_id: str = "") -> int:
    """Post a body and return the answer's status; 0 where none came within 2 s."""
    headers = {"Content-Type": content_type, "User-Agent": "amoCRM-Webhooks/3.0", "X-Amocrm-Requestid": request_id}
    return _request("POST", url, body, headers)


def probe(url: str) -> int:
    """Send the GET by which Kommo's settings page tries an address; return the status, 0 where none came."""
    return _request("GET", url, None, {})


def _request(method: str, url: str, body: bytes | None, headers: dict[str, str]) -> int:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=ANSWER_SECONDS)
        try:
            connection.request(method, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, headers)
            return connection.getresponse().status
        finally:
            connection.close()
    except (OSError, http.client.HTTPException):
        return 0


def _shuffled(data: Any, rng: random.Random) -> Any:
    if isinstance(data, dict):
        keys = list(data)
        rng.shuffle(keys)
        return {key: _shuffled(data[key], rng) for key in keys}
    return [_shuffled(item, rng) for item in data] if isinstance(data, list) else data


def _strings(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _strings(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_strings(item) for item in data]
    if isinstance(data, bool):
        return "1" if data else "0"
    return "" if data is None else str(data)
