"""How an account behaves: what differs between the platforms, and what the facts leave open, as switches."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any


class Platform(StrEnum):
    """The two houses that run the same product."""

    AMOCRM = "amocrm.ru"
    KOMMO = "kommo.com"


class Plan(StrEnum):
    """Tariffs, as far as they open or close what is simulated here."""

    TRIAL = "trial"
    BASE = "base"
    ADVANCED = "advanced"
    PRO = "pro"
    ENTERPRISE = "enterprise"
    TECHNICAL = "technical"


CHAT_QUOTA = {Plan.TRIAL: 100, Plan.PRO: 500, Plan.ENTERPRISE: 500, Plan.TECHNICAL: 10_000}
"""Messages a month through talks/{id}/send_message; a plan that is not here has no access."""

WEBHOOK_PLANS = frozenset({Plan.ADVANCED, Plan.PRO, Plan.ENTERPRISE, Plan.TECHNICAL, Plan.TRIAL})

SCOPE_SEND = "send_external_messages"
"""'Sending to external chats'."""

SCOPE_HISTORY = "list_external_messages"
"""'External chat history'."""

ALL_SCOPES = frozenset({"crm", "notifications", "files", SCOPE_SEND, SCOPE_HISTORY})


@dataclass(slots=True)
class AccountSettings:
    """The switches of one account. Seconds are the clock's; the waits of webhooks are divided by the time factor."""

    platform: Platform = Platform.AMOCRM
    plan: Plan = Plan.PRO
    paid: bool = True
    ip_whitelist: list[str] | None = None
    requests_per_second: int = 7
    ban_after: int = 10
    ban_window: float = 60.0
    ban_seconds: float = 600.0
    chats_api: bool = False
    chat_quota_extra: int = 0
    send_message_max_chars: int | None = None
    messages_newest_first: bool = True
    talks_list: bool = False
    event_talks: bool = False
    continue_with_data_only: bool = False
    bots_v4: bool = False
    message_type: bool = False
    accepts_add_message: bool = True
    accepts_add_outgoing_message: bool = False
    customer_events: bool = True
    webhook_created_status: int = 201
    require_trailing_slash: bool = False
    wrapped_messages: bool = True
    outgoing_group: str = "outgoing_message"
    account_block_first: bool = False
    shuffle_keys: bool = False
    json_webhooks: bool = False
    omit_talk_id: bool = False
    element_keys: bool = True
    entity_keys: bool = True
    empty_attachment: bool = False
    echo_before_answer: bool = False
    reuse_kills_grant: bool = False
    closing_needs_pipeline: bool = True
    text_field_chars: int = 256
    fields_per_page: int = 50
    bot_delay: float = 0.3
    delivery_workers: int = 1
    locked: frozenset[str] = field(default=frozenset({"platform", "locked"}))

    @classmethod
    def of(cls, platform: Platform, **changes: Any) -> AccountSettings:
        """Return the defaults of a platform, with changes."""
        if platform is Platform.KOMMO:
            kommo: dict[str, Any] = {
                "chats_api": True,
                "talks_list": True,
                "event_talks": True,
                "bots_v4": True,
                "message_type": True,
                "accepts_add_outgoing_message": True,
                "customer_events": False,
                "webhook_created_status": 200,
            }
            return cls(platform=platform, **(kommo | changes))
        return cls(platform=platform, **changes)

    def change(self, changes: dict[str, Any]) -> None:
        """Set switches by name. Raises ValueError for a name that does not exist or cannot be changed."""
        known = {f.name for f in fields(self)} - self.locked
        for name, value in changes.items():
            if name not in known:
                msg = f"no such switch: {name}"
                raise ValueError(msg)
            setattr(self, name, Plan(value) if name == "plan" else value)

    def as_json(self) -> dict[str, Any]:
        """Return the switches for the control API."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "locked"}
