"""What a handler gets, and the routing table of the simulated account."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from local.simulators.amocrm.problems import problem
from local.simulators.forms import parse_nested
from local.simulators.serving import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.simulators.amocrm.entities import Actor, Token
    from local.simulators.amocrm.state import Account
    from local.simulators.serving import Request

MAX_LIMIT = 250


@dataclass(slots=True)
class Context:
    """A request that passed the gate: the account, the token with its user, and the path's parameters."""

    account: Account
    request: Request
    token: Token
    actor: Actor
    is_admin: bool
    params: dict[str, str] = field(default_factory=dict)

    def number(self, name: str) -> int:
        """Return a path parameter that the route made sure to be digits."""
        return int(self.params[name])

    def json(self) -> Any:
        """Return the body's JSON. Raises the 400 of a body that is none."""
        try:
            return json.loads(self.request.body)
        except ValueError:
            raise problem(400, "Invalid JSON in request body") from None

    def objects(self, entity: str) -> list[dict[str, Any]]:
        """Return the body as a list of 1 to 250 objects. Raises the 400 otherwise."""
        body = self.json()
        if not isinstance(body, list) or not body or not all(isinstance(item, dict) for item in body):
            raise problem(400, f"Request body must be a non-empty array of {entity}")
        if len(body) > MAX_LIMIT:
            raise problem(400, f"At most {MAX_LIMIT} {entity} per request")
        return body

    def query(self) -> dict[str, Any]:
        """Return the query as the nested dict that PHP makes of it."""
        return parse_nested(self.request.query)

    def need_admin(self) -> None:
        """Raise the 403 of a user without an administrator's rights."""
        if not self.is_admin:
            raise problem(403, "Not enough rights for this method")

    def need_scope(self, scope: str) -> None:
        """Raise the 403 of a token without this scope."""
        if scope not in self.token.scopes:
            raise problem(403, "Invalid scope", title="Invalid scope")


class Router:
    """Method and path to handler; `{name}` in a pattern stands for digits."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Callable[[Context], Response]]] = []

    def add(self, method: str, pattern: str, handler: Callable[[Context], Response]) -> None:
        """Serve `method` on `pattern` by `handler`."""
        regex = re.sub(r"\{(\w+)\}", r"(?P<\1>\\d+)", pattern)
        self._routes.append((method, re.compile(regex + r"/?\Z"), handler))

    def find(self, method: str, path: str) -> tuple[Callable[[Context], Response], dict[str, str]]:
        """Return the handler and the path's parameters. Raises the 404 or the 405."""
        known = False
        for verb, regex, handler in self._routes:
            if match := regex.match(path):
                if verb == method:
                    return handler, match.groupdict()
                known = True
        raise problem(405, "Method Not Allowed") if known else problem(404, "Not Found")


def paged(ctx: Context, name: str, rows: list[Any], *, cap: int = MAX_LIMIT, total: bool = False) -> Response:
    """Return one page of rows as a HAL collection, `_links.next` where there is more; 204 where there is nothing."""
    query = ctx.query()
    limit = min(_positive(query.get("limit"), 50), cap)
    page = _positive(query.get("page"), 1)
    shown = rows[(page - 1) * limit : page * limit]
    if not shown:
        return Response(204)
    pages = -(-len(rows) // limit)
    links = {"self": {"href": _page_link(ctx, limit, page)}}
    if page < pages:
        links["next"] = {"href": _page_link(ctx, limit, page + 1)}
    body: dict[str, Any] = {"_page": page, "_links": links, "_embedded": {name: shown}}
    if total:
        body = {"_total_items": len(rows), "_page_count": pages, **body}
    return Response(200, body)


def _page_link(ctx: Context, limit: int, page: int) -> str:
    kept = [(key, value) for key, value in ctx.request.query if key not in {"limit", "page"}]
    query = urlencode([*kept, ("limit", limit), ("page", page)])
    return f"{ctx.account.base_url}{ctx.request.path}?{query}"


def _positive(value: Any, default: int) -> int:
    return int(value) if isinstance(value, str) and value.isdigit() and int(value) > 0 else default
