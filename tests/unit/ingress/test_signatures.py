"""Tokens and signatures."""

from __future__ import annotations

import pytest

from dealtalk.ingress.signatures import hmac_sha256, matches, same, sha256_hex


def test_the_token_that_was_kept_matches_and_another_does_not() -> None:
    """Only the hash is kept."""
    kept = sha256_hex("токен 51c4")
    assert matches("токен 51c4", kept)
    assert not matches("токен 51c5", kept)


@pytest.mark.parametrize("kept", [None, "", 0, ["x"]])
def test_a_connection_without_a_token_lets_nobody_in(kept: object) -> None:
    """What was never set up must not be open."""
    assert not matches("", kept)


def test_texts_that_are_no_unicode_can_be_compared() -> None:
    """A sender chooses what stands in a header."""
    assert same("a\ud800", "a\ud800")
    assert not same("a\ud800", "a")


def test_the_hmac_is_the_one_of_rfc_4231() -> None:
    """Test case 2 of the RFC."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert hmac_sha256("Jefe", b"what do ya want for nothing?").hex() == expected
