"""The messages of a body: text, author, chat, attachments, ids and times."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dealtalk.crm.amocrm.inbound import parse
from dealtalk.ingress.events import ParsedEvents
from dealtalk.messages import MAX_TEXT, Attachment, AttachmentKind, Author, ConversationKey, InboundMessage
from tests.unit.ingress.fakes import NOW, connection

MESSAGE: dict[str, Any] = {
    "id": "a0ce13c7-4825-4ecc-9dc0-b35c49b86db4",
    "chat_id": "54caee02-e383-46d8-a9b7-1fb43f07cffe",
    "talk_id": "100",
    "contact_id": "93589657",
    "text": "Здравствуйте",
    "created_at": str(int(NOW.timestamp()) - 60),
    "element_type": "2",
    "element_id": "27754599",
    "entity_type": "lead",
    "entity_id": "27754599",
    "type": "incoming",
    "author": {"id": "1db2f5cc", "type": "external", "name": "Олег"},
    "origin": "telegram",
}


def events_of(payload: dict[str, Any], **options: Any) -> ParsedEvents:
    """Return what a body of account 31337000 says."""
    return parse(connection(options={"subdomain": "oknaufa"} | options), payload, NOW)


def read(group: str = "message", options: dict[str, Any] | None = None, **changes: Any) -> InboundMessage | None:
    """Return the message of a body with one event; `changes` replaces its fields, None leaves one out."""
    item = {name: value for name, value in (MESSAGE | changes).items() if value is not None}
    messages = events_of({group: {"add": {"0": item}}}, **(options or {})).messages
    return messages[0] if messages else None


def one(group: str = "message", options: dict[str, Any] | None = None, **changes: Any) -> InboundMessage:
    """Return the message, which must be there."""
    message = read(group, options, **changes)
    assert message is not None
    return message


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


class TestAttachments:
    """What it carries besides text."""

    LINK = "https://amojo.amocrm.ru/attachments/8d5f/voice.ogg"

    @pytest.mark.parametrize("kind", list(AttachmentKind))
    def test_the_messages_type_names_the_kind(self, kind: AttachmentKind) -> None:
        """As Kommo has it since July 2026."""
        message = one(
            text="", message_type=kind.value, attachment={"type": "file", "link": self.LINK, "file_name": "v"}
        )
        assert message.attachments == (Attachment(kind, self.LINK, "v"),)

    @pytest.mark.parametrize(
        ("type_", "kind"),
        [
            ("voice", AttachmentKind.VOICE),
            ("picture", AttachmentKind.PICTURE),
            ("image", AttachmentKind.PICTURE),
            ("document", AttachmentKind.FILE),
            ("hologram", AttachmentKind.FILE),
            ("", AttachmentKind.FILE),
        ],
    )
    def test_else_the_attachments_type_does(self, type_: str, kind: AttachmentKind) -> None:
        """As on amocrm.ru; what nobody knows is a file."""
        assert one(text="", attachment={"type": type_, "link": self.LINK}).attachments[0].kind is kind

    @pytest.mark.parametrize(
        "attachment", [{"type": "", "link": "", "file_name": ""}, "", [], None, "picture", {"0": ""}, {}]
    )
    def test_an_empty_attachment_is_none(self, attachment: Any) -> None:
        """Old accounts post empty fields with every text."""
        assert one(attachment=attachment).attachments == ()

    @pytest.mark.parametrize(
        ("message_type", "kind"),
        [
            ("location", AttachmentKind.LOCATION),
            ("sticker", AttachmentKind.STICKER),
            ("story_reply", AttachmentKind.FILE),
        ],
    )
    def test_a_kind_without_a_file_counts(self, message_type: str, kind: AttachmentKind) -> None:
        """A customer who sent a place or something new gets an answer, not silence."""
        assert one(text="", message_type=message_type).attachments == (Attachment(kind),)

    @pytest.mark.parametrize(
        "url",
        [
            "https://amojo.amocrm.ru/attachments/a.ogg",
            "https://amojo.kommo.com/attachments/a%20b.ogg?x=1",
            "https://drive-b.kommo.com/download/1",
            "https://oknaufa.amocrm.ru/x",
            "https://NAME.amocrm.com/x",
            "https://amojo.amocrm.ru:443/x",
        ],
    )
    def test_a_link_to_the_vendors_hosts_is_kept(self, url: str) -> None:
        """amoCRM's, Kommo's and their file stores."""
        assert one(attachment={"type": "voice", "link": url}).attachments[0].url == url

    @pytest.mark.parametrize(
        "url",
        [
            "http://amojo.amocrm.ru/a",
            "https://evil.example/a",
            "https://amocrm.ru.evil.example/a",
            "https://evilamocrm.ru/a",
            "https://amojo.amocrm.ru@evil.example/a",
            "https://user:pw@amojo.amocrm.ru/a",
            "https://evil.example\\.amocrm.ru/a",
            "https://evil.example#.amocrm.ru/a",
            "https://evil.example/.amocrm.ru/a",
            "https://amojo.amocrm.ru:8080/a",
            "https://amojo.amocrm.ru/a\nb",
            "https://amojo.amocrm.ru/\ud83d",
            "https://amojo.amocrm.ru/" + "a" * 2048,
            "https://[::1]/a",
            "https://169.254.169.254/latest",
            "//amojo.amocrm.ru/a",
            "file:///etc/passwd",
            "javascript:alert(1)",
        ],
    )
    def test_any_other_link_is_dropped_and_the_attachment_kept(self, url: str) -> None:
        """Whoever follows the link later must not be led to a stranger's host."""
        assert one(attachment={"type": "voice", "link": url}).attachments == (Attachment(AttachmentKind.VOICE),)

    def test_several_attachments_are_kept_up_to_ten(self) -> None:
        """A message stays small enough to be stored."""
        many = {str(number): {"type": "picture", "link": self.LINK} for number in range(50)}
        assert len(one(attachment=many).attachments) == 10


