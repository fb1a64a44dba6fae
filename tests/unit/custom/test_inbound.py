"""What the custom channel's webhook believes, and what it tells its sender to correct."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dealtalk.connections import Connection
from dealtalk.crm.custom import inbound
from dealtalk.ingress.body import decode_body
from dealtalk.ingress.http import read_request
from dealtalk.ingress.signatures import sha256_hex
from dealtalk.messages import MAX_TEXT, AttachmentKind, Author
from events import custom

if TYPE_CHECKING:
    from dealtalk.ingress.events import ParsedEvents
    from dealtalk.messages import InboundMessage

NOW = custom.SIGNED_AT
CONNECTION = Connection(
    crm="custom",
    id="c1",
    account=custom.ACCOUNT,
    api_base="https://crm.oknaufa.example",
    secret="s",
    profile="p",
    options={"token_sha256": sha256_hex(custom.TOKEN)},
)
CASES = custom.custom_webhook()


def parsed(document: dict[str, Any]) -> ParsedEvents:
    """Return what a posted document says."""
    return inbound.parse(CONNECTION, decode_body(json.dumps(document).encode()), NOW)


def one(document: dict[str, Any]) -> InboundMessage:
    """Return the document's one message."""
    events = parsed(document)
    assert events.refusal is None
    [message] = events.messages
    return message


def believed(name: str, connection: Connection = CONNECTION) -> bool:
    """Return whether an event of events/custom_webhook is the connection's."""
    request = read_request(CASES[name])
    return inbound.authenticate(connection, request, decode_body(request.body), NOW)


def test_the_right_token_opens() -> None:
    """The table holds its hash only."""
    assert believed("text")
    assert not believed("text", replace(CONNECTION, options={}))


@pytest.mark.parametrize("case", ["wrong_token", "no_token"])
def test_another_token_or_none_does_not(case: str) -> None:
    """The key in the path is not enough."""
    assert not believed(case)


def test_with_a_signing_secret_only_signed_bodies_are_taken() -> None:
    """A token that leaked does not sign."""
    signing = replace(CONNECTION, signing_secret=custom.SIGNING_SECRET)
    assert believed("signed", signing)
    assert not believed("text", signing)
    assert not believed("signed", replace(CONNECTION, signing_secret="another"))


def test_a_signature_is_no_harm_where_none_is_wanted() -> None:
    """A sender may sign before the connection wants it."""
    assert believed("signed")


def test_the_least_message_of_the_protocol_is_taken() -> None:
    """Text, chat and id as they are; the chat is its own conversation."""
    message = one(custom.message(1, "Здравствуйте"))
    assert (message.id, message.text, message.author, message.outgoing) == (
        "msg-1",
        "Здравствуйте",
        Author.CUSTOMER,
        False,
    )
    assert (message.chat.chat_id, message.chat.deal_id, message.chat.route) == (custom.CHAT, None, "msg-1")
    assert (message.conversation, message.author_name, message.sent_at) == (custom.CONVERSATION, "Олег", NOW)


def test_every_field_of_the_public_protocol_is_accepted() -> None:
    """Who changes over changes an address and a token: nothing of what is sent may be refused."""
    request = read_request(CASES["every_field_of_the_protocol"])
    assert inbound.parse(CONNECTION, decode_body(request.body), NOW).refusal is None


def test_an_employee_is_a_takeover_without_a_customers_name() -> None:
    """The protocol tells a takeover so."""
    message = one(custom.message(1, "я сама", message_sender="employee"))
    assert (message.author, message.outgoing, message.author_name) == (Author.EMPLOYEE, True, None)


def test_the_senders_time_orders_the_prompt() -> None:
    """It is optional; garbage counts as now."""
    assert one(custom.message(1, "а", sent_at=1_795_000_000)).sent_at.timestamp() == 1_795_000_000
    assert one(custom.message(1, "а", sent_at="yesterday")).sent_at == NOW


def test_attachments_are_named_and_their_bytes_are_not_kept() -> None:
    """The bot says honestly that it cannot open them."""
    picture = {"file_name": "a.png", "file_type": "image", "data": "aGk="}
    voice = {"file_name": "b.ogg", "file_type": "audio", "url": "https://crm.example/b.ogg"}
    strange = {"file_name": "c.bin", "file_type": "hologram", "url": "http://127.0.0.1/c"}
    found = one(custom.message(1, None, attachments=[picture, voice, strange])).attachments
    assert [(each.kind, each.url, each.file_name) for each in found] == [
        (AttachmentKind.PICTURE, None, "a.png"),
        (AttachmentKind.VOICE, "https://crm.example/b.ogg", "b.ogg"),
        (AttachmentKind.FILE, None, "c.bin"),
    ]


def test_a_long_text_is_cut_and_says_so() -> None:
    """Nothing is lost silently."""
    message = one(custom.message(1, "я" * (MAX_TEXT + 1)))
    assert (len(message.text), message.truncated) == (MAX_TEXT, True)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"api_version": 2}, ["body", "api_version"]),
        ({"chat_id": ""}, ["body", "chat_id"]),
        ({"message_id": None}, ["body", "message_id"]),
        ({"message_sender": "robot"}, ["body", "message_sender"]),
        ({"message_sender": ["customer"]}, ["body", "message_sender"]),
        ({"text": "  "}, ["body", "text"]),
        ({"attachments": "a.png"}, ["body", "attachments"]),
        ({"attachments": [{"file_name": "a"}]}, ["body", "attachments"]),
        ({"deal": []}, ["body", "deal"]),
        ({"deal": {"id": "D-1"}}, ["body", "deal", "stage_id"]),
        ({"deal": {"stage_id": "new"}}, ["body", "deal", "id"]),
        ({"deal_schema": {"pipelines": []}}, ["body", "deal_schema", "pipelines"]),
    ],
)
def test_what_is_not_by_the_protocol_is_refused_with_its_place(changes: dict[str, Any], where: list[str]) -> None:
    """The sender learns which field it is, and nothing of what it sent is quoted."""
    events = parsed(custom.message(1, "Секрет") | changes)
    assert events.messages == ()
    assert events.refusal is not None
    assert events.refusal.status == 422
    assert [each["loc"] for each in events.refusal.body["detail"]] == [where]
    assert "Секрет" not in json.dumps(events.refusal.body, ensure_ascii=False)


def test_the_deal_of_a_message_is_the_chats() -> None:
    """Until it is deleted."""
    assert one(custom.message(1, "а", deal=custom.DEAL)).chat.deal_id == "D-1042"
    assert one(custom.message(1, "а", deal={"id": "D-1042", "deleted": True})).chat.deal_id is None
