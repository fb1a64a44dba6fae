"""Access: long-lived tokens, OAuth with single-use refresh tokens, and what a request must bring to pass.

Follows the vendor's pages oauth/step-by-step and oauth/account-subdomain-info.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from local.simulators.amocrm.entities import Actor, Integration, OneTimeToken, Token
from local.simulators.amocrm.problems import Problem, problem
from local.simulators.amocrm.settings import ALL_SCOPES, Platform
from local.simulators.serving import Response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from local.simulators.amocrm.entities import Json
    from local.simulators.amocrm.state import Account
    from local.simulators.serving import Request

ACCESS_SECONDS = 86_400
CODE_SECONDS = 20 * 60
REFRESH_SECONDS = 90 * 86_400
LONG_LIVED_SECONDS = 5 * 365 * 86_400
OAUTH_PROBLEM = "https://developers.amocrm.ru/v3/errors/OAuthProblemJson"


def add_integration(account: Account, name: str, redirect_uri: str = "https://example.test/oauth") -> Integration:
    """Register an integration in the account."""
    one = Integration(account.new_uuid(), f"{account.rng.getrandbits(256):064x}", redirect_uri, name)
    account.integrations[one.client_id] = one
    return one


def long_lived_token(
    account: Account,
    *,
    user_id: int | None = None,
    scopes: Iterable[str] = ALL_SCOPES,
    seconds: float = LONG_LIVED_SECONDS,
    integration: Integration | None = None,
) -> Token:
    """Return a new long-lived token, by default an administrator's with all scopes."""
    owner = integration or add_integration(account, "Dealtalk")
    person = user_id if user_id is not None else next(u.id for u in account.users.values() if u.is_admin)
    return _access(account, owner.client_id, person, frozenset(scopes), seconds, account.new_uuid())


def authorization_code(account: Account, client_id: str, scopes: Iterable[str] = ALL_SCOPES) -> str:
    """Return the code that an administrator's consent yields; good for 20 minutes and one use."""
    admin = next(u.id for u in account.users.values() if u.is_admin)
    value = f"def502{account.rng.getrandbits(512):0128x}"
    until = account.clock.now() + CODE_SECONDS
    account.codes[value] = OneTimeToken(value, admin, frozenset(scopes), until, client_id, account.new_uuid())
    return value


def exchange(account: Account, request: Request) -> Response:
    """Serve POST /oauth2/access_token."""
    form = _form(request)
    for name in ("client_id", "client_secret", "grant_type", "redirect_uri"):
        if not isinstance(form.get(name), str) or not form[name]:
            raise _refused(400, f"Check the `{name}` parameter")
    owner = account.integrations.get(form["client_id"])
    if owner is None or owner.client_secret != form["client_secret"] or owner.redirect_uri != form["redirect_uri"]:
        raise _refused(401, "Client authentication failed")
    if not owner.active:
        raise _refused(401, "Integration is disabled")
    sources = {
        "authorization_code": ("code", account.codes),
        "refresh_token": ("refresh_token", account.refresh_tokens),
    }
    if form["grant_type"] not in sources:
        raise _refused(400, "Check that all required parameters have been provided")
    name, known = sources[form["grant_type"]]
    return _grant(account, owner, known.get(str(form.get(name, ""))), what=name)


def subdomain_info(account: Account, request: Request) -> Response:
    """Serve GET /oauth2/account/current/subdomain: where the account lives now."""
    token = account.refresh_tokens.get(request.headers.get("x-refresh-token", ""))
    if token is None or token.used:
        raise _refused(401, "Token has been revoked")
    top = "ru" if account.settings.platform is Platform.AMOCRM else "com"
    domain = f"{account.subdomain}.{account.settings.platform.value}"
    body = {"id": account.id, "subdomain": account.subdomain, "domain": domain, "top_level_domain": top}
    return Response(200, body, "application/json")


