"""Faults that are switched on for an account: slow, refusing, cut connections, lost and doubled webhooks."""

from __future__ import annotations

import itertools
import random
import re
import threading
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class FaultKind(StrEnum):
    """What goes wrong. Those that begin with `webhook` concern deliveries, the others calls."""

    DELAY = "delay"
    STATUS = "status"
    STATUS_AFTER = "status_after"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    WEBHOOK_DELAY = "webhook_delay"
    WEBHOOK_LOST = "webhook_lost"
    WEBHOOK_DUPLICATE = "webhook_duplicate"
    WEBHOOK_REORDER = "webhook_reorder"


@dataclass(slots=True)
class Fault:
    """One switch. `path` is a regular expression for a call's path, or for the event code of a delivery.

    `skip` matching occasions pass first; then it strikes `count` times (None: always) with `probability`.
    """

    kind: FaultKind
    account: str | None = None
    path: str = ""
    method: str | None = None
    count: int | None = None
    skip: int = 0
    probability: float = 1.0
    seed: int = 0
    status: int = 500
    seconds: float = 0.0
    body: Any = None
    id: int = 0
    struck: int = 0
    rng: random.Random = field(default_factory=random.Random)

    def as_json(self) -> dict[str, Any]:
        """Return the switch and how often it struck."""
        names = ("id", "kind", "account", "path", "method", "count", "skip", "probability", "seed", "status", "seconds")
        return {name: getattr(self, name) for name in names} | {"struck": self.struck}


class Faults:
    """All switched-on faults of a simulator."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._ids = itertools.count(1)

    def add(self, fault: Fault) -> Fault:
        """Switch a fault on."""
        re.compile(fault.path)
        with self._lock:
            fault.id, fault.rng = next(self._ids), random.Random(fault.seed)  # noqa: S311 - repeatable, not secret
            self._faults.append(fault)
        return fault

    def clear(self, fault_id: int | None = None) -> None:
        """Switch one fault off, or all."""
        with self._lock:
            self._faults = [f for f in self._faults if fault_id is not None and f.id != fault_id]

    def all(self) -> list[Fault]:
        """Return all faults."""
        with self._lock:
            return list(self._faults)

    def strike(self, account: str, what: str, kinds: frozenset[FaultKind], method: str | None = None) -> list[Fault]:
        """Return the faults of these kinds that strike now, at most one of a kind."""
        struck: dict[FaultKind, Fault] = {}
        with self._lock:
            for fault in self._faults:
                fits = fault.account in {None, account} and fault.method in {None, method}
                if fault.kind not in kinds or fault.kind in struck or not fits or not re.search(fault.path, what):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                elif fault.count != 0 and fault.rng.random() < fault.probability:
                    fault.count = fault.count - 1 if fault.count is not None else None
                    fault.struck += 1
                    struck[fault.kind] = fault
        return list(struck.values())
