"""Checking a JSON Web Token that was signed with a shared secret (RFC 7519, RFC 7518). Standard library only.

The algorithm is chosen among those that the caller allows, never believed from the token alone: `none` and everything
asymmetric is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

HASHES = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}
MAX_TOKEN = 8192
SKEW_SECONDS = 60
"""How far two clocks may differ."""


def verified_claims(token: str, secret: str, now: datetime) -> Mapping[str, Any] | None:
    """Return the claims of a token signed with HS256 or HS512; None where anything about it is not as it must be.

    `exp` must be there and not be over, `nbf` where it is there must have come; both with a minute's grace.
    """
    parts = token.split(".") if len(token) <= MAX_TOKEN and token.isascii() else []
    if len(parts) != 3 or not secret:  # noqa: PLR2004 (header, claims, signature)
        return None
    header, claims, signature = _object(parts[0]), _object(parts[1]), _decoded(parts[2])
    if header is None or claims is None or signature is None:
        return None
    algorithm = header.get("alg")
    digest = HASHES.get(algorithm) if isinstance(algorithm, str) else None
    if digest is None or "crit" in header:
        return None
    signed = f"{parts[0]}.{parts[1]}".encode()
    if not hmac.compare_digest(hmac.new(secret.encode(), signed, digest).digest(), signature):
        return None
    return claims if _is_current(claims, now.timestamp()) else None


def _is_current(claims: Mapping[str, Any], now: float) -> bool:
    expires, begins = _seconds(claims.get("exp")), claims.get("nbf")
    if expires is None or now > expires + SKEW_SECONDS:
        return False
    if begins is None:
        return True
    start = _seconds(begins)
    return start is not None and now >= start - SKEW_SECONDS


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _object(part: str) -> dict[str, Any] | None:
    raw = _decoded(part)
    try:
        value = None if raw is None else json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _decoded(part: str) -> bytes | None:
    """Return the bytes of unpadded base64url. Other alphabets and padding are no token's."""
    if not part or "=" in part or "+" in part or "/" in part:
        return None
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
