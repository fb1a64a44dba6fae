"""What the account answers when it refuses: application/problem+json, as in the vendor's error reference.

Follows https://www.amocrm.ru/developers/content/crm_platform/error-codes. The codes of single validation errors are the
published `NotSupportedChoice` and those that integrators measured; `ExtraField` is this simulator's own name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

_DETAILS = {
    "NotSupportedChoice": "The value you selected is not a valid choice.",
    "FieldMissing": "This field is missing.",
    "ExtraField": "This field was not expected.",
    "IsBlank": "This value should not be blank.",
    "TooFew": "This collection should contain 1 element or more.",
    "InvalidUrl": "This value is not a valid URL.",
}


class Problem(Exception):
    """A refusal with its status and body."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status}")
        self.status = status
        self.body = body


def problem(status: int, detail: str, *, title: str | None = None, **more: Any) -> Problem:
    """Return a refusal in the vendor's shape."""
    body = {
        "title": title or HTTPStatus(status).phrase,
        "type": f"https://httpstatus.es/{status}",
        "status": status,
        "detail": detail,
    }
    return Problem(status, body | more)


@dataclass(slots=True)
class Issues:
    """The validation errors of one request, grouped by the item (`request_id`) that they belong to."""

    found: dict[str, list[dict[str, str]]] = field(default_factory=dict)

    def add(self, request_id: str, code: str, path: str, detail: str | None = None) -> None:
        """Note one error; `path` is dotted, as `custom_fields_values.0.field_id`."""
        error = {"code": code, "path": path, "detail": detail or _DETAILS.get(code, code)}
        self.found.setdefault(request_id, []).append(error)

    def raise_if_any(self) -> None:
        """Raise the 400 that lists all noted errors, if there are any."""
        if self.found:
            grouped = [{"request_id": key, "errors": errors} for key, errors in self.found.items()]
            refusal = problem(400, "Request validation failed")
            refusal.body = {"validation-errors": grouped, **refusal.body}
            raise refusal


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a request under validation: where its errors go."""

    issues: Issues
    request_id: str

    def add(self, code: str, path: str, detail: str | None = None) -> None:
        """Note an error of this item."""
        self.issues.add(self.request_id, code, path, detail)

    def expect(self, value: Any, kind: str, path: str) -> bool:
        """Return whether the value has the type `kind` (int, string, bool, array, object); else note InvalidType."""
        if is_of(value, kind):
            return True
        self.add("InvalidType", path, f"This value should be of type {kind}.")
        return False


def is_of(value: Any, kind: str) -> bool:
    """Return whether a JSON value is of this type; a bool is no int."""
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    types: dict[str, type] = {"string": str, "bool": bool, "array": list, "object": dict}
    return isinstance(value, types[kind])
