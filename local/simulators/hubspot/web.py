"""What a handler gets, and the portal's routing table."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.simulators.hubspot.problems import invalid, not_found, problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.simulators.hubspot.entities import Json
    from local.simulators.hubspot.portal import Portal
    from local.simulators.serving import Request, Response


@dataclass(slots=True)
class Context:
    """A request that passed the gate."""

    portal: Portal
    request: Request
    scopes: tuple[str, ...]
    params: dict[str, str] = field(default_factory=dict)

    def need(self, *scopes: str) -> None:
        """Raise the 403 of a token without these scopes."""
        missing = [scope for scope in scopes if scope not in self.scopes]
        if missing:
            raise problem(
                403,
                "This app hasn't been granted all required scopes to make this call.",
                "MISSING_SCOPES",
                errors=[{"message": "One or more scopes are required", "context": {"requiredGranularScopes": missing}}],
            )

    def json(self, *known: str) -> Json:
        """Return the body's object. Raises the 400 of another body, and of keys that are not known."""
        try:
            body = json.loads(self.request.body)
        except ValueError:
            raise invalid("Invalid input JSON") from None
        if not isinstance(body, dict):
            raise invalid("Invalid input JSON: an object was expected")
        if unknown := sorted(body.keys() - set(known)):
            raise invalid(f"Unrecognized field {unknown[0]}", field=unknown[0])
        return body

    def query(self, name: str, default: str = "") -> str:
        """Return a query parameter."""
        return next((value for key, value in self.request.query if key == name), default)

    def names(self, name: str) -> list[str]:
        """Return a comma list, or a repeated parameter, of the query."""
        values = [value for key, value in self.request.query if key == name]
        return [part for value in values for part in value.split(",") if part]

    def limit(self, most: int, default: int) -> int:
        """Return the page's length. Raises the 400 of one that is not allowed."""
        text = self.query("limit", str(default))
        if not text.isdigit() or not 1 <= int(text) <= most:
            raise invalid(f"limit must be between 1 and {most}", limit=text)
        return int(text)


class Router:
    """Method and path to handler; `{name}` stands for one segment."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Callable[[Context], Response]]] = []

    def add(self, method: str, pattern: str, handler: Callable[[Context], Response]) -> None:
        """Serve `method` on `pattern` by `handler`."""
        regex = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)
        self._routes.append((method, re.compile(regex + r"\Z"), handler))

    def find(self, method: str, path: str) -> tuple[Callable[[Context], Response], dict[str, str]]:
        """Return the handler and the path's parameters. Raises the 404 or the 405."""
        known = False
        for verb, regex, handler in self._routes:
            if match := regex.match(path):
                if verb == method:
                    return handler, match.groupdict()
                known = True
        raise problem(405, "Method not allowed", "VALIDATION_ERROR") if known else not_found()


def page(rows: list[Any], limit: int, after: str) -> Json:
    """Return one page of rows; the cursor is opaque to the caller."""
    start = int(after[2:]) if after.startswith("p:") and after[2:].isdigit() else 0
    if after and not after.startswith("p:"):
        raise invalid("Invalid paging cursor", after=after)
    shown: Json = {"results": rows[start : start + limit]}
    if start + limit < len(rows):
        cursor = f"p:{start + limit}"
        shown["paging"] = {"next": {"after": cursor, "link": f"?after={cursor}"}}
    return shown