class TestBodies:
    """Several events, groups and formats."""

    @pytest.mark.parametrize(
        "payload",
        [
            {"message": {"add": {"0": MESSAGE}}},
            {"message": {"add": [MESSAGE]}},
            {"message": {"add": MESSAGE}},
            {"add": {"0": MESSAGE}},
            {"add": [MESSAGE]},
            {"account": {"id": "31337000"}, "add": [MESSAGE]},
            {"message": {"add": {"7": MESSAGE}}, "account": {"id": "31337000"}},
        ],
    )
    def test_one_message_in_every_wrapping(self, payload: dict[str, Any]) -> None:
        """Wrapped or bare, a list or numbered, the account's block before or after."""
        assert events_of(payload) == ParsedEvents((one(),), {})

    def test_messages_keep_the_order_in_which_they_stand(self) -> None:
        """Arrival decides, not numbers."""
        items = {"1": MESSAGE | {"id": "b"}, "0": MESSAGE | {"id": "a"}}
        assert [message.id for message in events_of({"message": {"add": items}}).messages] == ["b", "a"]

    def test_a_bad_item_does_not_lose_the_good_ones(self) -> None:
        """Each stands for itself."""
        events = events_of({"message": {"add": [MESSAGE, "x", {}, None, MESSAGE | {"id": "b"}]}})
        assert [message.id for message in events.messages] == [MESSAGE["id"], "b"]
        assert events.ignored == {"unusable_message": 3}

    def test_a_message_that_comes_twice_in_a_body_is_one(self) -> None:
        """Wrapped and bare, or repeated: it is stored in one transaction."""
        events = events_of({"message": {"add": [MESSAGE, MESSAGE]}, "add": [MESSAGE]})
        assert len(events.messages) == 1
        assert events.ignored == {"repeated_message": 2}

    def test_incoming_and_outgoing_messages_of_one_body_are_all_read(self) -> None:
        """Groups may come together."""
        told = MESSAGE | {"id": "b", "author": {"type": "internal", "user_id": "42"}}
        events = events_of({"message": {"add": [MESSAGE]}, "outgoing_message": {"add": [told]}})
        assert [message.author for message in events.messages] == [Author.CUSTOMER, Author.EMPLOYEE]

    @pytest.mark.parametrize(
        ("payload", "ignored"),
        [
            ({"leads": {"status": {"0": {"id": "1"}}, "update": {"0": {}, "1": {}}}}, {"leads": 3}),
            ({"talk": {"update": {"0": {"talk_id": "1"}}}}, {"talk": 1}),
            ({"contacts": {"add": [{"id": "1"}]}}, {"contacts": 1}),
            ({"unsorted": {"add": [{"lead_id": "1"}]}}, {"unsorted": 1}),
            ({"message": {"update": {"0": MESSAGE}}}, {"message_update": 1}),
            ({"message": {"delete": [MESSAGE, MESSAGE]}}, {"message_delete": 2}),
            ({"outgoing_message": {"update": [MESSAGE]}}, {"message_update": 1}),
            ({"message": {"react": [MESSAGE]}}, {"unknown_event": 1}),
            ({"something": {"add": [{}]}, "else": "1"}, {"unknown_event": 2}),
            ({"+79170000000": "1"}, {"unknown_event": 1}),
            ({"message": "text"}, {"unusable_message": 1}),
            ({"message": {"add": "text"}}, {"unusable_message": 1}),
            ({"message": None}, {"unusable_message": 1}),
            ({"message": {"add": []}}, {"empty": 1}),
            ({"account": {"id": "31337000"}}, {"empty": 1}),
            ({}, {"empty": 1}),
        ],
    )
    def test_what_is_not_ours_is_counted_by_a_fixed_word(
        self, payload: dict[str, Any], ignored: dict[str, int]
    ) -> None:
        """No word of the body becomes a metric's or a log's."""
        assert events_of(payload) == ParsedEvents((), ignored)


