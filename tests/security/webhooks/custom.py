"""The webhook of a CRM of one's own: JSON, a bearer token, and a signature where the connection has a secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from dealtalk.connections import Connection, connection_id
from dealtalk.crm.custom import inbound
from dealtalk.crm.custom.deal_store import DealKeeper
from dealtalk.crm.custom.signature import signature_headers
from dealtalk.ingress.signatures import sha256_hex
from events import custom
from tests.fakes.clock import FakeClock
from tests.fakes.table import MemoryTable
from tests.security.webhooks import DOCUMENTED, Target
from tests.unit.ingress.fakes import KEY, NOW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dealtalk.ingress.events import Inbound

WORDS = (
    *("api_version", "message_id", "chat_id", "text", "message_sender", "source", "attachments", "file_name", "data"),
    *("deal", "deal_schema", "id", "version", "stage_id", "pipeline_id", "allowed_stages", "fields", "contact", "tags"),
    *("pipelines", "stages", "people", "options", "outcome", "deleted", "price", "customer", "employee", "url", "1"),
)


def body(message_id: str, text: str) -> bytes:
    """Return a customer's message."""
    return json.dumps(custom.message(1, text, message_id=message_id)).encode()


def with_deal(message_id: str, text: str) -> bytes:
    """Return a customer's message with all that may be told of a deal."""
    message = custom.message(1, text, message_id=message_id, deal=custom.DEAL, deal_schema=custom.SCHEMA)
    return json.dumps(message, ensure_ascii=False).encode()


def delivered(raw: bytes) -> Mapping[str, Any]:
    """Return the headers of a genuine post."""
    signature = signature_headers(custom.SIGNING_SECRET, raw, NOW)
    return {
        "headers": {
            "authorization": f"Bearer {custom.TOKEN}",
            "content-type": "application/json",
            **{name.lower(): value for name, value in signature.items()},
        }
    }


def connection(key: str, account: str, token: str, secret: str) -> Connection:
    """Return a connection."""
    return Connection(
        crm="custom",
        id=connection_id(key),
        account=account,
        api_base="https://crm.oknaufa.example",
        secret="dealtalk/test/connections/custom/x",
        profile="windows.yaml",
        signing_secret=secret,
        options={"token_sha256": sha256_hex(token), "callback_url": "https://crm.oknaufa.example/dealtalk"},
    )


TARGET = Target(
    connection=connection(KEY, custom.ACCOUNT, custom.TOKEN, custom.SIGNING_SECRET),
    stranger=connection("another", "other", "their-token", "their-secret"),
    inbound=cast("Inbound", inbound),
    bodies=(body, with_deal),
    words=WORDS,
    delivered=delivered,
    webhook={"keep": DealKeeper(MemoryTable(), FakeClock()).keep},
    statuses=DOCUMENTED | {422},
)
