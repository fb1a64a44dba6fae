"""The account's gate: finds it, checks rate and token, routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.simulators.amocrm import oauth
from local.simulators.amocrm.problems import Problem, problem
from local.simulators.amocrm.web import Context
from local.simulators.serving import Front, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.simulators.amocrm.limits import RateLimiter
    from local.simulators.amocrm.state import Account
    from local.simulators.amocrm.web import Router
    from local.simulators.serving import Request


class AmocrmFront(Front):
    """The vendor's media types for JSON."""

    json_types = ("application/hal+json", "application/problem+json")


class Gate:
    """Answers requests for all accounts."""

    def __init__(self, router: Router, find: Callable[[str], tuple[Account, RateLimiter] | None]) -> None:
        self._router = router
        self._find = find

    def serve(self, subdomain: str, request: Request) -> Response:
        """Return the answer to a request for an account."""
        found = self._find(subdomain)
        try:
            if found is None:
                raise problem(401, "Account not found", code=101)
            account, limiter = found
            with account.lock:
                return self._gate_and_route(account, limiter, request)
        except Problem as refusal:
            return Response(refusal.status, refusal.body)

    def _gate_and_route(self, account: Account, limiter: RateLimiter, request: Request) -> Response:
        if (request.method, request.path) == ("POST", "/oauth2/access_token"):
            return oauth.exchange(account, request)
        if (request.method, request.path) == ("GET", "/oauth2/account/current/subdomain"):
            return oauth.subdomain_info(account, request)
        limiter.check(account.clock.now(), account.settings)
        token, actor, is_admin = oauth.authenticate(account, request)
        handler, params = self._router.find(request.method, request.path)
        return handler(Context(account, request, token, actor, is_admin, params))


def simulated(status: int) -> Any:
    """Return the body of a fault's status."""
    return problem(status, "Simulated fault").body
