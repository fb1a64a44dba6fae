"""A connection: one CRM account that was connected, how to reach it and how to know that a webhook is its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dealtalk.messages import short_hash

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Mode(StrEnum):
    """What the bot does in a conversation (or, as a default, in all of a connection's)."""

    AUTO = "auto"
    DRAFT = "draft"
    HUMAN = "human"
    OFF = "off"


class ConnectionState(StrEnum):
    """Whether the account can be worked with."""

    ACTIVE = "active"
    NEEDS_ATTENTION = "needs_attention"
    OFF = "off"


class Auth(StrEnum):
    """How the account is entered: a long-lived token, or OAuth with rotating refresh tokens."""

    TOKEN = "token"  # noqa: S105 (a word, not a password)
    OAUTH = "oauth"


class UncertainSend(StrEnum):
    """What to do with a reply of which the CRM cannot say whether it was sent."""

    ASK_HUMAN = "ask_human"
    RESEND = "resend"


@dataclass(frozen=True, slots=True)
class Connection:
    """A connected account.

    `id` is the hash of the key in the webhook's path, so that neither the table nor a log holds a key that opens
    anything. `api_base` is the account's own host, the only one that is ever called with its token. `secret` names
    the Secrets Manager secret with the token, or with the OAuth client. `signing_secret` is what the CRM signs its
    webhooks with, where it does: it stands here because a webhook may read nothing else. `connected_at`: nothing that
    was said before is read from the CRM's history. `options` are the adapter's own (each adapter's `options.py` or
    module docstring lists its keys).
    """

    crm: str
    id: str
    account: str
    api_base: str
    secret: str
    profile: str
    auth: Auth = Auth.TOKEN
    mode: Mode = Mode.AUTO
    state: ConnectionState = ConnectionState.ACTIVE
    state_reason: str = ""
    uncertain_send: UncertainSend = UncertainSend.ASK_HUMAN
    cooldown_until: datetime | None = None
    outgoing_seen: bool = False
    signing_secret: str | None = field(default=None, repr=False)
    connected_at: datetime | None = field(default=None, compare=False)
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def partition(self) -> str:
        """The DynamoDB partition key of all that belongs to this connection."""
        return connection_partition(self.crm, self.id)


def connection_id(key: str) -> str:
    """Return the id of the connection whose webhook path carries `key`."""
    return short_hash(key)


def connection_partition(crm: str, connection: str) -> str:
    """Return the DynamoDB partition key of a connection's items."""
    return f"CONN#{crm}#{connection}"
