"""The custom channel's webhook: whose is a body, and which message does it carry.

Accepted as it is: the public protocol of the custom channel that other products have
(https://docs.suvvy.ai/en/channels/kastomnyi-kanal/otpravka-soobshenii): one message per body, a bearer token, statuses
401 and 422. Beyond it: a signature, `deal`, `deal_schema`, `sent_at`, and `url` of an attachment.

Options of a connection that are read here:
- `token_sha256`: the SHA-256 of the bearer token that the sender shows.
A connection with a signing secret takes signed bodies only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dealtalk.crm.custom.deal_json import Unusable, checked_deal, checked_schema
from dealtalk.crm.custom.signature import is_signed
from dealtalk.ingress.events import ParsedEvents, Refusal
from dealtalk.ingress.signatures import matches
from dealtalk.ingress.values import clean_text, one_line, opaque_id, scalar, unix_time
from dealtalk.messages import MAX_TEXT, Attachment, AttachmentKind, Author, Chat, ConversationKey, InboundMessage

if TYPE_CHECKING:
    from datetime import datetime

    from dealtalk.connections import Connection
    from dealtalk.ingress.events import Payload
    from dealtalk.ingress.http import Request

MAX_BODY = 5 * 1024 * 1024
"""Bytes of a body: attachments come inside it. Lambda takes 6 MB of an event, the body's escapes included."""

_SCHEME = "bearer "
_SENDERS = {"customer": Author.CUSTOMER, "employee": Author.EMPLOYEE}
_KINDS = {
    "image": AttachmentKind.PICTURE,
    "audio": AttachmentKind.VOICE,
    "video": AttachmentKind.VIDEO,
    "document": AttachmentKind.FILE,
}
_URL = re.compile(r"https://[A-Za-z0-9.\-]{1,253}(?::[0-9]{1,5})?(?:[/?][^\\\x00-\x20\x7f-\xa0\ud800-\udfff]*)?")
_MAX_URL = 2048
_MAX_NAME = 200
_MAX_ATTACHMENTS = 10


def authenticate(connection: Connection, request: Request, payload: Payload, now: datetime) -> bool:  # noqa: ARG001 (bytes are signed)
    """Return whether the request shows the connection's token and, where it has a signing secret, its signature."""
    shown = request.headers.get("authorization", "")
    token = shown[len(_SCHEME) :].strip() if shown.lower().startswith(_SCHEME) else ""
    if not token or not matches(token, connection.options.get("token_sha256")):
        return False
    secret = connection.signing_secret
    return secret is None or is_signed(secret, request.body, request.headers, now)


def parse(connection: Connection, payload: Payload, now: datetime) -> ParsedEvents:
    """Return the body's one message, or what is wrong with it: its sender is told by 422, as the protocol says."""
    try:
        message = _message(connection, payload, now)
        if payload.get("deal_schema") is not None:
            checked_schema(payload["deal_schema"])
    except Unusable as problem:
        return ParsedEvents(ignored={"unusable_message": 1}, refusal=_refusal(problem))
    return ParsedEvents((message,))


def _refusal(problem: Unusable) -> Refusal:
    return Refusal(422, {"detail": [{"loc": ["body", *problem.where.split(".")], "msg": problem.why}]})


def _message(connection: Connection, payload: Payload, now: datetime) -> InboundMessage:
    if scalar(payload.get("api_version")) != "1":
        raise Unusable("api_version", "must be 1")
    chat_id, message_id = opaque_id(payload.get("chat_id")), opaque_id(payload.get("message_id"))
    if chat_id is None:
        raise Unusable("chat_id", "is required")
    if message_id is None:
        raise Unusable("message_id", "is required")
    author = _SENDERS.get(scalar(payload.get("message_sender")))
    if author is None:
        raise Unusable("message_sender", "must be customer or employee")
    text, attachments = clean_text(payload.get("text")), _attachments(payload.get("attachments"))
    if not text.strip() and not attachments:
        raise Unusable("text", "is required where there are no attachments")
    is_customer = author is Author.CUSTOMER
    deal = checked_deal(payload["deal"]) if payload.get("deal") is not None else {}
    chat = Chat(chat_id, deal_id=None if deal.get("deleted") else deal.get("id"), route=message_id)
    return InboundMessage(
        conversation=ConversationKey.of_chat(connection.crm, connection.account, chat_id),
        chat=chat,
        id=message_id,
        author=author,
        text=text[:MAX_TEXT],
        sent_at=unix_time(payload.get("sent_at"), now),
        outgoing=not is_customer,
        author_name=one_line(payload.get("client_name"), _MAX_NAME) if is_customer else None,
        attachments=attachments,
        truncated=len(text) > MAX_TEXT,
    )


def _attachments(value: Any) -> tuple[Attachment, ...]:  # noqa: ANN401 (JSON)
    """Return what was attached. A file's own bytes are not kept: nothing reads them yet, and a table is no place."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise Unusable("attachments", "must be a list")
    found = []
    for each in value[:_MAX_ATTACHMENTS]:
        if not isinstance(each, dict) or not (scalar(each.get("data")) or scalar(each.get("url"))):
            raise Unusable("attachments", "each needs file_name, file_type, and data or url")
        url = scalar(each.get("url")).strip()
        found.append(
            Attachment(
                kind=_KINDS.get(scalar(each.get("file_type")), AttachmentKind.FILE),
                url=url if len(url) <= _MAX_URL and _URL.fullmatch(url) else None,
                file_name=one_line(each.get("file_name"), _MAX_NAME),
            )
        )
    return tuple(found)