def authenticate(account: Account, request: Request) -> tuple[Token, Actor, bool]:
    """Return the token, whose rights act, and whether these are an administrator's. Raises 401, 402 or 403."""
    allowed = account.settings.ip_whitelist
    if allowed is not None and request.client_ip not in allowed:
        raise problem(403, "Access to this account is denied from your IP address", code=113)
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    token = account.tokens.get(value.strip()) if scheme.lower() == "bearer" else None
    if token is None or token.revoked or token.expires_at <= account.clock.now():
        raise problem(401, "Access token is missing, expired or revoked", code=110)
    owner = account.integrations.get(token.client_id)
    if owner is None or not owner.active:
        raise problem(401, "Integration is disabled", code=110)
    if not account.settings.paid:
        raise problem(402, "Account is not paid")
    return token, *_acting(account, token, owner, request.headers.get("x-context-user-id"))


def _acting(account: Account, token: Token, owner: Integration, context: str | None) -> tuple[Actor, bool]:
    user = account.users.get(token.user_id)
    if user is None or not user.is_active:
        raise problem(401, "User is disabled", code=112)
    if context is not None:
        other = account.users.get(int(context)) if context.isdigit() else None
        if not user.is_admin or other is None or other.is_free:
            raise problem(403, "Invalid context user")
        user = other
    return Actor(f"{owner.name} (API)", user.id), user.is_admin


def _grant(account: Account, owner: Integration, source: OneTimeToken | None, *, what: str) -> Response:
    now = account.clock.now()
    code = what == "code"
    if source is None or source.client_id != owner.client_id:
        kind = "authorization code" if code else "refresh token"
        raise _refused(400 if code else 401, f"Cannot decrypt the {kind}")
    if source.used:
        if account.settings.reuse_kills_grant:
            _kill(account, source.grant)
        raise _refused(
            400 if code else 401, "Authorization code has been revoked" if code else "Token has been revoked"
        )
    if source.expires_at <= now:
        raise _refused(400 if code else 401, "Authorization code has expired" if code else "Token has expired")
    source.used = True
    for token in account.tokens.values():
        token.revoked = token.revoked or (code is False and token.grant == source.grant and token.expires_at <= now)
    access = _access(account, owner.client_id, source.user_id, source.scopes, ACCESS_SECONDS, source.grant)
    value = f"def502{account.rng.getrandbits(1024):0256x}"
    account.refresh_tokens[value] = OneTimeToken(
        value, source.user_id, source.scopes, now + REFRESH_SECONDS, owner.client_id, source.grant
    )
    body = {
        "token_type": "Bearer",
        "expires_in": ACCESS_SECONDS,
        "server_time": int(now),
        "access_token": access.value,
        "refresh_token": value,
    }
    return Response(200, body, "application/json")


def _kill(account: Account, grant: str) -> None:
    for access in account.tokens.values():
        access.revoked = access.revoked or access.grant == grant
    for refresh in account.refresh_tokens.values():
        refresh.used = refresh.used or refresh.grant == grant


def _access(
    account: Account, client_id: str, user_id: int, scopes: frozenset[str], seconds: float, grant: str
) -> Token:
    now = account.clock.now()
    claims = {
        "aud": client_id,
        "jti": f"{account.rng.getrandbits(256):064x}",
        "iat": int(now),
        "nbf": int(now),
        "exp": int(now + seconds),
        "sub": str(user_id),
        "grant_type": "",
        "account_id": account.id,
        "base_domain": account.settings.platform.value,
        "version": 2,
        "scopes": sorted(scopes),
        "hash_uuid": account.new_uuid(),
        "api_domain": f"api-b.{account.settings.platform.value}",
    }
    signature = base64.urlsafe_b64encode(account.rng.randbytes(256)).decode().rstrip("=")
    value = f"{_segment({'typ': 'JWT', 'alg': 'RS256'})}.{_segment(claims)}.{signature}"
    token = Token(value, user_id, scopes, now + seconds, client_id, grant)
    account.tokens[value] = token
    return token


def _segment(data: Json) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")


def _form(request: Request) -> dict[str, Any]:
    if "json" in request.headers.get("content-type", ""):
        try:
            data = json.loads(request.body)
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise _refused(400, "Check that all required parameters have been provided")
        return data
    return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))


def _refused(status: int, hint: str) -> Problem:
    title, detail = "Некорректный запрос", "В запросе отсутствует ряд параметров или параметры невалидны"
    if status == 401:  # noqa: PLR2004 - the status that the line is about
        title, detail = "Unauthorized", "Неверный логин или пароль"
    body = {"hint": hint, "title": title, "type": OAUTH_PROBLEM, "status": status, "detail": detail}
    return Problem(status, body)
