"""A token that was just given and is not stored yet."""

from __future__ import annotations


class GivenToken:
    """A token that is being tried out: there is no other."""

    def __init__(self, token: str) -> None:
        self._token = token

    def bearer(self) -> str:
        """Return the token."""
        return self._token

    def renew(self, stale: str) -> str:
        """Return the same."""
        return stale
