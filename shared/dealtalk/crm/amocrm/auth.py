"""Exchanging codes and refresh tokens. Follows https://www.amocrm.ru/developers/content/oauth/step-by-step."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from dealtalk.crm.amocrm.errors import failure
from dealtalk.crm.oauth import InvalidGrant, TokenPair
from dealtalk.errors import NeedsAttention

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dealtalk.crm.http import Http
    from dealtalk.crm.secrets import Secrets
    from dealtalk.ports import Clock

PATH = "/oauth2/access_token"
DAY = 86_400
REFUSALS = frozenset({400, 401})


def refresher(http: Http, secrets: Secrets, secret: str, clock: Clock, cooldown: float) -> Callable[[str], TokenPair]:
    """Return the exchange of a refresh token for a new pair; the old refresh token is dead from then on.

    The secret holds `client_id`, `client_secret` and `redirect_uri`, exactly as the integration was registered.
    """

    def exchange(refresh: str) -> TokenPair:
        return grant(http, secrets.read(secret), {"refresh_token": refresh}, clock, cooldown)

    return exchange


def grant(
    http: Http, client: Mapping[str, str], proof: Mapping[str, str], clock: Clock, cooldown: float = 300.0
) -> TokenPair:
    """Return the pair for a `code` (good for 20 minutes) or a `refresh_token` (good once, for three months).

    Raises InvalidGrant, NeedsAttention, Retryable, OutcomeUnknown.
    """
    missing = [name for name in ("client_id", "client_secret", "redirect_uri") if not client.get(name)]
    if missing:
        msg = f"the connection's secret holds no {missing[0]}"
        raise NeedsAttention(msg)
    kind = "refresh_token" if "refresh_token" in proof else "authorization_code"
    body = {name: client[name] for name in ("client_id", "client_secret", "redirect_uri")}
    answer = http.write("POST", PATH, payload={**body, "grant_type": kind, **proof})
    if answer.status in REFUSALS:
        msg = "amoCRM refused the token exchange"
        raise InvalidGrant(msg)
    if not answer.ok:
        raise failure(answer, acts=True, pause=1.5, cooldown=cooldown)
    row = answer.body if isinstance(answer.body, dict) else {}
    if not row.get("access_token") or not row.get("refresh_token"):
        msg = "amoCRM's token exchange brought no tokens"
        raise NeedsAttention(msg)
    lives = timedelta(seconds=int(row.get("expires_in") or DAY))
    return TokenPair(str(row["access_token"]), str(row["refresh_token"]), clock.now() + lives)
