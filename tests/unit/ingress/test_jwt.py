"""A token is believed only where algorithm, signature and times are as they must be."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from dealtalk.ingress.jwt import MAX_TOKEN, verified_claims

SECRET = "the integration's secret"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def part(value: object) -> str:
    """Return a token's part."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(claims: Any = None, *, alg: object = "HS512", secret: str = SECRET, head: Any = None, **more: Any) -> str:
    """Return a token that was signed so."""
    claims = {"exp": AT + 600, **more} if claims is None else claims
    signed = f"{part({'typ': 'JWT', 'alg': alg} if head is None else head)}.{part(claims)}"
    digest = HASHES.get(alg, hashlib.sha512) if isinstance(alg, str) else hashlib.sha512
    return f"{signed}.{part(hmac.new(secret.encode(), signed.encode(), digest).digest())}"


@pytest.mark.parametrize("alg", ["HS256", "HS512"])
def test_both_algorithms_of_the_vendor_are_taken(alg: str) -> None:
    """Its pages say the one, its SDK the other."""
    claims = verified_claims(token(alg=alg, account_id=1), SECRET, NOW)
    assert claims is not None
    assert claims["account_id"] == 1


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "HS384", "RS256", "hs256", "", None, 512, ["HS512"], {}])
def test_no_other_algorithm_is_taken(alg: object) -> None:
    """Least of all `none`, in whatever spelling and type."""
    assert verified_claims(token(alg=alg), SECRET, NOW) is None


def test_an_unsigned_token_is_refused() -> None:
    """An empty signature is none, also where the header names a real algorithm."""
    for alg in ("none", "HS512"):
        head = f"{part({'alg': alg})}.{part({'exp': AT + 600})}."
        assert verified_claims(head, SECRET, NOW) is None


def test_another_secret_is_refused() -> None:
    """So is an empty one of ours: a connection without a secret believes nobody."""
    assert verified_claims(token(secret="another"), SECRET, NOW) is None
    assert verified_claims(token(secret=""), "", NOW) is None


def test_changed_claims_are_refused() -> None:
    """The signature covers header and claims."""
    head, _, signature = token(entity_id=1).split(".")
    assert verified_claims(f"{head}.{part({'exp': AT + 600, 'entity_id': 2})}.{signature}", SECRET, NOW) is None


@pytest.mark.parametrize(
    ("times", "taken"),
    [
        ({"exp": AT + 1}, True),
        ({"exp": AT - 59}, True),
        ({"exp": AT - 61}, False),
        ({"exp": AT + 600, "nbf": AT + 59}, True),
        ({"exp": AT + 600, "nbf": AT + 61}, False),
        ({}, False),
        ({"exp": str(AT + 600)}, False),
        ({"exp": True}, False),
        ({"exp": None}, False),
        ({"exp": AT + 600, "nbf": "soon"}, False),
    ],
)
def test_times_are_checked_with_a_minutes_grace(times: dict[str, Any], taken: bool) -> None:
    """`exp` must be there; `nbf` counts where it is."""
    assert (verified_claims(token(times), SECRET, NOW) is not None) is taken


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "a.b",
        "a.b.c.d",
        "..",
        "é.é.é",
        token() + "=",
        token().replace(".", "+", 1),
        token(head=[1]),
        token([1, 2]),
        token(head={"alg": "HS512", "crit": ["b64"]}),
        "a" * (MAX_TOKEN + 1),
        f"{part(b'[' * 5000)}.{part({})}.{part(b'x')}",
    ],
)
def test_what_is_no_token_is_refused(broken: str) -> None:
    """Never an error: whatever a stranger posts."""
    assert verified_claims(broken, SECRET, NOW) is None
