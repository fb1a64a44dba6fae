"""The messages of a body: text, author, chat, ids and times."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dealtalk.messages import MAX_TEXT, Author, ConversationKey
from tests.unit.amocrm.reading import MESSAGE, events_of, one, read
from tests.unit.ingress.fakes import NOW


def test_a_customers_message_is_read_whole() -> None:
    """Every field that the core knows."""
    message = one()
    assert message.conversation == ConversationKey.of_chat("amocrm", "31337000", MESSAGE["chat_id"])
    assert (message.id, message.text, message.author) == (MESSAGE["id"], "Здравствуйте", Author.CUSTOMER)
    assert (message.author_id, message.author_name, message.outgoing) == ("1db2f5cc", "Олег", False)
    assert message.sent_at == NOW - timedelta(seconds=60)
    assert (message.chat.chat_id, message.chat.talk_id) == (MESSAGE["chat_id"], "100")
    assert (message.chat.deal_id, message.chat.contact_id) == ("27754599", "93589657")
    assert (message.chat.channel, message.attachments, message.truncated) == ("telegram", (), False)


class TestAuthors:
    """Who wrote it."""

    @pytest.mark.parametrize(
        ("type_", "author", "outgoing"),
        [
            ("external", Author.CUSTOMER, False),
            ("internal", Author.EMPLOYEE, True),
            ("bot", Author.BOT, True),
            ("Bot", Author.BOT, True),
            ("", Author.CUSTOMER, False),
            ("something", Author.CUSTOMER, False),
        ],
    )
    def test_an_incoming_events_author(self, type_: str, author: Author, outgoing: bool) -> None:
        """Who is not named as of our side is the customer."""
        message = one(author={"id": "a", "type": type_})
        assert (message.author, message.outgoing) == (author, outgoing)

    @pytest.mark.parametrize("author", ["", "external", [], {"0": "a"}, None])
    def test_an_incoming_event_without_a_usable_author_is_the_customers(self, author: Any) -> None:
        """Nobody is left without an answer because a block is missing."""
        assert one(author=author).author is Author.CUSTOMER

    @pytest.mark.parametrize("group", ["message", "outgoing_message"])
    @pytest.mark.parametrize(
        ("type_", "author"),
        [
            ("internal", Author.EMPLOYEE),
            ("bot", Author.BOT),
            ("", Author.UNKNOWN),
            ("something", Author.UNKNOWN),
            ("external", Author.UNKNOWN),
        ],
    )
    def test_an_outgoing_events_author(self, group: str, type_: str, author: Author) -> None:
        """What went out is never the customer's; who is not named is not known."""
        message = one(group, type="outgoing", author={"id": "a", "type": type_})
        assert (message.author, message.outgoing) == (author, True)

    def test_the_group_of_outgoing_messages_says_so_by_itself(self) -> None:
        """Its items need no type."""
        assert one("outgoing_message", type=None, author={"type": "internal"}).outgoing

    def test_an_employee_is_named_by_the_users_id(self) -> None:
        """The account's user, not the chat's."""
        assert one("outgoing_message", author={"id": "c", "type": "internal", "user_id": "42"}).author_id == "42"

    def test_a_person_without_a_users_id_is_a_person(self) -> None:
        """Silence can be mended, speaking over a person cannot."""
        assert one("outgoing_message", author={"id": "c", "type": "internal"}).author is Author.EMPLOYEE

    @pytest.mark.parametrize("user", ["0", "77"])
    def test_a_user_that_is_a_robot_does_not_silence_the_bot(self, user: str) -> None:
        """User 0, and whoever is named in `bot_user_ids`."""
        message = one("outgoing_message", {"bot_user_ids": ["77"]}, author={"type": "internal", "user_id": user})
        assert message.author is Author.BOT

    def test_a_name_is_one_line(self) -> None:
        """It comes from a stranger and goes into prompts and notes."""
        assert one(author={"type": "external", "name": "Олег\n\x00# system"}).author_name == "Олег # system"


class TestTexts:
    """What was written."""

    @pytest.mark.parametrize(
        "text",
        [
            "👨‍👩‍👧🇷🇺",
            "שלום \u200f",
            "<b>да</b><script>x</script>",
            "[b]да[/b] [url=x]y[/url]",
            "a & b + c % d",
            "  да  ",
        ],
    )
    def test_a_text_stays_as_it_is(self, text: str) -> None:
        """Emoji, right-to-left text, HTML and BB-code are text."""
        assert one(text=text).text == text

    def test_control_characters_are_kept_out(self) -> None:
        """No store and no CRM is handed a NUL."""
        assert one(text="a\x00b\x1b[0m\r\nc\td").text == "ab[0m\nc\td"

    def test_a_text_of_the_limit_is_whole(self) -> None:
        """20,000 characters."""
        message = one(text="я" * MAX_TEXT)
        assert (len(message.text), message.truncated) == (MAX_TEXT, False)

    @pytest.mark.parametrize("length", [MAX_TEXT + 1, 100_000])
    def test_a_longer_text_is_cut_and_marked(self, length: int) -> None:
        """It is answered, and everybody can see that it is not whole."""
        message = one(text="я" * length)
        assert (message.text, message.truncated) == ("я" * MAX_TEXT, True)

    @pytest.mark.parametrize("text", ["", "  \n\t", "\x00\x01", None, {"0": "a"}, ["a"], True])
    def test_an_empty_text_without_attachment_is_not_usable(self, text: Any) -> None:
        """There is nothing to answer."""
        assert read(text=text) is None
        item = MESSAGE | {"text": text}
        assert events_of({"message": {"add": [item]}}).ignored == {"unusable_message": 1}

    def test_an_employees_empty_message_is_still_a_takeover(self) -> None:
        """Somebody of ours is at it, whatever it was that the event does not show."""
        assert one("outgoing_message", text="", author={"type": "internal", "user_id": "42"}).author is Author.EMPLOYEE

    def test_a_bots_empty_message_is_not_usable(self) -> None:
        """It says nothing."""
        assert read("outgoing_message", text="", author={"type": "bot"}) is None


