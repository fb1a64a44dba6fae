"""The company's messages on their way to the webhook: a token, a signature where wished, and again where not taken."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from local.simulators.faults import FaultKind

if TYPE_CHECKING:
    from local.simulators.clock import Scheduler
    from local.simulators.custom.company import Company, Json
    from local.simulators.faults import Faults
    from local.simulators.journal import Journal

ANSWER_SECONDS = 10.0
WEBHOOK_FAULTS = frozenset(k for k in FaultKind if k.startswith("webhook"))
TAKEN = 200
SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Poster:
    """Posts for all companies, one message after the other."""

    scheduler: Scheduler
    journal: Journal
    faults: Faults
    time_factor: float = 1.0

    def post(self, company: Company, body: Json) -> None:
        """Post a message, soon and in order; it goes nowhere while no webhook is known."""
        if company.webhook is not None:
            self.scheduler.after(0, lambda: self._attempt(company, body, 1))

    def _attempt(self, company: Company, body: Json, attempt: int) -> None:
        struck = {f.kind for f in self.faults.strike(company.subdomain, body["message_sender"], WEBHOOK_FAULTS)}
        if FaultKind.WEBHOOK_LOST in struck:
            self._note(company, body, attempt, 0, 0.0, FaultKind.WEBHOOK_LOST)
            return
        status = self._send(company, body, attempt, None)
        if FaultKind.WEBHOOK_DUPLICATE in struck:
            status = self._send(company, body, attempt, FaultKind.WEBHOOK_DUPLICATE)
        settings = company.settings
        if (status == 0 or status >= SERVER_ERROR) and attempt <= settings.retries:
            wait = settings.retry_seconds / self.time_factor
            self.scheduler.after(wait, lambda: self._attempt(company, body, attempt + 1))

    def _send(self, company: Company, body: Json, attempt: int, fault: FaultKind | None) -> int:
        started = time.monotonic()
        raw = json.dumps(body, ensure_ascii=False).encode()
        status = _post(company, raw)
        self._note(company, body, attempt, status, time.monotonic() - started, fault)
        return status

    def _note(
        self, company: Company, body: Json, attempt: int, status: int, seconds: float, fault: FaultKind | None
    ) -> None:
        self.journal.delivery(
            time=company.clock.now(),
            account=company.subdomain,
            hook_id=1,
            destination=company.webhook.url if company.webhook else "",
            code=body["message_sender"],
            attempt=attempt,
            status=status,
            seconds=round(seconds, 4),
            body=body,
            fault=fault,
        )


def signed(secret: str, raw: bytes, now: float) -> dict[str, str]:
    """Return the headers that sign a body."""
    stamp = str(int(now))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + raw, hashlib.sha256).hexdigest()
    return {"X-Dealtalk-Timestamp": stamp, "X-Dealtalk-Signature": f"sha256={digest}"}


def _post(company: Company, raw: bytes) -> int:
    hook, secret = company.webhook, company.settings.signing_secret
    if hook is None:
        return 0
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {hook.token}"}
    if secret is not None:
        headers |= signed(secret, raw, company.clock.now())
    parts = urlsplit(hook.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=ANSWER_SECONDS)
    try:
        connection.request("POST", parts.path, raw, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
