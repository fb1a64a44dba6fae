"""Checks of tokens and signatures, in constant time. Standard library only: webhooks import it, cold."""

from __future__ import annotations

import hashlib
import hmac


def sha256_hex(token: str) -> str:
    """Return what is kept of a token that is only ever compared: its SHA-256, so that the table opens no door."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def matches(given: str, kept: object) -> bool:
    """Return whether `given` is the token whose `sha256_hex` was kept; false where none was."""
    return isinstance(kept, str) and bool(kept) and same(sha256_hex(given), kept)


def same(given: str, expected: str) -> bool:
    """Return whether two texts are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass"))


def hmac_sha256(secret: str, data: bytes) -> bytes:
    """Return the HMAC-SHA256 of `data`; compare it with `hmac.compare_digest`."""
    return hmac.new(secret.encode("utf-8", "surrogatepass"), data, hashlib.sha256).digest()
