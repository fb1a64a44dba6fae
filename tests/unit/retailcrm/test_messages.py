"""What a message of the MG Bot API becomes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dealtalk.connections import Connection
from dealtalk.crm.retailcrm.messages import message_of
from dealtalk.crm.retailcrm.options import RetailcrmOptions, Writer
from dealtalk.messages import AttachmentKind, Author, ConversationKey, InboundMessage

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
CONNECTION = Connection("retailcrm", "c", "okna.retailcrm.ru", "https://okna.retailcrm.ru", "s", "p")
OPTIONS = RetailcrmOptions(mg_url="https://mg-s1.retailcrm.pro", channels={"3": "telegram"})
CUSTOMER = {"id": 77, "type": "customer", "name": "Иван Петров", "external_id": "5"}
PERSON = {"id": 8, "type": "user", "name": "Олег"}


def row(**changes: Any) -> dict[str, Any]:
    """Return a customer's text as the list shows it, with changes."""
    return {
        "id": 501,
        "time": "2026-11-02T11:59:00.000000Z",
        "type": "text",
        "scope": "public",
        "chat_id": 21,
        "channel_id": 3,
        "dialog": {"id": 91},
        "from": CUSTOMER,
        "content": "Здравствуйте",
        **changes,
    }


def parsed(options: RetailcrmOptions = OPTIONS, **changes: Any) -> InboundMessage | None:
    """Return what the row becomes."""
    return message_of(CONNECTION, options, row(**changes), NOW)


def test_a_customer_s_text_names_chat_dialog_customer_and_channel() -> None:
    """All ids that a reply and the order's search need, as texts."""
    message = parsed()
    assert message is not None
    assert message.conversation == ConversationKey.of_chat("retailcrm", "okna.retailcrm.ru", "21")
    assert (message.chat.chat_id, message.chat.talk_id, message.chat.contact_id) == ("21", "91", "77")
    assert (message.chat.channel, message.chat.deal_id) == ("telegram", None)
    assert (message.id, message.author, message.outgoing) == ("501", Author.CUSTOMER, False)
    assert (message.text, message.author_name) == ("Здравствуйте", "Иван Петров")
    assert message.sent_at == datetime(2026, 11, 2, 11, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sender", "author"),
    [
        (PERSON, Author.EMPLOYEE),
        ({**PERSON, "is_technical_account": True}, Author.BOT),
        ({**PERSON, "is_system": True}, Author.BOT),
        ({"id": 4, "type": "bot", "name": "Welcome"}, Author.BOT),
        ({"id": 3, "type": "channel", "name": "WhatsApp"}, Author.UNKNOWN),
        ({"id": 3, "type": "something"}, Author.UNKNOWN),
        (None, Author.UNKNOWN),
    ],
)
def test_everybody_but_the_customer_is_of_our_side(sender: Any, author: Author) -> None:
    """A person, a robot, or nobody knows: never a customer."""
    message = parsed(**{"from": sender})
    assert message is not None
    assert (message.author, message.outgoing) == (author, True)
    assert message.chat.contact_id is None


def test_what_was_written_in_the_messenger_can_be_said_to_be_a_robot_s() -> None:
    """Where the company's messenger sends texts by itself."""
    options = RetailcrmOptions(mg_url="https://mg.test", messenger_writer=Writer.BOT)
    given: dict[str, Any] = {"from": {"id": 3, "type": "channel"}}
    message = parsed(options, **given)
    assert message is not None
    assert message.author is Author.BOT


def test_a_note_for_colleagues_is_nothing_that_was_said() -> None:
    """Neither the customer's nor a takeover."""
    given: dict[str, Any] = {"from": PERSON}
    assert parsed(scope="private", **given) is None


@pytest.mark.parametrize("action", ["dialog_assign", "user_joined"])
def test_a_dialog_that_a_person_takes_is_a_takeover_without_words(action: str) -> None:
    """An employee's message with an empty text and the event's own id."""
    who = {"id": 8, "type": "user", "name": "Олег"}
    given: dict[str, Any] = {"from": None}
    message = parsed(type="system", action=action, responsible=who, content=None, **given)
    assert message is not None
    assert (message.author, message.outgoing, message.text, message.id) == (Author.EMPLOYEE, True, "", "501")
    assert message.author_name == "Олег"


@pytest.mark.parametrize(
    "changes",
    [
        {"action": "dialog_assign", "responsible": {"id": 4, "type": "bot"}},
        {"action": "dialog_opened"},
        {"action": "dialog_closed"},
        {"action": "dialog_unassign"},
        {"action": "dialog_assign"},
    ],
)
def test_what_else_happens_to_a_dialog_is_no_takeover(changes: dict[str, Any]) -> None:
    """The bot itself, opening and closing, an assignment to nobody."""
    assert parsed(type="system", content=None, **{"from": None, **changes}) is None


def test_an_assignment_can_be_said_to_be_no_takeover() -> None:
    """Where the account's rules give every dialog to a person at once."""
    options = RetailcrmOptions(mg_url="https://mg.test", assignment_is_takeover=False)
    assert parsed(options, type="system", action="dialog_assign", responsible={"id": 8, "type": "user"}) is None


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("image", AttachmentKind.PICTURE), ("audio", AttachmentKind.VOICE), ("file", AttachmentKind.FILE)],
)
def test_files_are_named_by_kind_and_have_no_link(kind: str, expected: AttachmentKind) -> None:
    """The list shows ids only; a link would be temporary."""
    message = parsed(type=kind, content=None, items=[{"id": "u-1", "kind": kind, "caption": "План"}])
    assert message is not None
    assert [(each.kind, each.url, each.file_name) for each in message.attachments] == [(expected, None, "План")]


def test_a_recording_that_the_crm_wrote_down_is_read() -> None:
    """The words are the message's text."""
    message = parsed(type="audio", content=None, items=[{"id": "u", "kind": "audio", "transcription": "Три окна"}])
    assert message is not None
    assert message.text == "Три окна"


@pytest.mark.parametrize(
    "changes",
    [{"id": None}, {"id": 0}, {"id": "x"}, {"chat_id": None}, {"content": "  "}, {"content": None}, {"content": 5e400}],
)
def test_a_message_without_id_chat_or_content_is_left_out(changes: dict[str, Any]) -> None:
    """Nothing to answer, nowhere to answer to."""
    assert parsed(**changes) is None


@pytest.mark.parametrize("time", [None, "", "yesterday", 5, "2099-01-01T00:00:00Z"])
def test_a_time_that_is_garbage_or_ahead_is_now(time: Any) -> None:
    """The CRM's clock only orders the prompt."""
    message = parsed(time=time)
    assert message is not None
    assert message.sent_at == NOW


def test_a_time_with_a_zone_is_the_same_instant() -> None:
    """The vendor's pages show both."""
    message = parsed(time="2026-11-02T14:00:00+03:00")
    assert message is not None
    assert message.sent_at == NOW - timedelta(hours=1)


@pytest.mark.parametrize("name", ["from", "dialog", "items", "chat", "responsible", "product", "note"])
@pytest.mark.parametrize("value", [None, 5, "x", [], {}, [5], {"id": {}}])
def test_nothing_of_another_shape_is_a_crash(name: str, value: Any) -> None:
    """Whatever stands there, it is a message or none."""
    message = parsed(**{name: value})
    assert message is None or message.id == "501"
