"""What an adapter's `inbound` module makes of a webhook's body."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from dealtalk.connections import Connection
    from dealtalk.ingress.http import Request
    from dealtalk.messages import InboundMessage

Payload = dict[str, Any]
"""A decoded body: nested dicts, lists and scalars.

Form values are str; a form's numeric keys stay dict keys ("0", "1").
"""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a sender is told of a body that it must correct: a status of 4xx and a JSON body that quotes nothing."""

    status: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ParsedEvents:
    """The messages of a body in the order in which they stand, and how many events of which kind were not ours.

    `ignored` counts by a short fixed word (for a metric's dimension: `unknown_event`, `unusable_message`, ...).
    `refusal`: only where the CRM's protocol has its sender told what is wrong; nothing is stored then. `told`: the JSON
    that the CRM waits for where everything was taken; None: a plain "ok" will do.
    """

    messages: tuple[InboundMessage, ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)
    refusal: Refusal | None = None
    told: Mapping[str, Any] | None = None


class Inbound(Protocol):
    """An adapter's `inbound` module. Standard library only: it is imported by a webhook, cold."""

    def authenticate(self, connection: Connection, request: Request, payload: Payload, now: datetime) -> bool:
        """Return whether this body belongs to this connection's account, by all that the vendor offers to know it.

        `payload` is the decoded body of `request`.
        """
        ...

    def parse(self, connection: Connection, payload: Payload, now: datetime) -> ParsedEvents:
        """Return the messages of a body. Never raises on a well-formed payload, whatever its values are."""
        ...
