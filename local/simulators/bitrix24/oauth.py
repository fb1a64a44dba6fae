"""Local apps: installation, and the exchange of refresh tokens.

Follows apidocs.bitrix24.com/settings/oauth: GET /oauth/token/ with the client and the refresh token; each exchange
returns a new pair and the old refresh token is dead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.simulators.bitrix24.entities import App
from local.simulators.bitrix24.problems import Refusal
from local.simulators.serving import Response

if TYPE_CHECKING:
    from local.simulators.bitrix24.entities import Json
    from local.simulators.bitrix24.state import Portal
    from local.simulators.serving import Request

PATH = "/oauth/token"


def add_app(portal: Portal, scopes: frozenset[str], install_url: str = "") -> App:
    """Add a local app of the portal's administrator, not installed yet."""
    admin = next(each.id for each in portal.people() if each.is_admin)
    app = App(
        f"local.{portal.new_secret(14)}", portal.new_secret(40), portal.new_secret(32), scopes, admin, install_url
    )
    portal.apps[app.client_id] = app
    return app


def pair(portal: Portal, app: App) -> Json:
    """Give the app a new pair of tokens and return what is said of it."""
    access, refresh, now = portal.new_secret(60), portal.new_secret(60), portal.clock.now()
    app.access[access] = now + portal.settings.access_seconds
    app.refresh[refresh] = now + portal.settings.refresh_seconds
    return {
        "access_token": access,
        "refresh_token": refresh,
        "expires": int(app.access[access]),
        "expires_in": portal.settings.access_seconds,
        "scope": ",".join(sorted(app.scopes)),
        "domain": "oauth.bitrix.info",
        "server_endpoint": "https://oauth.bitrix.info/rest/",
        "client_endpoint": f"https://{portal.domain}/rest/",
        "status": "L",
        "member_id": portal.member_id,
        "user_id": app.user_id,
    }


def install(portal: Portal, app: App) -> Json:
    """Install the app: return the body of ONAPPINSTALL, which is posted to its installer's address too."""
    auth = pair(portal, app) | {"application_token": app.application_token, "domain": portal.domain}
    data = {"VERSION": "1", "ACTIVE": "Y", "INSTALLED": "Y", "LANGUAGE_ID": portal.lang}
    body = {"event": "ONAPPINSTALL", "data": data, "ts": int(portal.clock.now()), "auth": auth}
    if app.install_url:
        portal.post(app.install_url, "ONAPPINSTALL", body)
    return body


def exchange(portal: Portal, request: Request) -> Response:
    """Return the answer of the authorization server."""
    try:
        app = _granted(portal, dict(request.query))
    except Refusal as refusal:
        return Response(refusal.status, refusal.body)
    return Response(200, pair(portal, app))


def _granted(portal: Portal, given: dict[str, str]) -> App:
    """Return the app whose refresh token is used up by this. Raises Refusal."""
    app = portal.apps.get(given.get("client_id", ""))
    if app is None or given.get("client_secret") != app.client_secret:
        raise Refusal("invalid_client", status=401)
    if given.get("grant_type") != "refresh_token":
        raise Refusal("invalid_request")
    if not portal.settings.paid:
        raise Refusal("PAYMENT_REQUIRED", status=402)
    if app.refresh.pop(given.get("refresh_token", ""), 0.0) <= portal.clock.now():
        raise Refusal("invalid_grant")
    return app
