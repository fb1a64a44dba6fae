"""The two ways in: an incoming webhook, whose address is its secret, and a local app's OAuth tokens.

Follows apidocs.bitrix24.com/settings: calls by an incoming webhook go to /rest/{user}/{secret}/{method}, an app's to
/rest/{method} with `auth` in the body; a refresh is a GET at the authorization server, which returns a new pair.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from dealtalk.crm.bitrix24.errors import failure
from dealtalk.crm.oauth import InvalidGrant, TokenPair
from dealtalk.errors import NeedsAttention

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dealtalk.crm.http import Answer, Http
    from dealtalk.crm.oauth import TokenSource
    from dealtalk.crm.secrets import Secrets
    from dealtalk.ports import Clock

HOUR = 3_600
_HOOK = re.compile(r"[0-9]{1,20}/[A-Za-z0-9]{1,64}")
_REFUSED_HOOK = frozenset({"INVALID_CREDENTIALS"})
_REFUSED_TOKEN = frozenset({"expired_token", "invalid_token"})


class Door(Protocol):
    """How a call is signed in."""

    def call(self, http: Http, method: str, params: Mapping[str, Any]) -> Answer:
        """Return the answer to a method's call, with the token renewed once where it is refused."""
        ...


class HookDoor:
    """An incoming webhook; the token is `{user}/{secret}`."""

    def __init__(self, tokens: TokenSource) -> None:
        self._tokens = tokens

    def call(self, http: Http, method: str, params: Mapping[str, Any]) -> Answer:
        """See `Door`. Raises NeedsAttention where the secret holds no such token."""
        token = self._tokens.bearer()
        answer = http.write("POST", self._path(token, method), payload=params)
        if _code(answer) not in _REFUSED_HOOK:
            return answer
        renewed = self._tokens.renew(token)
        return answer if renewed == token else http.write("POST", self._path(renewed, method), payload=params)

    @staticmethod
    def _path(token: str, method: str) -> str:
        if not _HOOK.fullmatch(token):
            msg = "the connection's secret holds no incoming webhook (user/secret)"
            raise NeedsAttention(msg)
        return f"/rest/{token}/{method}"


class AppDoor:
    """A local app; the token travels in the body."""

    def __init__(self, tokens: TokenSource) -> None:
        self._tokens = tokens

    def call(self, http: Http, method: str, params: Mapping[str, Any]) -> Answer:
        """See `Door`. Also raises what the token source raises."""
        token = self._tokens.bearer()
        answer = http.write("POST", f"/rest/{method}", payload={**params, "auth": token})
        if _code(answer) not in _REFUSED_TOKEN:
            return answer
        renewed = self._tokens.renew(token)
        if renewed == token:
            return answer
        return http.write("POST", f"/rest/{method}", payload={**params, "auth": renewed})


def refresher(http: Http, secrets: Secrets, secret: str, clock: Clock, member_id: str) -> Callable[[str], TokenPair]:
    """Return the exchange of a refresh token for a new pair; `http` leads to the authorization server.

    The secret holds `client_id` and `client_secret`. A pair of another portal than `member_id` is refused.
    """

    def exchange(refresh: str) -> TokenPair:
        return grant(http, secrets.read(secret), {"refresh_token": refresh}, clock, member_id)

    return exchange


def grant(
    http: Http, client: Mapping[str, str], proof: Mapping[str, str], clock: Clock, member_id: str | None
) -> TokenPair:
    """Return the pair for a `code` (good for 30 seconds) or a `refresh_token` (good once, for 180 days).

    Raises InvalidGrant, NeedsAttention, Retryable.
    """
    return pair_of(granted(http, client, proof), clock, member_id)


def granted(http: Http, client: Mapping[str, str], proof: Mapping[str, str]) -> Mapping[str, Any]:
    """Return all that the authorization server says of a `code` or a `refresh_token`. Raises as `grant`."""
    missing = [name for name in ("client_id", "client_secret") if not client.get(name)]
    if missing:
        msg = f"the connection's secret holds no {missing[0]}"
        raise NeedsAttention(msg)
    kind = "refresh_token" if "refresh_token" in proof else "authorization_code"
    params = {"grant_type": kind, "client_id": client["client_id"], "client_secret": client["client_secret"], **proof}
    answer = http.get("/oauth/token/", params=list(params.items()), once=True)
    if _code(answer) in {"invalid_grant", "invalid_request"}:
        msg = "Bitrix24 refused the token exchange"
        raise InvalidGrant(msg)
    body = answer.body if isinstance(answer.body, dict) else {}
    if _code(answer) == "invalid_client":
        msg = "Bitrix24 does not know the app's client id and secret"
        raise NeedsAttention(msg)
    if not answer.ok or _code(answer):
        raise failure(answer.status, body, acts=True, pause=1.5, cooldown=300)
    return body


def pair_of(said: Mapping[str, Any], clock: Clock, member_id: str | None) -> TokenPair:
    """Return the tokens of what the authorization server said. Raises NeedsAttention."""
    if not said.get("access_token") or not said.get("refresh_token"):
        msg = "Bitrix24's token exchange brought no tokens"
        raise NeedsAttention(msg)
    if member_id is not None and str(said.get("member_id")) != member_id:
        msg = "the tokens belong to another portal"
        raise NeedsAttention(msg)
    lives = timedelta(seconds=int(said.get("expires_in") or HOUR))
    return TokenPair(str(said["access_token"]), str(said["refresh_token"]), clock.now() + lives)


def _code(answer: Answer) -> str:
    return str(answer.body.get("error") or "") if isinstance(answer.body, dict) else ""
