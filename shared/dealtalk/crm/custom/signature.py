"""The protocol's optional signature: HMAC-SHA256 over time and body, the same in both directions.

`X-Dealtalk-Timestamp` holds unix seconds; `X-Dealtalk-Signature` is `sha256=` and the hex digest of
HMAC-SHA256(secret, timestamp + "." + raw body). Standard library only: the webhook imports it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dealtalk.ingress.signatures import hmac_sha256, same

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

TIMESTAMP = "X-Dealtalk-Timestamp"
SIGNATURE = "X-Dealtalk-Signature"
WINDOW_SECONDS = 300
"""How far the sender's clock and the way may take a request from our time."""

_SECONDS = re.compile(r"[0-9]{1,11}", re.ASCII)


def signature_headers(secret: str, body: bytes, now: datetime) -> dict[str, str]:
    """Return the headers that sign a body."""
    timestamp = str(int(now.timestamp()))
    return {TIMESTAMP: timestamp, SIGNATURE: _signature(secret, timestamp, body)}


def is_signed(secret: str, body: bytes, headers: Mapping[str, str], now: datetime) -> bool:
    """Return whether the headers (names in lower case) sign this body with this secret, within five minutes."""
    timestamp = headers.get(TIMESTAMP.lower(), "")
    if not _SECONDS.fullmatch(timestamp) or abs(int(timestamp) - now.timestamp()) > WINDOW_SECONDS:
        return False
    return same(headers.get(SIGNATURE.lower(), ""), _signature(secret, timestamp, body))


def _signature(secret: str, timestamp: str, body: bytes) -> str:
    return "sha256=" + hmac_sha256(secret, f"{timestamp}.".encode() + body).hex()
