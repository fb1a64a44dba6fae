"""Who wrote a message of a thread, what it says, and where its answer goes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from dealtalk.crm.hubspot.messages import author_of, is_own, message_of, written_at
from dealtalk.crm.hubspot.options import HubspotOptions, OtherBots
from dealtalk.crm.hubspot.routes import Route
from dealtalk.messages import AttachmentKind, Author, ConversationKey

OPTIONS = HubspotOptions(app_id="1160452", bot_user_id="9001", own_domains=("panes.test",))
KEY = ConversationKey.of_chat("hubspot", "62515", "8243595013")


def row(actor: str = "V-101", direction: str = "INCOMING", **changes: Any) -> dict[str, Any]:
    """Return a message as the list shows it."""
    made: dict[str, Any] = {
        "id": "m1",
        "type": "MESSAGE",
        "createdAt": "2026-11-20T09:46:40.123Z",
        "client": {"clientType": "HUBSPOT"},
        "senders": [{"actorId": actor, "name": "John Carter"}],
        "direction": direction,
        "text": "Hello",
        "channelId": "1000",
        "channelAccountId": "44001",
        "truncationStatus": "NOT_TRUNCATED",
    }
    return made | changes


@pytest.mark.parametrize(
    ("actor", "direction", "author"),
    [
        ("V-101", "INCOMING", Author.CUSTOMER),
        ("E-visitor@example.com", "INCOMING", Author.CUSTOMER),
        ("A-5544", "OUTGOING", Author.EMPLOYEE),
        ("A-5544", "INCOMING", Author.EMPLOYEE),
        ("B-17", "OUTGOING", Author.EMPLOYEE),
        ("L-3", "OUTGOING", Author.EMPLOYEE),
        ("I-999", "OUTGOING", Author.EMPLOYEE),
        ("S-hubspot", "OUTGOING", None),
        ("S-hubspot", "INCOMING", None),
        ("X-1", "INCOMING", Author.UNKNOWN),
        ("", "INCOMING", Author.UNKNOWN),
    ],
)
def test_the_actor_says_who_wrote_more_than_the_direction(actor: str, direction: str, author: Author | None) -> None:
    """An agent is a person whatever the direction; somebody who answers is somebody; the system is nobody."""
    assert author_of(row(actor, direction), OPTIONS) is author


def test_other_bots_may_be_let_pass() -> None:
    """Then a chatflow's words are noted and stop nothing."""
    options = HubspotOptions("1", "2", other_bots=OtherBots.NOTED)
    assert author_of(row("B-17", "OUTGOING"), options) is Author.BOT


@pytest.mark.parametrize(
    ("address", "author"), [("me@Panes.test", Author.EMPLOYEE), ("me@example.com", Author.CUSTOMER)]
)
def test_a_colleague_who_answered_from_their_own_mailbox_is_known_by_the_domain(address: str, author: Author) -> None:
    """Such mails are shown as incoming."""
    sender = {"actorId": "E-1", "deliveryIdentifier": {"type": "HS_EMAIL_ADDRESS", "value": address}}
    assert author_of(row(senders=[sender]), OPTIONS) is author


def test_whatever_comes_by_a_form_is_a_customers() -> None:
    """Forms have no other side."""
    assert author_of(row("X-1", channelId="1003"), OPTIONS) is Author.CUSTOMER


@pytest.mark.parametrize(
    ("change", "own"),
    [
        ({"client": {"clientType": "INTEGRATION", "integrationAppId": 1160452}}, True),
        ({"client": {"clientType": "INTEGRATION", "integrationAppId": 7}}, False),
        ({"senders": [{"actorId": "A-9001"}]}, True),
        ({"client": None}, False),
        ({"senders": None, "createdBy": "A-9001"}, True),
    ],
)
def test_our_own_messages_are_known_by_app_or_user(change: dict[str, Any], own: bool) -> None:
    """Another app in an agent's name is a person's tool."""
    assert is_own(row("A-5544", "OUTGOING", **change), OPTIONS) is own