class TestMovedTalksAndUnsortedLeads:
    """Which lead a message belongs to."""

    CONTACT_ONLY = MESSAGE | {"entity_type": "contact", "element_type": "1", "entity_id": "93589657"}

    def leads(self, messages: list[dict[str, Any]], unsorted: list[dict[str, Any]]) -> list[str | None]:
        """Return the leads of the messages of a body with these unsorted items."""
        events = events_of({"message": {"add": messages}, "unsorted": {"add": unsorted}})
        return [message.chat.deal_id for message in events.messages]

    def test_each_message_carries_the_lead_that_it_names(self) -> None:
        """A talk that moved: the newest message's ids count, and it has its own."""
        moved = MESSAGE | {"id": "b", "entity_id": "5", "element_id": "5"}
        assert self.leads([MESSAGE, moved], []) == ["27754599", "5"]

    @pytest.mark.parametrize(
        "named",
        [
            {"contact_id": "93589657"},
            {"talk_id": "100"},
            {"chat_id": MESSAGE["chat_id"]},
            {"data": {"contacts": {"0": {"id": "93589657"}}}},
            {"data": {"contacts": [{"id": 93589657}]}},
            {},
        ],
    )
    def test_an_unsorted_item_of_the_same_chat_names_the_lead(self, named: dict[str, Any]) -> None:
        """By chat, talk or contact; or, naming none, since there is but one chat."""
        assert self.leads([self.CONTACT_ONLY], [{"lead_id": "5"} | named]) == ["5"]

    @pytest.mark.parametrize(
        "named",
        [
            {"contact_id": "1"},
            {"talk_id": "1"},
            {"chat_id": "other"},
            {"contact_id": "93589657", "talk_id": "1"},
        ],
    )
    def test_an_unsorted_item_of_another_chat_does_not(self, named: dict[str, Any]) -> None:
        """One id that differs is enough."""
        assert self.leads([self.CONTACT_ONLY], [{"lead_id": "5"} | named]) == [None]

    def test_an_unsorted_item_does_not_replace_a_lead_that_is_named(self) -> None:
        """It is a hint, no more."""
        assert self.leads([MESSAGE], [{"lead_id": "5"}]) == ["27754599"]

    def test_two_leads_are_no_hint(self) -> None:
        """Nobody can say which."""
        assert self.leads([self.CONTACT_ONLY], [{"lead_id": "5"}, {"lead_id": "6"}]) == [None]

    def test_the_same_lead_twice_is_one(self) -> None:
        """Two items of one lead."""
        assert self.leads([self.CONTACT_ONLY], [{"lead_id": "5"}, {"lead_id": "5"}]) == ["5"]

    def test_an_item_that_names_nobody_is_no_hint_among_several_chats(self) -> None:
        """It could be either's."""
        other = self.CONTACT_ONLY | {"id": "b", "chat_id": "other"}
        assert self.leads([self.CONTACT_ONLY, other], [{"lead_id": "5"}]) == [None, None]

    @pytest.mark.parametrize(
        "broken", ["", "x", {}, {"add": "x"}, {"add": {"0": "x"}}, {"add": [{"lead_id": "x"}]}, []]
    )
    def test_broken_unsorted_items_are_no_hint(self, broken: Any) -> None:
        """And no crash."""
        events = events_of({"message": {"add": [self.CONTACT_ONLY]}, "unsorted": broken})
        assert events.messages[0].chat.deal_id is None
