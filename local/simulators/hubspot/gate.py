"""The portal's gate: finds it, checks token and limits, routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.simulators.hubspot.problems import Problem, not_found, problem, too_many
from local.simulators.hubspot.web import Context
from local.simulators.serving import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.simulators.hubspot.portal import Portal
    from local.simulators.hubspot.web import Router
    from local.simulators.serving import Request

WINDOW = 10.0


class Gate:
    """Answers requests for all portals."""

    def __init__(self, router: Router, find: Callable[[str], Portal | None]) -> None:
        self._router = router
        self._find = find

    def serve(self, subdomain: str, request: Request) -> Response:
        """Return the answer to a request for a portal."""
        portal = self._find(subdomain)
        try:
            if portal is None:
                raise not_found()
            with portal.lock:
                return self._serve(portal, request)
        except Problem as refusal:
            return Response(refusal.status, refusal.body)

    def _serve(self, portal: Portal, request: Request) -> Response:
        _count(portal)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        scopes = portal.app.tokens.get(token)
        if scopes is None:
            message = "Authentication credentials not found."
            raise problem(401, message, "INVALID_AUTHENTICATION")
        handler, params = self._router.find(request.method, request.path)
        response = handler(Context(portal, request, scopes, params))
        response.headers |= {
            "X-HubSpot-RateLimit-Max": str(portal.settings.per_ten_seconds),
            "X-HubSpot-RateLimit-Remaining": str(portal.settings.per_ten_seconds - len(portal.calls)),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        }
        return response


def simulated(status: int) -> Any:
    """Return the body of a fault's status."""
    if status == 429:  # noqa: PLR2004 (Too Many Requests)
        return too_many("TEN_SECONDLY_ROLLING").body
    return problem(status, "Simulated fault", "INTERNAL_ERROR").body


def _count(portal: Portal) -> None:
    now, settings = portal.now(), portal.settings
    portal.calls = [at for at in portal.calls if at > now - WINDOW]
    if portal.today >= settings.per_day:
        raise too_many("DAILY")
    if len(portal.calls) >= settings.per_ten_seconds:
        raise too_many("TEN_SECONDLY_ROLLING")
    portal.calls.append(now)
    portal.today += 1
