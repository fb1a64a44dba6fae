"""The HTTP side that every simulator has: a listening socket, faults that strike, and everything written down."""

from __future__ import annotations

import json
import socket
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from local.simulators.faults import FaultKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.simulators.faults import Fault, Faults
    from local.simulators.journal import Journal

CONTROL = "/__control__"
CALL_FAULTS = frozenset(k for k in FaultKind if not k.startswith("webhook"))
HELD_BACK = 3.0
MAX_BODY = 8 * 1024 * 1024
REFUSAL = 400


class ConnectionCutError(Exception):
    """The connection is to be closed without an answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request below the account's address. Header names are in lower case."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes
    client_ip: str = "127.0.0.1"


@dataclass(slots=True)
class Response:
    """An answer: `body` None means an empty one. It is held back until `wait_for` is set (or 3 s have passed).

    `content_type` None: HTML for a text, JSON for the rest.
    """

    status: int = 200
    body: Any = None
    content_type: str | None = None
    wait_for: threading.Event | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def payload(self, success: str = "application/json", refusal: str = "application/json") -> tuple[bytes, str]:
        """Return the bytes and their content type; `success` and `refusal` are the vendor's types for JSON."""
        if self.body is None:
            return b"", self.content_type or ""
        if isinstance(self.body, str):
            return self.body.encode(), self.content_type or "text/html"
        default = success if self.status < REFUSAL else refusal
        return json.dumps(self.body, ensure_ascii=False).encode("utf-8", "replace"), self.content_type or default


class Front:
    """Answers requests for all accounts: `serve` is the vendor's part, `refusal` its body for a fault's status."""

    json_types = ("application/json", "application/json")

    def __init__(
        self,
        journal: Journal,
        faults: Faults,
        now: Callable[[], float],
        serve: Callable[[str, Request], Response],
        refusal: Callable[[int], Any],
    ) -> None:
        self._journal = journal
        self._faults = faults
        self._now = now
        self._serve = serve
        self._refusal = refusal
        self.stopped = threading.Event()

    def answer(self, account: str, request: Request) -> Response:
        """Return the answer to a request for an account. Raises ConnectionCutError where a fault says so."""
        struck = {f.kind: f for f in self._faults.strike(account, request.path, CALL_FAULTS, request.method)}
        if FaultKind.DELAY in struck:
            self.stopped.wait(struck[FaultKind.DELAY].seconds)
        if FaultKind.DROP_BEFORE in struck:
            self._note(account, request, Response(0))
            raise ConnectionCutError
        if FaultKind.STATUS in struck:
            response = self._faulty(struck[FaultKind.STATUS])
        else:
            response = self._serve(account, request)
            if response.wait_for is not None:
                response.wait_for.wait(HELD_BACK)
        self._note(account, request, response)
        if FaultKind.DROP_AFTER in struck:
            raise ConnectionCutError
        if FaultKind.STATUS_AFTER in struck:
            response = self._faulty(struck[FaultKind.STATUS_AFTER])
        return response

    def _faulty(self, fault: Fault) -> Response:
        body: Any = fault.body
        return Response(fault.status, self._refusal(fault.status) if body is None else body)

    def _note(self, account: str, request: Request, response: Response) -> None:
        self._journal.call(
            time=self._now(),
            account=account,
            method=request.method,
            path=request.path,
            query=request.query,
            body=readable(request.body),
            status=response.status,
            answer=response.body,
        )


def readable(body: bytes) -> Any:
    """Return a body as the journal keeps it: its JSON, else its text."""
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode("utf-8", "replace")


class Server(ThreadingHTTPServer):
    """The listening socket, with the front and the control API behind it.

    An account is served below /a/{account}/, or by the first label of the host's name.
    """

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away; show everything else."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def __init__(self, port: int, front: Front, control: Callable[[Request], Response]) -> None:
        self.front = front
        self.control = control
        super().__init__(("127.0.0.1", port), Handler)


class Handler(BaseHTTPRequestHandler):
    """One connection, kept alive."""

    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        """Answer without waiting for full packets."""
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Stay quiet: the journal has everything."""

    def handle_any(self) -> None:
        """Read a request, have it answered, write the answer."""
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(min(length, MAX_BODY))
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = parse_qsl(parts.query, keep_blank_values=True)
        request = Request(self.command, parts.path, query, headers, body, self._client_ip(headers))
        try:
            self._write(self._dispatch(request))
        except ConnectionCutError:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = do_OPTIONS = do_HEAD = handle_any  # noqa: N815 - the base class' names

    def _client_ip(self, headers: dict[str, str]) -> str:
        return headers.get("x-forwarded-for", self.client_address[0])

    def _dispatch(self, request: Request) -> Response:
        if request.path.startswith(CONTROL):
            return self.server.control(request)
        pieces = request.path.split("/", 3)
        if pieces[1:2] == ["a"] and len(pieces) > 2:  # noqa: PLR2004 - /a/{account}/...
            below = "/" + (pieces[3] if len(pieces) > 3 else "")  # noqa: PLR2004 - what follows the prefix
            inner = Request(request.method, below, request.query, request.headers, request.body, request.client_ip)
            return self.server.front.answer(pieces[2], inner)
        account = request.headers.get("host", "").partition(".")[0]
        return self.server.front.answer(account, request)

    def _write(self, response: Response) -> None:
        payload, content_type = response.payload(*self.server.front.json_types)
        self.send_response(response.status)
        if content_type:
            self.send_header("Content-Type", content_type)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.status != 204:  # noqa: PLR2004 - No Content has no length either
            self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(payload)
