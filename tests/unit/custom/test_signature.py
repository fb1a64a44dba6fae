"""The protocol's signature."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from dealtalk.crm.custom.signature import is_signed, signature_headers

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SECRET = "secret"
BODY = '{"text": "Уфа"}'.encode()


def lower(headers: dict[str, str]) -> dict[str, str]:
    """Return headers as a webhook gets them."""
    return {name.lower(): value for name, value in headers.items()}


def test_it_is_what_the_documentation_says() -> None:
    """HMAC-SHA256 of the timestamp, a dot and the raw body, in hex."""
    headers = signature_headers(SECRET, BODY, NOW)
    stamp = str(int(NOW.timestamp()))
    digest = hmac.new(SECRET.encode(), f"{stamp}.".encode() + BODY, hashlib.sha256).hexdigest()
    assert headers == {"X-Dealtalk-Timestamp": stamp, "X-Dealtalk-Signature": f"sha256={digest}"}


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (300, True), (-300, True), (301, False), (-301, False)])
def test_it_is_good_for_five_minutes(seconds: int, *, good: bool) -> None:
    """A captured request cannot be played back later; clocks may differ."""
    headers = lower(signature_headers(SECRET, BODY, NOW))
    assert is_signed(SECRET, BODY, headers, NOW + timedelta(seconds=seconds)) is good


@pytest.mark.parametrize(
    "changes",
    [
        {"x-dealtalk-signature": ""},
        {"x-dealtalk-signature": "sha256=é"},
        {"x-dealtalk-timestamp": ""},
        {"x-dealtalk-timestamp": "١٢"},
        {"x-dealtalk-timestamp": "1e9"},
        {"x-dealtalk-timestamp": str(int(NOW.timestamp()) + 1)},
    ],
)
def test_nothing_else_signs(changes: dict[str, str]) -> None:
    """Neither a changed time nor strange characters."""
    assert not is_signed(SECRET, BODY, lower(signature_headers(SECRET, BODY, NOW)) | changes, NOW)


def test_another_body_or_secret_does_not_fit() -> None:
    """What was signed is what was sent."""
    headers = lower(signature_headers(SECRET, BODY, NOW))
    assert not is_signed(SECRET, BODY + b" ", headers, NOW)
    assert not is_signed("another", BODY, headers, NOW)
