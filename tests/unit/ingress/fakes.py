"""Fakes of what a webhook is composed of, and a webhook composed of them."""

from __future__ import annotations

import base64
import io
import itertools
import json
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from aws_lambda_powertools import Logger, Metrics

from dealtalk.connections import Connection, connection_id
from dealtalk.conversation.intake import IntakeResult
from dealtalk.crm.amocrm import inbound
from dealtalk.ingress.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dealtalk.messages import InboundMessage

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEY = "demo-connection-key"
ACCOUNT = {"account[id]": "31337000", "account[subdomain]": "oknaufa"}
_numbers = itertools.count()


def connection(**changes: Any) -> Connection:
    """Return the connection of account 31337000, oknaufa."""
    fields: dict[str, Any] = {
        "crm": "amocrm",
        "id": connection_id(KEY),
        "account": "31337000",
        "api_base": "https://oknaufa.amocrm.ru",
        "secret": "dealtalk/test/amocrm",
        "profile": "windows",
        "options": {"subdomain": "oknaufa"},
    }
    return Connection(**(fields | changes))


def message_form(number: int = 0, /, **changes: str | None) -> dict[str, str]:
    """Return the keys and values of a customer's message; `changes` replaces fields, None leaves one out.

    Two underscores stand for a level: `author__type`.
    """
    fields: dict[str, str | None] = {
        "id": f"a0ce13c7-4825-4ecc-9dc0-{number:012d}",
        "chat_id": "54caee02-e383-46d8-a9b7-1fb43f07cffe",
        "talk_id": "100",
        "contact_id": "93589657",
        "text": "Здравствуйте! Сколько стоит окно?",
        "created_at": "1795168000",
        "element_type": "2",
        "element_id": "27754599",
        "type": "incoming",
        "author__id": "1db2f5cc-aea4-4f96-8d4f-a256ead5b7b0",
        "author__type": "external",
        "author__name": "Олег",
        "origin": "telegram",
    }
    kept = {name: value for name, value in (fields | changes).items() if value is not None}
    return {f"message[add][{number}][{name.replace('__', '][')}]": value for name, value in kept.items()}


def post(body: bytes | str | dict[str, str], /, *, key: str = KEY, **changes: Any) -> dict[str, Any]:
    """Return the event of a POST: a dict is posted as a form, a text as it is; all in base64, as on AWS."""
    if isinstance(body, dict):
        body = urlencode(body)
    raw = body.encode() if isinstance(body, str) else body
    event: dict[str, Any] = {
        "version": "2.0",
        "headers": {"content-type": "application/x-www-form-urlencoded"},
        "requestContext": {"http": {"method": "POST", "path": f"/amocrm/{key}"}},
        "pathParameters": {"connection": key},
        "body": base64.b64encode(raw).decode(),
        "isBase64Encoded": True,
    }
    return event | changes


class FixedClock:
    """A clock that stands still."""

    def now(self) -> datetime:
        """Return noon of 20 November 2026."""
        return NOW

    def sleep(self, seconds: float) -> None:
        """Do not wait."""


@dataclass
class KnownConnections:
    """Connections by key. `error` is raised instead of an answer; `asked` holds the keys that were looked up."""

    by_key: dict[str, Connection] = field(default_factory=lambda: {KEY: connection()})
    error: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def find(self, crm: str, key: str) -> Connection | None:
        """Return the connection of `key`."""
        assert all(connection.crm == crm for connection in self.by_key.values())
        self.asked.append(key)
        if self.error is not None:
            raise self.error
        return self.by_key.get(key)


@dataclass
class RememberedMessages:
    """An intake that keeps messages in a dict by conversation and id. `error` is raised instead of storing."""

    error: Exception | None = None
    stored: dict[tuple[str, str], InboundMessage] = field(default_factory=dict)

    def take(self, connection: Connection, messages: Sequence[InboundMessage]) -> IntakeResult:
        """Store what is new."""
        assert messages
        assert all(message.conversation.crm == connection.crm for message in messages)
        if self.error is not None:
            raise self.error
        new = {(message.conversation.id, message.id): message for message in messages}
        known = len(new.keys() & self.stored.keys())
        self.stored |= {key: message for key, message in new.items() if key not in self.stored}
        return IntakeResult(stored=len(new) - known, known=known, rung=len({chat for chat, _ in new}))

    @property
    def messages(self) -> list[InboundMessage]:
        """All that was stored, in order."""
        return list(self.stored.values())


@dataclass
class ComposedWebhook:
    """A webhook of fakes, and what it left behind."""

    connections: KnownConnections
    intake: RememberedMessages
    log: io.StringIO
    webhook: Webhook

    def status(self, event: Any) -> int:
        """Return the status of the answer to `event`."""
        status = self.webhook.handle(event, None)["statusCode"]
        assert isinstance(status, int)
        return status

    @property
    def log_lines(self) -> list[dict[str, Any]]:
        """The parsed lines of the log."""
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


def compose(
    connections: KnownConnections | None = None, intake: RememberedMessages | None = None, **changes: Any
) -> ComposedWebhook:
    """Return amoCRM's webhook over fakes, with the real logger and the real metrics (which print to stdout)."""
    log = io.StringIO()
    connections = connections or KnownConnections()
    intake = intake or RememberedMessages()
    parts: dict[str, Any] = {
        "crm": "amocrm",
        "inbound": inbound,
        "connections": connections,
        "intake": intake,
        "logger": Logger(service=f"test-{next(_numbers)}", logger_handler=logging.StreamHandler(log), level="DEBUG"),
        "metrics": Metrics(namespace="Dealtalk", service="test"),
        "clock": FixedClock(),
    }
    return ComposedWebhook(connections, intake, log, Webhook(**(parts | changes)))
