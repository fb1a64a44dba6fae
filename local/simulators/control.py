"""The control API below /__control__: for a page and for other processes, the same in every simulator.

Answers are JSON; a refusal is {"error": "..."} with 400 or 404. Reading calls are GET with a query; acting ones are
POST with a JSON object.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from local.simulators.serving import CONTROL, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.simulators.serving import Request

    Calls = Mapping[tuple[str, str], Callable[[dict[str, Any]], Any]]
    """Method and name to what is called with the query and the body."""

LOCAL_ORIGIN = re.compile(r"https?://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?\Z")
BAD_REQUEST = 400
NOT_FOUND = 404


class Refused(Exception):
    """A call that the simulated CRM itself refuses; `problem` is its own body."""

    def __init__(self, problem: Any) -> None:
        super().__init__("invalid")
        self.problem = problem


class ControlApi:
    """Serves a table of calls."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def answer(self, request: Request) -> Response:
        """Return the answer to a control call."""
        response = Response(204) if request.method == "OPTIONS" else self._serve(request)
        origin = request.headers.get("origin", "")
        if LOCAL_ORIGIN.match(origin):
            response.headers |= {
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Allow-Headers": "Content-Type",
                "Access-Control-Allow-Methods": "GET, POST, DELETE",
            }
        return response

    def _serve(self, request: Request) -> Response:
        name = request.path.removeprefix(CONTROL).strip("/")
        call = self._calls.get((request.method, name))
        if call is None:
            return _json({"error": f"no such call: {request.method} {name}"}, NOT_FOUND)
        try:
            given: dict[str, Any] = dict(request.query)
            if request.method == "POST":
                given |= json.loads(request.body or b"{}")
            return _json(call(given))
        except Refused as refusal:
            return _json({"error": "invalid", "problem": refusal.problem}, BAD_REQUEST)
        except KeyError as missing:
            return _json({"error": f"missing or unknown: {missing}"}, NOT_FOUND)
        except (ValueError, TypeError, re.error) as error:
            return _json({"error": str(error)}, BAD_REQUEST)


def _json(body: Any, status: int = 200) -> Response:
    return Response(status, {"ok": True} if body is None else body, "application/json")
