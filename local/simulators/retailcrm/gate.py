"""The two hosts' gates: who may come in, how often, and where a request goes."""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from local.simulators.forms import parse_nested
from local.simulators.retailcrm.problems import Problem, mg_refused, refused
from local.simulators.serving import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.simulators.retailcrm.entities import ApiKey, Bot, Json
    from local.simulators.retailcrm.state import Account
    from local.simulators.serving import Request

V5 = "/api/v5"
MG = "/api/bot/v1"
FORM = "application/x-www-form-urlencoded"
PAGES = (20, 50, 100)


@dataclass(slots=True)
class Context:
    """A request that passed the gate. `key` with API v5, `bot` with the MG Bot API."""

    account: Account
    request: Request
    params: dict[str, str]
    key: ApiKey | None = None
    bot: Bot | None = None
    form: dict[str, str] = field(default_factory=dict)

    @property
    def query(self) -> Json:
        """The query as PHP reads it, nested."""
        return parse_nested(self.request.query)

    def need(self, scope: str) -> None:
        """Raise the refusal of a key without this right."""
        if self.key is not None and scope not in self.key.scopes:
            raise refused(403, "Access denied.")

    def form_json(self, name: str) -> Json:
        """Return the JSON object in a form's field. Raises the refusal where there is none."""
        if name not in self.form:
            raise refused(400, f"Parameter '{name}' is missing")
        try:
            value = json.loads(self.form[name])
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise refused(400, "Errors in the entity format")
        return value

    def body(self) -> Json:
        """Return the JSON object of an MG request. Raises the refusal where there is none."""
        try:
            value = json.loads(self.request.body or b"{}")
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise mg_refused(400, "invalid request body")
        return value

    def number(self, name: str) -> int:
        """Return a number of the path."""
        return int(self.params[name])

    def page(self, name: str, rows: list[Any]) -> Response:
        """Return one page of a v5 list."""
        query = self.query
        limit, page = str(query.get("limit", PAGES[0])), str(query.get("page", 1))
        if not limit.isdigit() or int(limit) not in PAGES:
            raise refused(
                400, "Errors in the input parameters", {"limit": "The value you selected is not a valid choice."}
            )
        start = (max(int(page), 1) - 1) * int(limit)
        pagination = {
            "limit": int(limit),
            "totalCount": len(rows),
            "currentPage": int(page),
            "totalPageCount": -(-len(rows) // int(limit)),
        }
        return Response(200, {"success": True, "pagination": pagination, name: rows[start : start + int(limit)]})


class Router:
    """Method and path to handler; `{name}` stands for digits, `{name:word}` for a code."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Callable[[Context], Response]]] = []

    def add(self, method: str, pattern: str, handler: Callable[[Context], Response]) -> None:
        """Serve `method` on `pattern` by `handler`."""
        regex = re.sub(r"\{(\w+):word\}", r"(?P<\1>[\\w\-]+)", pattern)
        regex = re.sub(r"\{(\w+)\}", r"(?P<\1>\\d+)", regex)
        self._routes.append((method, re.compile(regex + r"\Z"), handler))

    def find(self, method: str, path: str) -> tuple[Callable[[Context], Response], dict[str, str]] | None:
        """Return the handler and the path's parameters; None where there is none."""
        for verb, regex, handler in self._routes:
            match = regex.match(path)
            if match and verb == method:
                return handler, match.groupdict()
        return None


class Gate:
    """Answers requests for all accounts: below `mg_path` the MG host, else the CRM's own."""

    def __init__(self, v5: Router, mg: Router, find: Callable[[str], Account | None]) -> None:
        self._v5 = v5
        self._mg = mg
        self._find = find

    def serve(self, subdomain: str, request: Request) -> Response:
        """Return the answer to a request for an account."""
        account = self._find(subdomain)
        if account is None:
            return Response(404, "<html><body>Account does not exist</body></html>", "text/html")
        try:
            with account.lock:
                mg_path = account.settings.mg_path
                if request.path.startswith(f"{mg_path}/"):
                    return self._mg_call(account, request, request.path.removeprefix(mg_path))
                return self._v5_call(account, request)
        except Problem as problem:
            return Response(problem.status, problem.body)

    def _v5_call(self, account: Account, request: Request) -> Response:
        key = _key(account, request)
        _count(account, f"v5 {key.value}", account.settings.requests_per_second, mg=False)
        found = self._v5.find(request.method, request.path)
        if found is None:
            raise refused(404, "API method not found")
        handler, params = found
        form: dict[str, str] = {}
        if request.method == "POST":
            if not request.headers.get("content-type", "").startswith(FORM):
                raise refused(400, "Errors in the entity format")
            form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        return handler(Context(account, request, params, key=key, form=form))

    def _mg_call(self, account: Account, request: Request, path: str) -> Response:
        token = request.headers.get("x-bot-token", "")
        bot = next((each for each in account.bots.values() if each.token == token and each.active), None)
        if not token or bot is None:
            raise mg_refused(401 if not token else 403, "Unauthorized" if not token else "bot is not active")
        _count(account, f"mg {bot.id}", account.settings.mg_requests_per_second, mg=True)
        found = self._mg.find(request.method, path)
        if found is None:
            raise mg_refused(404, "Not Found")
        handler, params = found
        return handler(Context(account, request, params, bot=bot))


def _key(account: Account, request: Request) -> ApiKey:
    given = request.headers.get("x-api-key") or dict(request.query).get("apiKey", "")
    if not given:
        raise refused(403, '"apiKey" is missing.')
    key = account.keys.get(given)
    if key is None or key.revoked:
        raise refused(403, 'Wrong "apiKey" value.')
    return key


def _count(account: Account, who: str, allowed: int, *, mg: bool) -> None:
    """Raise the limit's refusal where this caller made too many requests in this second."""
    now, passed = account.now(), account.passed.setdefault(who, deque())
    while passed and passed[0] <= now - 1:
        passed.popleft()
    if len(passed) >= allowed:
        status = account.settings.limit_status
        raise mg_refused(status, "too many requests") if mg else refused(status, "API limit exceeded")
    passed.append(now)