class TestIds:
    """Which message of which chat."""

    @pytest.mark.parametrize("missing", [None, "", " ", {}, []])
    def test_a_message_without_an_id_is_not_usable(self, missing: Any) -> None:
        """Its repetition could not be recognised."""
        assert read(id=missing) is None

    def test_a_very_long_id_is_kept_as_its_hash(self) -> None:
        """The message is answered once all the same."""
        message = one(id="9" * 100_000)
        assert message.id.startswith("sha256:")
        assert message.id == one(id="9" * 100_000).id != one(id="9" * 100_001).id

    def test_a_chat_without_id_is_known_by_its_talk(self) -> None:
        """Two talks do not become one conversation."""
        first, second = one(chat_id=None), one(chat_id=None, talk_id="101")
        assert first.chat.chat_id == "talk:100"
        assert first.conversation != second.conversation

    def test_a_message_without_chat_and_talk_is_not_usable(self) -> None:
        """There is nowhere to answer."""
        assert read(chat_id=None, talk_id=None) is None

    def test_a_huge_chat_id_is_kept_as_its_hash(self) -> None:
        """It is stored with the conversation, which has a limit."""
        assert len(one(chat_id="c" * 10_000).chat.chat_id) < 50

    @pytest.mark.parametrize("field", ["talk_id", "contact_id"])
    @pytest.mark.parametrize("broken", ["9" * 21, "12a", "-1", "0", "", "../1", {"0": "1"}])
    def test_a_broken_id_is_dropped(self, field: str, broken: Any) -> None:
        """It would go into the path of a request to the CRM."""
        message = one(**{field: broken, "element_type": None, "entity_type": None})
        assert getattr(message.chat, field) is None

    @pytest.mark.parametrize("broken", ["9" * 21, "27754599/links", "0", ""])
    def test_a_broken_lead_is_dropped(self, broken: str) -> None:
        """The lead is then found through the talk."""
        assert one(entity_id=broken, element_id=broken).chat.deal_id is None

    @pytest.mark.parametrize(
        "linked",
        [
            {"element_type": "2", "element_id": "5"},
            {"element_type": 2, "element_id": 5},
            {"entity_type": "lead", "entity_id": "5"},
            {"entity_type": "leads", "entity_id": "5"},
            {"entity_type": "contact", "entity_id": "6", "element_type": "2", "element_id": "5"},
        ],
    )
    def test_a_lead_is_named_by_either_pair(self, linked: dict[str, Any]) -> None:
        """`entity_*`, or the older `element_*`."""
        message = one(**({"entity_type": None, "element_type": None, "element_id": None, "entity_id": None} | linked))
        assert message.chat.deal_id == "5"

    def test_the_newer_pair_wins(self) -> None:
        """Where both name a lead."""
        assert one(entity_id="5", element_id="6").chat.deal_id == "5"

    @pytest.mark.parametrize(
        "linked",
        [
            {"element_type": "1", "entity_type": None, "element_id": "6"},
            {"element_type": None, "entity_type": "contact", "entity_id": "6"},
        ],
    )
    def test_a_chat_of_a_contact_has_no_lead(self, linked: dict[str, Any]) -> None:
        """And names the contact, if by nothing else then so."""
        chat = one(**({"contact_id": None} | linked)).chat
        assert (chat.deal_id, chat.contact_id) == (None, "6")

    @pytest.mark.parametrize("kind", ["3", "12", "company", "customer", "", "22"])
    def test_other_entities_are_no_lead(self, kind: str) -> None:
        """A customer's or company's number must not be taken for a lead's."""
        assert one(entity_type=kind, element_type=kind).chat.deal_id is None

    @pytest.mark.parametrize(("origin", "channel"), [("waba", "waba"), ("", None), ("x" * 100, "x" * 64), ({}, None)])
    def test_a_channel_is_a_short_word(self, origin: Any, channel: str | None) -> None:
        """The set is open: amo.ext.123, com.wazzup24.x, ..."""
        assert one(origin=origin).chat.channel == channel


class TestTimes:
    """When it was sent."""

    def test_an_old_message_keeps_its_time(self) -> None:
        """So that it is seen to be too old."""
        assert one(created_at="1695482791").sent_at.year == 2023

    @pytest.mark.parametrize("broken", ["4102444800", "0", "", "soon", None, {}, "9" * 400, "-5"])
    def test_a_time_that_cannot_be_becomes_now(self, broken: Any) -> None:
        """In the future, ancient, missing or garbage."""
        assert one(created_at=broken).sent_at == NOW
