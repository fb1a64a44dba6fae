"""The page's server on loopback: three static files, the state as JSON, and two things that people do.

Only this page may use it: the Host header must name loopback (no DNS rebinding), and what people do is posted as JSON,
which another site's page cannot send without being allowed to.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from local.demo.control import ControlError
from local.demo.view import View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.demo.watcher import Watcher

STATIC = Path(__file__).parent / "static"
FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/app.js": ("app.js", "text/javascript; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'"
)
MAX_BODY = 100_000
LOOPBACK = {"127.0.0.1", "localhost"}
CUSTOMERS = {
    "ru": ("Мария Соколова", "Тимур Галиев", "Ольга Белова", "Артём Ким", "Рустам Ахметов", "Елена Зайцева"),
    "en": ("Grace Miller", "Tom Becker", "Priya Shah", "Luis Ortega", "Hannah Weiss", "Dan Cooper"),
}


@contextmanager
def page(watcher: Watcher, port: int = 0) -> Iterator[str]:
    """Serve the page until the block ends; yields its address."""
    server = Server(("127.0.0.1", port), Handler)
    server.routes = Routes(watcher)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="page", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Routes:
    """What the page can ask and do. Each takes the query or the body and returns JSON."""

    def __init__(self, watcher: Watcher) -> None:
        self._view = View(watcher)
        self._world = watcher.world
        self.calls: dict[tuple[str, str], Callable[[dict[str, str]], Any]] = {
            ("GET", "/api/overview"): lambda _: self._view.overview(),
            ("GET", "/api/chats"): lambda given: self._view.chats(given["account"]),
            ("GET", "/api/chat"): self._chat,
            ("POST", "/api/say"): self._say,
            ("POST", "/api/customers"): self._new_customer,
        }

    def _chat(self, given: dict[str, str]) -> Any:
        shown = self._view.chat(given["account"], given["chat"])
        return {"version": shown["version"]} if shown["version"] == given.get("known") else shown

    def _say(self, given: dict[str, str]) -> Any:
        """Write as the customer, or as the manager whose name is `user`."""
        who = "employee" if given["who"] == "employee" else "customer"
        user = {"user": given["user"]} if who == "employee" else {}
        said = self._world.control.say(given["account"], given["chat"], given["text"][:20_000], who=who, **user)
        return {"id": said}

    def _new_customer(self, given: dict[str, str]) -> Any:
        account = self._world.account(given["account"])
        names = CUSTOMERS[account.language]
        known = {chat["contact"] for chat in self._view.chats(account.subdomain)}
        free = [name for name in names if name not in known]
        contact = free[0] if free else f"{names[len(known) % len(names)]} {len(known)}"
        chat, _ = self._world.control.open_chat(account.subdomain, contact=contact)
        return {"chat": chat}


class Server(ThreadingHTTPServer):
    """The listening socket."""

    daemon_threads = True
    routes: Routes


class Handler(BaseHTTPRequestHandler):
    """One request of the page."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer a file or a question."""
        self._answer("GET")

    def do_POST(self) -> None:
        """Do what a person does."""
        self._answer("POST")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Stay quiet: the terminal is the timeline's."""

    def _answer(self, method: str) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), MAX_BODY))
        if urlsplit(f"//{self.headers.get('Host', '')}").hostname not in LOOPBACK:
            self._send(403, b"", "text/plain")
        elif method == "GET" and parts.path in FILES:
            name, kind = FILES[parts.path]
            self._send(200, (STATIC / name).read_bytes(), kind)
        elif (call := self.server.routes.calls.get((method, parts.path))) is None:
            self._send(404, b"{}", "application/json")
        elif method == "POST" and self.headers.get_content_type() != "application/json":
            self._send(415, b"{}", "application/json")
        else:
            self._call(call, dict(parse_qsl(parts.query)) if method == "GET" else body)

    def _call(self, call: Callable[[dict[str, str]], Any], given: dict[str, str] | bytes) -> None:
        try:
            fields = json.loads(given) if isinstance(given, bytes) else given
            status, said = 200, call({str(name): str(value) for name, value in fields.items()})
        except (KeyError, IndexError, ValueError, AttributeError):
            status, said = 400, {"error": "this is not something that the page asks"}
        except ControlError as error:
            status, said = 502, {"error": str(error)}
        self._send(status, json.dumps(said, ensure_ascii=False).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:
            self.close_connection = True
