"""From API Gateway's event to a request, and from a status to API Gateway's answer.

Shapes: HTTP API, payload format 2.0, "Working with AWS Lambda proxy integrations for HTTP APIs":
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import json
from binascii import a2b_base64
from typing import TYPE_CHECKING, Any

from dealtalk.errors import DealtalkError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BODY = 1024 * 1024
"""Bytes of a body unless a webhook says otherwise; what is longer is refused before it is parsed."""

PROBES = frozenset({"GET", "HEAD"})
"""Methods by which a CRM asks whether the URL is alive. They carry no message and need no key."""

_ANSWERS = {
    200: "ok",
    400: "bad request",
    401: "unauthorized",
    405: "method not allowed",
    413: "too large",
    500: "",
}


class BadRequest(DealtalkError):
    """A request that is refused before anybody asked whose it is.

    `status` is the HTTP status. `reason` is a short fixed word for the log; it never quotes the request.
    """

    status = 400

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BodyTooLarge(BadRequest):
    """The body is over its limit."""

    status = 413


class MethodNotAllowed(BadRequest):
    """Neither POST nor a probe."""

    status = 405


class Request:
    """One HTTP request. Header names are lower case; `body` is as the sender posted it, empty for a probe.

    `connection` is the path's parameter, a key. `path` and `query` are raw, as some CRMs sign them. Not a dataclass, so
    that its repr shows nothing of this, and because a webhook must start fast.
    """

    __slots__ = ("body", "connection", "headers", "method", "path", "query")

    def __init__(
        self, method: str, connection: str, headers: Mapping[str, str], body: bytes, path: str = "", query: str = ""
    ) -> None:
        self.method = method
        self.connection = connection
        self.headers = headers
        self.body = body
        self.path = path
        self.query = query


def read_request(event: Any, max_body: int = MAX_BODY) -> Request:  # noqa: ANN401 (whatever Lambda was invoked with)
    """Return the request of a payload-2.0 event, whose body has at most `max_body` bytes.

    Raises BadRequest (an event of another shape, a broken body), BodyTooLarge, MethodNotAllowed.
    """
    if not isinstance(event, dict):
        raise BadRequest("not_an_http_event")
    method = _method(event)
    if method not in PROBES and method != "POST":
        raise MethodNotAllowed("method")
    parameters = event.get("pathParameters")
    connection = parameters.get("connection") if isinstance(parameters, dict) else None
    return Request(
        method=method,
        # The route is greedy, so that a URL with a trailing slash is the same webhook.
        connection=connection.strip("/") if isinstance(connection, str) else "",
        headers=_headers(event.get("headers")),
        body=b"" if method in PROBES else _body(event, max_body),
        path=_text(event.get("rawPath")),
        query=_text(event.get("rawQueryString")),
    )


def answer(status: int, document: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return API Gateway's answer for a status: a constant body that says nothing of the request or of us.

    `document` takes its place where a protocol has its sender told what to correct.
    """
    if document is not None:
        headers = {"content-type": "application/json", "cache-control": "no-store"}
        return {"statusCode": status, "headers": headers, "body": json.dumps(document), "isBase64Encoded": False}
    headers = {"content-type": "text/plain; charset=utf-8", "cache-control": "no-store"}
    if status == MethodNotAllowed.status:
        headers["allow"] = "GET, HEAD, POST"
    return {"statusCode": status, "headers": headers, "body": _ANSWERS[status], "isBase64Encoded": False}


def _method(event: Mapping[str, Any]) -> str:
    context = event.get("requestContext")
    http = context.get("http") if isinstance(context, dict) else None
    method = http.get("method") if isinstance(http, dict) else None
    if not isinstance(method, str):
        raise BadRequest("not_an_http_event")
    return method.upper()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _headers(headers: object) -> dict[str, str]:
    if not isinstance(headers, dict):
        return {}
    return {str(name).lower(): value for name, value in headers.items() if isinstance(value, str)}


def _body(event: Mapping[str, Any], limit: int) -> bytes:
    body = event.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise BadRequest("body_is_no_text")
    # AWS hands a form's body in base64, `sam local` hands it plain.
    raw = _from_base64(body, limit) if event.get("isBase64Encoded") is True else _from_text(body, limit)
    if len(raw) > limit:
        raise BodyTooLarge("body")
    return raw


def _from_base64(body: str, limit: int) -> bytes:
    shortest = len(body) // 4 * 3 - 2
    if shortest > limit:
        raise BodyTooLarge("body")
    try:
        return a2b_base64(body, strict_mode=True)
    except ValueError:
        raise BadRequest("base64") from None


def _from_text(body: str, limit: int) -> bytes:
    if len(body) > limit:
        raise BodyTooLarge("body")
    try:
        return body.encode()
    except UnicodeEncodeError:
        raise BadRequest("utf8") from None
