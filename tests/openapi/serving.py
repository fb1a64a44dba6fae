"""The real webhook behind a port, storing into memory: what a program sees that posts by the document."""

from __future__ import annotations

import io
import logging
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics

from dealtalk.clock import SystemClock
from dealtalk.connection_store import ConnectionStore
from dealtalk.connections import Connection, connection_id
from dealtalk.conversation.intake import Intake
from dealtalk.crm.custom import inbound
from dealtalk.crm.custom.deal_store import DealKeeper
from dealtalk.ingress.signatures import sha256_hex
from dealtalk.ingress.webhook import Webhook
from events import custom
from events.http_api import KEY
from tests.fakes.doorbell import FakeDoorbell
from tests.fakes.table import MemoryTable

if TYPE_CHECKING:
    from collections.abc import Iterator


def webhook() -> Webhook:
    """Return the webhook as functions/custom_webhook composes it, over memory."""
    table, clock = MemoryTable(), SystemClock()
    connections = ConnectionStore(table, clock)
    connections.save(
        Connection(
            crm="custom",
            id=connection_id(KEY),
            account=custom.ACCOUNT,
            api_base="https://crm.oknaufa.example",
            secret="s",
            profile="p",
            options={"token_sha256": sha256_hex(custom.TOKEN), "callback_url": "https://crm.oknaufa.example/x"},
        )
    )
    intake = Intake(table, connections, FakeDoorbell(clock), clock)
    logger = Logger(service="openapi", logger_handler=logging.StreamHandler(io.StringIO()))
    metrics = Metrics(namespace="Dealtalk", service="openapi")
    keep = DealKeeper(table, clock).keep
    return Webhook("custom", inbound, connections, intake, logger, metrics, clock, max_body=inbound.MAX_BODY, keep=keep)


@contextmanager
def serving() -> Iterator[str]:
    """Serve the webhook until the block ends; yields its base address."""
    served = webhook()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
            """Stay quiet."""

        def do_POST(self) -> None:
            """Hand the request over as API Gateway does: what is not of its one route is not found."""
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            name, _, key = self.path.partition("?")[0].lstrip("/").partition("/")
            if name != "custom" or not key:
                self.send(404, "application/json", '{"message":"Not Found"}')
                return
            event = {
                "version": "2.0",
                "rawPath": self.path,
                "rawQueryString": "",
                "headers": {header.lower(): value for header, value in self.headers.items()},
                "requestContext": {"http": {"method": self.command, "path": self.path}},
                "pathParameters": {"connection": key},
                "body": body.decode("utf-8", "surrogateescape"),
                "isBase64Encoded": False,
            }
            answer = served.handle(event, None)
            self.send(answer["statusCode"], answer["headers"]["content-type"], answer["body"])

        def refuse(self) -> None:
            """Answer as API Gateway does where a route has no such method."""
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send(404, "application/json", '{"message":"Not Found"}')

        do_GET = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = do_TRACE = do_QUERY = refuse  # noqa: N815 (the base class' names)

        def send(self, status: int, content_type: str, text: str) -> None:
            """Write an answer."""
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text.encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="openapi", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
