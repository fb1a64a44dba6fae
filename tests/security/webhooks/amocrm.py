"""amoCRM's and Kommo's webhook: a form, or JSON; nothing is signed, the account is named in the body."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast
from urllib.parse import urlencode

from dealtalk.connections import connection_id
from dealtalk.crm.amocrm import inbound
from tests.security.webhooks import Target
from tests.unit.ingress.fakes import ACCOUNT, connection, message_form

if TYPE_CHECKING:
    from dealtalk.ingress.events import Inbound

WORDS = (
    *("account", "id", "subdomain", "message", "outgoing_message", "unsorted", "leads", "add", "update", "delete"),
    *("0", "1", "99", "-1", "", "chat_id", "talk_id", "contact_id", "text", "created_at", "type", "author", "name"),
    *("attachment", "link", "file_name", "message_type", "element_id", "entity_type", "source_data", "origin"),
)


def form(message_id: str, text: str) -> bytes:
    """Return a customer's message as amoCRM posts it."""
    return urlencode(ACCOUNT | message_form(id=message_id, text=text)).encode()


def document(message_id: str, text: str) -> bytes:
    """Return a customer's message as JSON."""
    message = {"id": message_id, "chat_id": "c", "text": text, "author": {"name": "Олег Приметный"}}
    account = {"id": ACCOUNT["account[id]"], "subdomain": ACCOUNT["account[subdomain]"]}
    return json.dumps({"account": account, "message": {"add": [message]}}).encode()


TARGET = Target(
    connection=connection(),
    stranger=connection(id=connection_id("another"), account="4711", options={"subdomain": "other"}),
    inbound=cast("Inbound", inbound),
    bodies=(form, document),
    words=WORDS,
)
