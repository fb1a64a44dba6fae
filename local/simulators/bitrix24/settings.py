"""How a portal behaves: what the facts leave open, as switches."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

ALL_SCOPES = frozenset({"crm", "imbot", "im", "imopenlines", "task", "user", "user_basic", "disk"})


@dataclass(slots=True)
class PortalSettings:
    """The switches of one portal. Seconds are the clock's.

    `platform`: what the demo calls it. `requests_per_second`, `burst`: the leaky bucket's drain and size.
    `operating_limit`: seconds of one method in ten minutes; each call costs `operating_cost`.
    `renamed_to`: the portal answers 302 to that host. `paid`: without it REST is closed.
    `owner_while_bot_leads`: what a chat names as its owner then: "0", "bot" or a user's id.
    `event_handler_id`, `v2_entity_data`: whether events carry them. `operators_reach_bot`: bots get operators'
    messages. `access_seconds`, `refresh_seconds`: how long OAuth tokens live. `answer_seconds`: how long a handler
    may take. `activities_are_touched`: a session's activity is updated by each of its messages.
    """

    platform: str = "bitrix24.ru"
    paid: bool = True
    requests_per_second: float = 2.0
    burst: int = 50
    operating_limit: float = 480.0
    operating_cost: float = 0.1
    renamed_to: str | None = None
    owner_while_bot_leads: str = "0"
    event_handler_id: bool = True
    v2_entity_data: bool = True
    operators_reach_bot: bool = True
    access_seconds: int = 3600
    refresh_seconds: int = 180 * 86_400
    answer_seconds: float = 30.0
    activities_are_touched: bool = False

    def change(self, changes: dict[str, Any]) -> None:
        """Set switches by name. Raises ValueError for a name that does not exist."""
        known = {f.name for f in fields(self)}
        for name, value in changes.items():
            if name not in known:
                msg = f"no such switch: {name}"
                raise ValueError(msg)
            setattr(self, name, value)

    def as_json(self) -> dict[str, Any]:
        """Return the switches for the control API."""
        return {f.name: getattr(self, f.name) for f in fields(self)}
