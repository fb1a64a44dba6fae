"""The HTTP front: finds the account, lets faults strike, checks the gate, routes, and writes everything down."""

from __future__ import annotations

import json
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from local.simulators.amocrm import oauth
from local.simulators.amocrm.faults import FaultKind
from local.simulators.amocrm.problems import Problem, problem
from local.simulators.amocrm.web import Context, Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.simulators.amocrm.faults import Fault, Faults
    from local.simulators.amocrm.journal import Journal
    from local.simulators.amocrm.limits import RateLimiter
    from local.simulators.amocrm.state import Account
    from local.simulators.amocrm.web import Router

CONTROL = "/__control__"
ECHO_WAIT = 3.0
CALL_FAULTS = frozenset(k for k in FaultKind if not k.startswith("webhook"))
MAX_BODY = 8 * 1024 * 1024


class ConnectionCutError(Exception):
    """The connection is to be closed without an answer."""


class Front:
    """Answers requests for all accounts."""

    def __init__(
        self,
        router: Router,
        journal: Journal,
        faults: Faults,
        find: Callable[[str], tuple[Account, RateLimiter] | None],
    ) -> None:
        self._router = router
        self._journal = journal
        self._faults = faults
        self._find = find
        self.stopped = threading.Event()

    def answer(self, subdomain: str, request: Request) -> Response:
        """Return the answer to a request for an account. Raises ConnectionCutError where a fault says so."""
        found = self._find(subdomain)
        if found is None:
            refusal = problem(401, "Account not found", code=101)
            return Response(refusal.status, refusal.body)
        account, limiter = found
        struck = {f.kind: f for f in self._faults.strike(subdomain, request.path, CALL_FAULTS, request.method)}
        if FaultKind.DELAY in struck:
            self.stopped.wait(struck[FaultKind.DELAY].seconds)
        if FaultKind.DROP_BEFORE in struck:
            self._note(account, request, Response(0))
            raise ConnectionCutError
        if FaultKind.STATUS in struck:
            response = _faulty(struck[FaultKind.STATUS])
        else:
            response = self._serve(account, limiter, request)
        self._note(account, request, response)
        if FaultKind.DROP_AFTER in struck:
            raise ConnectionCutError
        if FaultKind.STATUS_AFTER in struck:
            response = _faulty(struck[FaultKind.STATUS_AFTER])
        return response

    def _serve(self, account: Account, limiter: RateLimiter, request: Request) -> Response:
        try:
            with account.lock:
                response = self._gate_and_route(account, limiter, request)
        except Problem as refusal:
            return Response(refusal.status, refusal.body)
        if response.wait_for is not None:
            response.wait_for.wait(ECHO_WAIT)
        return response

    def _gate_and_route(self, account: Account, limiter: RateLimiter, request: Request) -> Response:
        if (request.method, request.path) == ("POST", "/oauth2/access_token"):
            return oauth.exchange(account, request)
        if (request.method, request.path) == ("GET", "/oauth2/account/current/subdomain"):
            return oauth.subdomain_info(account, request)
        limiter.check(account.clock.now(), account.settings)
        token, actor, is_admin = oauth.authenticate(account, request)
        handler, params = self._router.find(request.method, request.path)
        return handler(Context(account, request, token, actor, is_admin, params))

    def _note(self, account: Account, request: Request, response: Response) -> None:
        self._journal.call(
            time=account.clock.now(),
            account=account.subdomain,
            method=request.method,
            path=request.path,
            query=request.query,
            body=_readable(request.body),
            status=response.status,
            answer=response.body,
        )


def _faulty(fault: Fault) -> Response:
    body: Any = fault.body
    if body is None:
        refusal = problem(fault.status, "Simulated fault")
        return Response(refusal.status, refusal.body)
    return Response(fault.status, body)


def _readable(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode("utf-8", "replace")


class Server(ThreadingHTTPServer):
    """The listening socket, with the front and the control API behind it."""

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
        if pieces[1:2] == ["a"] and len(pieces) > 2:  # noqa: PLR2004 - /a/{subdomain}/...
            below = "/" + (pieces[3] if len(pieces) > 3 else "")  # noqa: PLR2004 - what follows the prefix
            inner = Request(request.method, below, request.query, request.headers, request.body, request.client_ip)
            return self.server.front.answer(pieces[2], inner)
        subdomain = request.headers.get("host", "").partition(".")[0]
        return self.server.front.answer(subdomain, request)

    def _write(self, response: Response) -> None:
        payload, content_type = response.payload()
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
