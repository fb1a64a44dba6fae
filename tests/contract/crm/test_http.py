"""The one wrapper over requests, against a server that misbehaves."""

from __future__ import annotations

import json
import socket
import threading
import traceback
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from dealtalk.crm import http as http_module
from dealtalk.crm.http import BearerHttp, Http, checked_base
from dealtalk.errors import DealtalkError, NeedsAttention, OutcomeUnknown, Permanent, Retryable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = "s3cr3t-token"
TEXT = "текст клиента"


class Seen:
    """A server's record, and what it does with the next requests: an answer or None to cut the connection."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.script: list[Callable[[BaseHTTPRequestHandler], None] | None] = []
        self.base = ""


def answer(status: int, body: bytes = b"{}", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return what answers with this status, body and headers."""

    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return act


def half_an_answer(handler: BaseHTTPRequestHandler) -> None:
    """Promise more than is sent, then hang up."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"id":')
    handler.close_connection = True


@contextmanager
def serving() -> Iterator[Seen]:
    """Serve on loopback what the script says."""
    seen = Seen()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.requests.append((self.command, self.path, dict(self.headers), body))
            act = seen.script.pop(0) if seen.script else answer(200)
            if act is None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
            else:
                act(self)

        do_GET = do_POST = do_PATCH = handle_any  # noqa: N815 (the base class's names)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    seen.base = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


@pytest.fixture
def server() -> Iterator[Seen]:
    """Serve for one test."""
    with serving() as seen:
        yield seen


def client(server: Seen, **settings: Any) -> Http:
    """Return a client of this server."""
    return Http(server.base, **{"seconds_left": lambda: 30.0, **settings})


def test_a_cut_connection_after_a_write_is_of_unknown_outcome_and_not_repeated(server: Seen) -> None:
    """The host may have acted: exactly one request was sent."""
    server.script = [None]

    with pytest.raises(OutcomeUnknown):
        client(server).write("POST", "/x", payload={})

    assert len(server.requests) == 1


def test_half_an_answer_to_a_write_is_of_unknown_outcome(server: Seen) -> None:
    """A status without its body tells nothing."""
    server.script = [half_an_answer]

    with pytest.raises(OutcomeUnknown):
        client(server).write("PATCH", "/x", payload={})


def test_a_slow_answer_to_a_write_is_of_unknown_outcome(server: Seen) -> None:
    """The read timeout is not a refusal."""
    released = threading.Event()

    def hold(_: BaseHTTPRequestHandler) -> None:
        released.wait(5)

    server.script = [hold]

    with pytest.raises(OutcomeUnknown):
        client(server, read_timeout=0.1).write("POST", "/x", payload={})
    released.set()


def test_a_read_is_repeated_once_where_the_connection_was_cut(server: Seen) -> None:
    """Twice at most, each counted."""
    server.script = [None, answer(200, b'{"a": 1.10}'), None, None]
    http = client(server)

    assert http.get("/x").body == {"a": Decimal("1.10")}
    with pytest.raises(Retryable):
        http.get("/x")
    assert http.calls == 4


def test_an_unreachable_host_is_retryable_for_a_write_too() -> None:
    """Nothing was sent; and the address, which requests puts into its own error, is in no text."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    with pytest.raises(Retryable) as failed:
        Http(f"http://127.0.0.1:{port}", seconds_left=lambda: 30).write("POST", "/hidden-path", payload={})

    assert not isinstance(failed.value, OutcomeUnknown)
    assert "Max retries" not in "".join(traceback.format_exception(failed.value))


def test_a_redirect_is_an_error_and_is_not_followed(server: Seen) -> None:
    """The token goes to the connected host only."""
    with serving() as stranger:
        server.script = [answer(302, Location=f"{stranger.base}/steal")]

        with pytest.raises(NeedsAttention):
            client(server).get("/x", headers={"Authorization": f"Bearer {SECRET}"})

        assert stranger.requests == []


@pytest.mark.parametrize(
    "path", ["//evil.example/x", "/../x", "https://evil.example", "/x?y=1", "/x\r\ny: z", "x", "/é"]
)
def test_a_path_that_could_leave_the_host_is_refused(server: Seen, path: str) -> None:
    """No request is sent."""
    with pytest.raises(Permanent):
        client(server).get(path)

    assert server.requests == []


