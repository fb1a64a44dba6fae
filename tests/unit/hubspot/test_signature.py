"""HubSpot's signature, version 3, against published vectors."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dealtalk.crm.hubspot.signature import decoded, is_signed, signature

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "signatures.json").read_text("utf-8"))["vectors"]
VECTOR = VECTORS[0]


def moment(vector: dict[str, Any]) -> datetime:
    """Return the vector's own time."""
    return datetime.fromtimestamp(int(vector["timestamp"]) / 1000, UTC)


def check(vector: dict[str, Any], **changes: Any) -> bool:
    """Return whether the vector's request is accepted at its own time."""
    headers = {"x-hubspot-signature-v3": vector["expected"], "x-hubspot-request-timestamp": vector["timestamp"]}
    parts = {
        "method": vector["method"],
        "uri": vector["url"],
        "headers": headers,
        "body": vector["body"].encode(),
        "now": moment(vector),
    }
    return is_signed(vector["secret"], **(parts | changes))


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["id"] for vector in VECTORS])
def test_published_signatures_are_judged_as_published(vector: dict[str, Any]) -> None:
    """UTF-8 bodies and escaped URIs included; a signature over the URI as it was escaped is refused."""
    assert check(vector) is vector["should_validate"]


@pytest.mark.parametrize(
    ("seconds", "accepted"), [(0, True), (300, True), (300.001, False), (86_400, False), (-300, True), (-301, False)]
)
def test_a_signature_holds_for_five_minutes(seconds: float, accepted: bool) -> None:
    """Neither an older one nor one of the future is accepted."""
    assert check(VECTOR, now=moment(VECTOR) + timedelta(seconds=seconds)) is accepted


@pytest.mark.parametrize(
    "timestamp", ["", "NaN", "-1", "16936575600 00", "1693657560000.0", "१६९३६५७५६००००", "1" * 400]
)
def test_a_timestamp_that_is_no_number_is_refused(timestamp: str) -> None:
    """Even if it is signed."""
    signed = signature(VECTOR["secret"], "POST", VECTOR["url"], VECTOR["body"].encode(), timestamp)
    headers = {"x-hubspot-signature-v3": signed, "x-hubspot-request-timestamp": timestamp}
    assert check(VECTOR, headers=headers) is False


@pytest.mark.parametrize(
    "change",
    [
        {"method": "GET"},
        {"uri": "https://www.example.com/webhook_uri/"},
        {"uri": "https://www.example.com/webhook_uri?x=1"},
        {"body": b"{'example_field':'example_value'} "},
        {"headers": {"x-hubspot-request-timestamp": VECTOR["timestamp"]}},
        {"headers": {"x-hubspot-signature-v3": VECTOR["expected"]}},
        {"headers": {"x-hubspot-signature-v3": "", "x-hubspot-request-timestamp": VECTOR["timestamp"]}},
    ],
)
def test_any_other_request_is_refused(change: dict[str, Any]) -> None:
    """Method, URI, body, signature and timestamp all count."""
    assert check(VECTOR, **change) is False


def test_only_the_documented_escapes_are_decoded() -> None:
    """A space, an ampersand, an equals sign and a percent stay escaped; letter case of the digits means nothing."""
    table = {"%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(", "%29": ")"}
    table |= {"%2A": "*", "%2C": ",", "%3B": ";", "%3b": ";", "%2f": "/"}
    for escape, character in table.items():
        assert decoded(f"https://h/a?b={escape}") == f"https://h/a?b={character}"
    kept = "%20%26%3D%25%23%2B%5B%D0%B0"
    assert decoded(kept) == kept
    assert decoded("%252F") == "%252F"
