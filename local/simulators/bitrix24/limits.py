"""The leaky bucket of requests, and the time that a method may take in ten minutes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.simulators.bitrix24.problems import Refusal

if TYPE_CHECKING:
    from local.simulators.bitrix24.settings import PortalSettings

WINDOW = 600.0


@dataclass(slots=True)
class Budget:
    """What a portal has left. Not thread-safe: the portal's lock is held."""

    level: float = 0.0
    at: float = 0.0
    methods: dict[str, deque[tuple[float, float]]] = field(default_factory=dict)

    def request(self, now: float, settings: PortalSettings) -> None:
        """Count one request. Raises QUERY_LIMIT_EXCEEDED where the bucket is full."""
        self.level = max(0.0, self.level - (now - self.at) * settings.requests_per_second)
        self.at = now
        if self.level + 1 > settings.burst:
            raise Refusal("QUERY_LIMIT_EXCEEDED")
        self.level += 1

    def method(self, name: str, now: float, settings: PortalSettings) -> tuple[float, float]:
        """Count one call of a method; return its time so far and when that is reset. Raises OPERATION_TIME_LIMIT."""
        rows = self.methods.setdefault(name.lower(), deque())
        while rows and rows[0][0] <= now - WINDOW:
            rows.popleft()
        spent = sum(cost for _, cost in rows)
        if spent >= settings.operating_limit:
            raise Refusal("OPERATION_TIME_LIMIT")
        rows.append((now, settings.operating_cost))
        return spent + settings.operating_cost, rows[0][0] + WINDOW
