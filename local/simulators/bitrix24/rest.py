"""The REST entrance: who calls, what may they, which method; and `batch`.

Follows apidocs.bitrix24.com: settings/how-to-call-rest-api and api-reference/bx24-js-sdk/../batch: up to 50 commands,
one request for the rate limit, HTTP 200 even where commands fail, `[]` where a map is empty.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from local.simulators.bitrix24.entities import Access
from local.simulators.bitrix24.problems import Refusal
from local.simulators.forms import parse_nested
from local.simulators.serving import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.simulators.bitrix24.entities import Json
    from local.simulators.bitrix24.state import Portal
    from local.simulators.serving import Request

    Handler = Callable[["Call"], Any]

MAX_BATCH = 50
PAGE = 50
HOOK = re.compile(r"/rest/(?P<user>\d+)/(?P<secret>[^/]+)/(?P<method>[A-Za-z0-9_.]+?)(?:\.json)?/?\Z")
APP = re.compile(r"/rest/(?P<method>[A-Za-z0-9_.]+?)(?:\.json)?/?\Z")
REFERENCE = re.compile(r"\$result((?:\[[^\]]*\])+)")
NOT_BY_HOOK = ("event.", "imconnector.", "placement.", "app.info")
NO_SCOPE = frozenset({"scope", "server.time", "profile", "method.get", "batch", "app.info"})


@dataclass(frozen=True, slots=True)
class Page:
    """A list's result with what stands beside it."""

    rows: Any
    total: int
    next: int | None


@dataclass(frozen=True, slots=True)
class Call:
    """A method's call that passed the gate."""

    portal: Portal
    access: Access
    method: str
    params: Json

    def text(self, *names: str) -> str:
        """Return the first given parameter of these names as text; empty where none is given."""
        for name in names:
            value = self.params.get(name)
            if value is not None and not isinstance(value, dict | list):
                return str(value)
        return ""

    def number(self, *names: str) -> int:
        """Return the first given parameter of these names as a number; 0 where none is."""
        value = self.text(*names)
        return int(value) if value.isdigit() else 0

    def group(self, name: str) -> Json:
        """Return a nested parameter; empty where it is none."""
        value = self.params.get(name)
        return value if isinstance(value, dict) else {}

    def page(self, rows: list[Any], wrap: str | None = None) -> Page:
        """Return the page of 50 that `start` names."""
        start = max(0, int(self.text("start") or 0))
        if self.text("start") == "-1":
            return Page({wrap: rows[:PAGE]} if wrap else rows[:PAGE], 0, None)
        shown = rows[start : start + PAGE]
        following = start + PAGE if start + PAGE < len(rows) else None
        return Page({wrap: shown} if wrap else shown, len(rows), following)