def test_a_message_carries_text_time_and_the_way_back() -> None:
    """The chat is named by thread, contact, channel and route."""
    made = message_of(row(), conversation=KEY, author=Author.CUSTOMER, thread="8243595013", contact="101")
    assert (made.text, made.author_name, made.outgoing) == ("Hello", "John Carter", False)
    assert made.sent_at == datetime(2026, 11, 20, 9, 46, 40, 123000, UTC)
    assert (made.chat.chat_id, made.chat.contact_id, made.chat.channel) == ("8243595013", "101", "1000")
    assert Route.from_text(made.chat.route) == Route("1000", "44001", "V-101")


def test_a_visitor_who_is_no_contact_yet_has_none() -> None:
    """What stands in the thread then is no contact's number."""
    made = message_of(row(), conversation=KEY, author=Author.CUSTOMER, thread="1", contact="visitor-abc")
    assert made.chat.contact_id is None


@pytest.mark.parametrize(
    ("attachment", "kind"),
    [
        ({"type": "FILE", "fileUsageType": "IMAGE", "url": "https://f.hubspotusercontent.com/a.png"}, "picture"),
        ({"type": "FILE", "fileUsageType": "VOICE_RECORDING"}, "voice"),
        ({"type": "FILE", "fileUsageType": "OTHER", "name": "plan.pdf"}, "file"),
        ({"type": "LOCATION"}, "location"),
        ({"type": "CONTACT"}, "contact"),
    ],
)
def test_attachments_are_kept_as_kind_name_and_link(attachment: dict[str, Any], kind: str) -> None:
    """They are not fetched."""
    made = message_of(
        row(attachments=[attachment, {"type": "QUICK_REPLIES"}]),
        conversation=KEY,
        author=Author.CUSTOMER,
        thread="1",
        contact=None,
    )
    [kept] = made.attachments
    assert kept.kind is AttachmentKind(kind)
    assert kept.url == attachment.get("url")


def test_a_link_that_is_not_https_is_not_kept() -> None:
    """A body's link leads nobody anywhere."""
    given = [{"type": "FILE", "url": "http://127.0.0.1/x"}, "x", None]
    made = message_of(row(attachments=given), conversation=KEY, author=Author.CUSTOMER, thread="1", contact=None)
    assert [each.url for each in made.attachments] == [None]


@pytest.mark.parametrize("given", [None, "soon", "", 12])
def test_a_time_that_cannot_be_read_is_long_ago(given: Any) -> None:
    """It only orders the prompt."""
    assert written_at({"createdAt": given}).year == 1970


def test_a_chat_is_answered_to_its_visitor() -> None:
    """Channel and account are the message's; an empty list where it names no identifier."""
    route = Route.of_row(row())
    assert route is not None
    assert route.message("Hi", "A-9001") == {
        "type": "MESSAGE",
        "text": "Hi",
        "attachments": [],
        "recipients": [{"actorId": "V-101", "deliveryIdentifiers": []}],
        "senderActorId": "A-9001",
        "channelId": "1000",
        "channelAccountId": "44001",
    }


@pytest.mark.parametrize(
    ("subject", "answered"), [("Windows", "Re: Windows"), ("RE: Windows", "RE: Windows"), ("", "Re:")]
)
def test_a_mail_is_answered_to_its_address_with_its_subject(subject: str, answered: str) -> None:
    """TO, the address, and one Re: only."""
    identifier = {"type": "HS_EMAIL_ADDRESS", "value": "visitor@example.com"}
    route = Route.of_row(
        row(channelId="1002", subject=subject, senders=[{"actorId": "E-1", "deliveryIdentifier": identifier}])
    )
    assert route is not None
    body = Route.from_text(route.as_text()).message("Hi", "A-9001")  # type: ignore[union-attr]  # (it was just made)
    assert body["subject"] == answered
    assert body["recipients"] == [{"actorId": "E-1", "deliveryIdentifiers": [identifier], "recipientField": "TO"}]


@pytest.mark.parametrize("change", [{"channelId": None}, {"channelAccountId": ""}, {"senders": []}])
def test_a_message_without_channel_or_sender_has_no_way_back(change: dict[str, Any]) -> None:
    """Nothing is sent along half a route."""
    assert Route.of_row(row(**change)) is None
