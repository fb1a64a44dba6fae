"""HubSpot's request signature, version 3. Standard library only.

Follows "Validating requests" of developers.hubspot.com (build-apps/authentication/request-validation): the base64 of
HMAC-SHA256, keyed with the app's client secret, over method, URI, body and timestamp. Version 1, which deliveries carry
as well, protects against no replay and is not looked at.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import unquote

from dealtalk.ingress.signatures import hmac_sha256, same

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

SIGNATURE = "x-hubspot-signature-v3"
TIMESTAMP = "x-hubspot-request-timestamp"
WINDOW_MILLISECONDS = 300_000

_DECODED = re.compile(r"%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)
"""The escapes that HubSpot takes for what they stand for; a space, an ampersand, an equals sign and a percent stay."""

_MOMENT = re.compile(r"[0-9]{1,15}", re.ASCII)


def decoded(uri: str) -> str:
    """Return the URI as it is signed."""
    return _DECODED.sub(lambda match: unquote(match[0]), uri)


def signature(secret: str, method: str, uri: str, body: bytes, timestamp: str) -> str:
    """Return the signature of a request to the full `uri`, as it is configured in HubSpot."""
    source = method.encode() + decoded(uri).encode("utf-8", "surrogatepass") + body + timestamp.encode()
    return b64encode(hmac_sha256(secret, source)).decode()


def is_signed(secret: str, *, method: str, uri: str, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    """Return whether the request was signed with this secret, at most five minutes before or after `now`."""
    given, timestamp = headers.get(SIGNATURE, ""), headers.get(TIMESTAMP, "")
    if not given or not _MOMENT.fullmatch(timestamp):
        return False
    if abs(int(now.timestamp() * 1000) - int(timestamp)) > WINDOW_MILLISECONDS:
        return False
    return same(given, signature(secret, method, uri, body, timestamp))
