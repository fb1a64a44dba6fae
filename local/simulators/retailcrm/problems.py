"""How the two APIs refuse: v5 with `errorMsg` and `errors`, MG with a list of texts."""

from __future__ import annotations

from typing import Any


class Problem(Exception):
    """A refused request: the HTTP status and the body."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(str(status))
        self.status = status
        self.body = body


def refused(status: int, message: str, errors: dict[str, str] | list[str] | None = None) -> Problem:
    """Return a refusal of API v5."""
    body: dict[str, Any] = {"success": False, "errorMsg": message}
    if errors:
        body["errors"] = errors
    return Problem(status, body)


def mg_refused(status: int, *texts: str) -> Problem:
    """Return a refusal of the MG Bot API."""
    return Problem(status, {"errors": list(texts)})


def simulated(status: int) -> dict[str, Any]:
    """Return the body of a fault's status: what both APIs' clients understand."""
    return {"success": False, "errorMsg": "Simulated fault", "errors": [f"Simulated fault {status}"]}
