"""What the portal answers when it refuses: {"error", "error_description"} with the documented status."""

from __future__ import annotations

from typing import Any

STATUS = {
    "expired_token": 401,
    "invalid_token": 401,
    "NO_AUTH_FOUND": 401,
    "ACCESS_DENIED": 403,
    "INVALID_CREDENTIALS": 403,
    "insufficient_scope": 403,
    "WRONG_AUTH_TYPE": 403,
    "ERROR_METHOD_NOT_FOUND": 404,
    "ERROR_BATCH_METHOD_NOT_ALLOWED": 405,
    "OPERATION_TIME_LIMIT": 429,
    "QUERY_LIMIT_EXCEEDED": 503,
    "OVERLOAD_LIMIT": 503,
    "INTERNAL_SERVER_ERROR": 500,
    "PORTAL_DELETED": 500,
}
"""Every other code is a 400."""

WORDS = {
    "expired_token": "The access token provided has expired.",
    "invalid_token": "Unable to get application by token",
    "NO_AUTH_FOUND": "Wrong authorization data",
    "ACCESS_DENIED": "Access denied!",
    "INVALID_CREDENTIALS": "Invalid request credentials",
    "insufficient_scope": "The request requires higher privileges than provided by the access token",
    "WRONG_AUTH_TYPE": "Current authorization type is denied for this method",
    "ERROR_METHOD_NOT_FOUND": "Method not found!",
    "ERROR_BATCH_LENGTH_EXCEEDED": "Max batch length exceeded",
    "ERROR_BATCH_METHOD_NOT_ALLOWED": "Method is not allowed for batch usage",
    "OPERATION_TIME_LIMIT": "Method is blocked due to operation time limit.",
    "QUERY_LIMIT_EXCEEDED": "Too many requests",
    "NOT_FOUND": "Not found",
    "WRONG_CHAT": "Chat is wrong or the operator is not a bot",
}


class Refusal(Exception):
    """A refusal with its status and body."""

    def __init__(self, code: str, description: str = "", *, status: int | None = None) -> None:
        super().__init__(code)
        self.status = STATUS.get(code, 400) if status is None else status
        self.body: dict[str, Any] = {"error": code, "error_description": description or WORDS.get(code, code)}


def simulated(status: int) -> Any:
    """Return the body of a fault's status."""
    codes = {401: "expired_token", 429: "OPERATION_TIME_LIMIT", 503: "QUERY_LIMIT_EXCEEDED", 403: "ACCESS_DENIED"}
    return Refusal(codes.get(status, "INTERNAL_SERVER_ERROR" if status >= 500 else "INVALID_REQUEST")).body  # noqa: PLR2004 - HTTP's classes