def test_too_large_an_answer_is_not_read_to_its_end(server: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded; a write's outcome is unknown then."""
    monkeypatch.setattr(http_module, "MAX_ANSWER_BYTES", 1000)
    big = json.dumps({"x": "y" * 5000}).encode()
    server.script = [answer(200, big), answer(200, big)]

    with pytest.raises(Retryable):
        client(server).get("/x")
    with pytest.raises(OutcomeUnknown):
        client(server).write("POST", "/x", payload={})


def test_no_call_is_begun_without_time_for_it(server: Seen) -> None:
    """The turn's deadline is the call's."""
    with pytest.raises(Retryable):
        client(server, seconds_left=lambda: 0.2).write("POST", "/x", payload={})

    assert server.requests == []


def test_what_is_no_json_is_no_body(server: Seen) -> None:
    """An HTML error page or deep nesting is None, not a crash."""
    server.script = [answer(200, b"<html>"), answer(200, b"[" * 100_000), answer(204, b"")]
    http = client(server)

    assert [http.get("/x").body for _ in range(3)] == [None, None, None]


def test_cookies_of_the_host_are_not_kept(server: Seen) -> None:
    """A session cookie would act as a second identity."""
    server.script = [answer(200, Set_Cookie="session=abc; Path=/")]
    http = client(server)
    http.get("/x")
    http.get("/x")

    assert "Cookie" not in server.requests[1][2]


def test_the_environment_s_netrc_and_proxies_are_not_used(
    server: Seen, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """The token of the connection is the one that is sent."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    client(server).get("/x", headers={"Authorization": f"Bearer {SECRET}"})

    assert server.requests[0][2]["Authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize("script", [[None, None], [half_an_answer, half_an_answer], [answer(302), answer(302)]])
def test_no_error_text_holds_url_body_or_token(server: Seen, script: list[Any]) -> None:
    """Neither the error nor what it was raised from can leak into a log."""
    http, secret = client(server), {"Authorization": SECRET}
    calls: list[Callable[[], object]] = [
        lambda: http.get("/hidden-path", params=[("q", TEXT)], headers=secret),
        lambda: http.write("POST", "/hidden-path", payload={"text": TEXT}, headers=secret),
    ]
    for call in calls:
        server.script = list(script)
        with pytest.raises(DealtalkError) as failed:
            call()
        shown = "".join(traceback.format_exception(failed.value))
        messages = [line for line in shown.splitlines() if not line.startswith("    ")]
        assert not any(word in line for word in (SECRET, TEXT, "hidden-path", "127.0.0.1") for line in messages)


@pytest.mark.parametrize(
    "base",
    [
        "http://example.amocrm.ru",
        "https://example.amocrm.ru/path",
        "https://user:pw@example.amocrm.ru",
        "https://example.amocrm.ru?x=1",
        "ftp://127.0.0.1",
        "https://",
        "example.amocrm.ru",
        "http://127.0.0.1.evil.example",
    ],
)
def test_an_unsafe_address_is_refused(base: str) -> None:
    """Https and nothing but the host; http is for loopback."""
    with pytest.raises(ValueError, match="address"):
        checked_base(base)


@pytest.mark.parametrize(
    ("base", "checked"),
    [
        ("https://example.amocrm.ru/", "https://example.amocrm.ru"),
        ("http://127.0.0.1:8080/a/okna/", "http://127.0.0.1:8080/a/okna"),
        ("http://localhost:1", "http://localhost:1"),
    ],
)
def test_a_safe_address_is_taken_without_its_last_slash(base: str, checked: str) -> None:
    """A simulator on loopback may serve accounts below a path."""
    assert checked_base(base) == checked


class Tokens:
    """Tokens in a row; `renew` moves on to the next, and stays on the last."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)

    def bearer(self) -> str:
        """Return the current one."""
        return self.tokens[0]

    def renew(self, stale: str) -> str:
        """Return the next one."""
        if len(self.tokens) > 1 and self.tokens[0] == stale:
            self.tokens.pop(0)
        return self.tokens[0]


def test_a_refused_token_is_renewed_once_and_the_write_repeated(server: Seen) -> None:
    """A 401 acted on nothing."""
    server.script = [answer(401), answer(202, b'{"id": "1"}')]
    signed = BearerHttp(client(server), Tokens("old", "new"))

    assert signed.write("POST", "/x", payload={"a": 1}).status == 202
    assert [request[2]["Authorization"] for request in server.requests] == ["Bearer old", "Bearer new"]


def test_a_token_that_cannot_be_renewed_is_not_tried_again(server: Seen) -> None:
    """A long-lived token that the secret still holds: one call, the 401 is the answer."""
    server.script = [answer(401)]

    assert BearerHttp(client(server), Tokens("only")).get("/x").status == 401
    assert len(server.requests) == 1