class Rest:
    """Answers REST requests of all portals; methods are registered with their scope."""

    def __init__(self) -> None:
        self._methods: dict[str, tuple[str, Handler]] = {}

    def add(self, method: str, scope: str, handler: Handler) -> None:
        """Serve a method; `scope` is what its caller must have been given."""
        self._methods[method] = (scope, handler)

    def answer(self, portal: Portal, request: Request) -> Response:
        """Return the answer to a request below /rest/; the portal's lock is held."""
        started = portal.clock.now()
        try:
            access, method, params = self._enter(portal, request)
            portal.budget.request(portal.clock.now(), portal.settings)
            if method == "batch":
                body = {"result": self._batch(portal, access, params), "time": _time(portal, started, 0.0, 0.0)}
                return Response(200, body)
            return Response(200, self._one(portal, access, method, params))
        except Refusal as refusal:
            return Response(refusal.status, refusal.body)

    def _enter(self, portal: Portal, request: Request) -> tuple[Access, str, Json]:
        params = _params(request)
        hook = HOOK.match(request.path)
        if hook is not None:
            access = portal.hooks.get(hook["secret"])
            if access is None or access.user_id != int(hook["user"]):
                raise Refusal("INVALID_CREDENTIALS")
            method = hook["method"]
        else:
            app = APP.match(request.path)
            if app is None:
                raise Refusal("ERROR_METHOD_NOT_FOUND")
            method = app["method"]
            access = _by_token(portal, str(params.pop("auth", "") or _bearer(request)))
        if not portal.settings.paid:
            raise Refusal("ACCESS_DENIED", "REST API is available only on commercial plans")
        if access.secret is not None and method.startswith(NOT_BY_HOOK):
            raise Refusal("WRONG_AUTH_TYPE")
        return access, method, params

    def _one(self, portal: Portal, access: Access, method: str, params: Json) -> Json:
        started = portal.clock.now()
        if method == "batch":
            raise Refusal("ERROR_BATCH_METHOD_NOT_ALLOWED")
        found = self._methods.get(method)
        if found is None:
            raise Refusal("ERROR_METHOD_NOT_FOUND")
        scope, handler = found
        if method not in NO_SCOPE and scope not in access.scopes:
            raise Refusal("insufficient_scope")
        spent, reset = portal.budget.method(method, started, portal.settings)
        result = handler(Call(portal, access, method, params))
        body: Json = {"result": result}
        if isinstance(result, Page):
            body = {"result": result.rows, "total": result.total}
            if result.next is not None:
                body["next"] = result.next
        return body | {"time": _time(portal, started, spent, reset)}

    def _batch(self, portal: Portal, access: Access, params: Json) -> Json:
        commands = params.get("cmd")
        commands = dict(enumerate(commands)) if isinstance(commands, list) else commands
        if not isinstance(commands, dict) or not commands:
            raise Refusal("ERROR_BATCH_EMPTY", "cmd is empty")
        if len(commands) > MAX_BATCH:
            raise Refusal("ERROR_BATCH_LENGTH_EXCEEDED")
        parts: dict[str, Json] = {name: {} for name in ("result", "error", "total", "next", "time")}
        for name, command in commands.items():
            method, _, query = str(command).partition("?")
            method = method.removesuffix(".json")
            try:
                given = _substituted(parse_nested(parse_qsl(query, keep_blank_values=True)), parts["result"])
                done = self._one(portal, access, method, given)
            except Refusal as refusal:
                parts["error"][str(name)] = refusal.body
                if str(params.get("halt", "0")).lower() in {"1", "true", "y"}:
                    break
            else:
                for part, key in (("result", "result"), ("total", "total"), ("next", "next"), ("time", "time")):
                    if key in done:
                        parts[part][str(name)] = done[key]
        return {
            "result": parts["result"] or [],
            **{f"result_{part}": parts[part] or [] for part in ("error", "total", "next", "time")},
        }


def yes(value: Any) -> bool:
    """Return what the vendor takes for true."""
    return str(value).lower() in {"y", "1", "true"}


def _params(request: Request) -> Json:
    params = parse_nested(request.query)
    if not request.body:
        return params
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            body = json.loads(request.body)
        except ValueError:
            raise Refusal("INVALID_REQUEST", "Incorrect JSON") from None
    else:
        body = parse_nested(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    return params | body if isinstance(body, dict) else params


def _bearer(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ").strip()


def _by_token(portal: Portal, token: str) -> Access:
    if not token:
        raise Refusal("NO_AUTH_FOUND")
    for app in portal.apps.values():
        until = app.access.get(token)
        if until is not None:
            if until <= portal.clock.now():
                raise Refusal("expired_token")
            return Access(app.user_id, app.scopes, client_id=app.client_id)
    raise Refusal("invalid_token")


def _substituted(given: Any, results: Json) -> Any:
    """Return parameters with `$result[name][key]` replaced by what earlier commands returned."""
    if isinstance(given, dict):
        return {name: _substituted(value, results) for name, value in given.items()}
    if not isinstance(given, str):
        return given

    def value(match: re.Match[str]) -> str:
        found: Any = results
        for key in re.findall(r"\[([^\]]*)\]", match[1]):
            found = found.get(key) if isinstance(found, dict) else None
        return "" if found is None else str(found)

    return REFERENCE.sub(value, given)


def _time(portal: Portal, started: float, spent: float, reset: float) -> Json:
    now = portal.clock.now()
    return {
        "start": started,
        "finish": now,
        "duration": now - started,
        "processing": 0.0,
        "date_start": portal.iso(started),
        "date_finish": portal.iso(now),
        "operating_reset_at": int(reset),
        "operating": spent,
    }
