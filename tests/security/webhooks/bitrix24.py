"""Bitrix24's webhook: a form of a version 1 or version 2 bot; nothing is signed, a token and the portal are named."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dealtalk.connections import connection_id
from dealtalk.crm.bitrix24 import inbound
from dealtalk.ingress.signatures import sha256_hex
from events import bitrix24
from tests.security.webhooks import Target
from tests.unit.ingress.fakes import connection

if TYPE_CHECKING:
    from dealtalk.ingress.events import Inbound

OPTIONS = {
    "domain": bitrix24.DOMAIN,
    "application_token_sha256": sha256_hex(f"custom{bitrix24.BOT_TOKEN}"),
    "bot_id": bitrix24.BOT,
}
WORDS = (
    *("event", "data", "auth", "ts", "bot", "message", "chat", "user", "BOT", "PARAMS", "USER", "0", "1", "-1", ""),
    *("id", "chatId", "authorId", "text", "date", "params", "FILE_ID", "entityType", "entityId", "entityData1"),
    *("entityData2", "owner", "connector", "isSystem", "MESSAGE", "MESSAGE_ID", "CHAT_ID", "CHAT_ENTITY_TYPE", "FILES"),
    *("CHAT_ENTITY_DATA_2", "CHAT_AUTHOR_ID", "LINES", "Y", "N", "DEAL|", "|||||||", "application_token", "member_id"),
    *("domain", "ONIMBOTV2MESSAGEADD", "ONIMBOTMESSAGEADD", "ONIMBOTV2JOINCHAT", "ONAPPINSTALL", "[disk=1]"),
)


def second(message_id: str, text: str) -> bytes:
    """Return a customer's message as a version 2 bot gets it; an id that is no number becomes one."""
    return bitrix24.form(bitrix24.v2(number_of(message_id), text)).encode()


def first(message_id: str, text: str) -> bytes:
    """Return a customer's message in the format of version 1, with the same token."""
    body = bitrix24.v1(number_of(message_id), text)
    body["auth"] = bitrix24.auth(f"custom{bitrix24.BOT_TOKEN}")
    return bitrix24.form(body).encode()


def number_of(message_id: str) -> int:
    """Return a number that stands for a message id: Bitrix24's are numbers."""
    return int.from_bytes(message_id.encode("utf-8", "surrogatepass")[:6], "big") + 1


TARGET = Target(
    connection=connection(crm="bitrix24", account=bitrix24.DOMAIN, options=OPTIONS),
    stranger=connection(
        crm="bitrix24",
        id=connection_id("another"),
        account="other.bitrix24.ru",
        options={"domain": "other.bitrix24.ru", "application_token_sha256": sha256_hex("customother")},
    ),
    inbound=cast("Inbound", inbound),
    bodies=(second, first),
    words=WORDS,
)
