"""What stands for our webhook in the tests of the simulators."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

PATIENCE = 10


@dataclass
class Hit:
    """A request that the receiver got."""

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def form(self) -> dict[str, str]:
        """The form's pairs."""
        return dict(parse_qsl(self.raw.decode(), keep_blank_values=True))


class Receiver:
    """Stands for our webhook: answers the statuses of `script` in turn, then `status`; waits for `gate` before."""

    def __init__(self) -> None:
        self.hits: list[Hit] = []
        self.status = 200
        self.script: deque[int] = deque()
        self.gate = threading.Event()
        self.gate.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.hits.append(Hit(self.command, self.path, headers, raw))
                receiver.gate.wait(PATIENCE)
                self.send_response(receiver.script.popleft() if receiver.script else receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = handle_any  # noqa: N815 - the base class' names

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
                """Stay quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens; with a trailing slash."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook/key/"

    def stop(self) -> None:
        """End it."""
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
