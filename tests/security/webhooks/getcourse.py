"""GetCourse's webhook: the custom channel's protocol, for another CRM's connections."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dealtalk.crm.custom.deal_store import DealKeeper
from events import custom, getcourse
from tests.fakes.clock import FakeClock
from tests.fakes.table import MemoryTable
from tests.security.webhooks import custom as channel

if TYPE_CHECKING:
    from collections.abc import Mapping


def body(message_id: str, text: str) -> bytes:
    """Return a customer's message."""
    return json.dumps(custom.message(1, text, message_id=message_id, chat_id=getcourse.CHAT)).encode()


def with_order(message_id: str, text: str) -> bytes:
    """Return a customer's message with the order."""
    told = {"deal": getcourse.ORDER, "deal_schema": getcourse.STATUSES}
    return json.dumps(custom.message(1, text, message_id=message_id, **told), ensure_ascii=False).encode()


def delivered(_raw: bytes) -> Mapping[str, Any]:
    """Return the headers of a genuine post."""
    return {"headers": {"authorization": f"Bearer {custom.TOKEN}", "content-type": "application/json"}}


TARGET = replace(
    channel.TARGET,
    connection=replace(channel.TARGET.connection, crm="getcourse", account=getcourse.ACCOUNT, signing_secret=None),
    stranger=replace(channel.TARGET.stranger, crm="getcourse", signing_secret=None),
    bodies=(body, with_order),
    delivered=delivered,
    webhook={"keep": DealKeeper(MemoryTable(), FakeClock()).keep},
)
