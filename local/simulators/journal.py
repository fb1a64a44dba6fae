"""What happened: every call that the account received and every delivery that it tried."""

from __future__ import annotations

import re
import threading
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it came and the status it got; status 0: the connection was cut before an answer."""

    seq: int
    time: float
    account: str
    method: str
    path: str
    query: list[tuple[str, str]]
    body: Any
    status: int
    answer: Any = None

    def as_json(self) -> dict[str, Any]:
        """Return the call for the control API."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to deliver a webhook; status 0: no answer within 2 s, or no connection."""

    seq: int
    time: float
    account: str
    hook_id: int
    destination: str
    code: str
    attempt: int
    status: int
    seconds: float
    body: dict[str, Any]
    fault: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the receiver's answer counts as success."""
        return 100 <= self.status <= 299  # noqa: PLR2004 - the vendor's bounds

    def as_json(self) -> dict[str, Any]:
        """Return the attempt for the control API."""
        return asdict(self) | {"accepted": self.accepted}


class Journal:
    """Calls and deliveries of all accounts, in order."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._calls: list[Call] = []
        self._deliveries: list[Delivery] = []

    def call(self, **values: Any) -> None:
        """Append a call."""
        with self._lock:
            self._calls.append(Call(seq=len(self._calls) + 1, **values))
            self._lock.notify_all()

    def delivery(self, **values: Any) -> None:
        """Append a delivery."""
        with self._lock:
            self._deliveries.append(Delivery(seq=len(self._deliveries) + 1, **values))

    def calls(
        self, account: str | None = None, *, method: str | None = None, path_regex: str | None = None, since: int = 0
    ) -> list[Call]:
        """Return the calls after number `since`, filtered."""
        with self._lock:
            rows = self._calls[since:]
        return [
            c
            for c in rows
            if account in {None, c.account}
            and method in {None, c.method}
            and (path_regex is None or re.search(path_regex, c.path))
        ]

    def wait_for_call(self, account: str, timeout: float = 5.0, **filters: Any) -> Call:
        """Return the first call that fits, waiting for it. Raises TimeoutError."""
        with self._lock:
            if not self._lock.wait_for(lambda: self.calls(account, **filters), timeout):
                raise TimeoutError
            return self.calls(account, **filters)[0]

    def deliveries(self, account: str | None = None, *, code: str | None = None, since: int = 0) -> list[Delivery]:
        """Return the delivery attempts after number `since`, filtered."""
        with self._lock:
            rows = self._deliveries[since:]
        return [d for d in rows if account in {None, d.account} and code in {None, d.code}]
