"""What a portal answers when it refuses: HubSpot's error envelope.

Follows developers.hubspot.com/docs/api-reference/error-handling.
"""

from __future__ import annotations

import json
from typing import Any

CORRELATION = "c033cdaa-2c40-4a64-ae48-b4cec88dad24"


class Problem(Exception):
    """A refusal with its status and body."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status}")
        self.status = status
        self.body = body


def problem(status: int, message: str, category: str, **more: Any) -> Problem:
    """Return a refusal in the vendor's shape."""
    envelope = {"status": "error", "message": message, "correlationId": CORRELATION, "category": category}
    return Problem(status, envelope | more)


def invalid(message: str, *, code: str = "INVALID", **context: str) -> Problem:
    """Return the 400 of a request that cannot be taken."""
    errors = [{"message": message, "code": code, "context": {name: [value] for name, value in context.items()}}]
    return problem(400, message, "VALIDATION_ERROR", errors=errors)


def bad_properties(found: list[tuple[str, str, str]]) -> Problem:
    """Return the 400 of properties (name, code, message) that cannot be written; nothing was."""
    rows = [{"isValid": False, "message": message, "error": code, "name": name} for name, code, message in found]
    errors = [{"message": message, "code": code, "context": {"propertyName": [name]}} for name, code, message in found]
    text = f"Property values were not valid: {json.dumps(rows)}"
    return problem(400, text, "VALIDATION_ERROR", errors=errors)


def not_found(what: str = "resource not found") -> Problem:
    """Return the 404."""
    return problem(404, what, "OBJECT_NOT_FOUND")


def conversations_error(sub: str, message: str) -> Problem:
    """Return the 400 of the Conversations API with its sub-category."""
    return problem(400, message, "VALIDATION_ERROR", subCategory=f"ConversationsApiError.{sub}")


def too_many(policy: str) -> Problem:
    """Return the 429 of a limit."""
    message = (
        "You have reached your daily limit."
        if policy == "DAILY"
        else "You have reached your ten_secondly_rolling limit."
    )
    body = {
        "status": "error",
        "message": message,
        "errorType": "RATE_LIMIT",
        "correlationId": CORRELATION,
        "policyName": policy,
        "requestId": "3d3e35b7-0dae-4b9f-a6e3-9c230cbcf8dd",
    }
    return Problem(429, body)
