"""The message of an event, in both formats: text, author, chat, deal, files, and what is left alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from dealtalk.crm.bitrix24.inbound import parse, read_fetched
from dealtalk.ingress.body import decode_body
from dealtalk.messages import MAX_TEXT, AttachmentKind, Author, ConversationKey, InboundMessage
from events import bitrix24
from tests.unit.bitrix24.test_inbound_authenticate import portal
from tests.unit.ingress.fakes import NOW

if TYPE_CHECKING:
    from dealtalk.ingress.events import ParsedEvents

LATER = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def events_of(body: dict[str, Any], **options: Any) -> ParsedEvents:
    """Return what a body says, posted as it is on the wire."""
    return parse(portal(**options), decode_body(bitrix24.form(body).encode()), LATER)


def one(body: dict[str, Any], **options: Any) -> InboundMessage:
    """Return the only message of a body."""
    [message] = events_of(body, **options).messages
    return message


def either(number: int, text: str, **v1_and_v2: Any) -> list[dict[str, Any]]:
    """Return the same message in both formats; `v1` and `v2` are their changes."""
    return [bitrix24.v1(number, text, **v1_and_v2.get("v1", {})), bitrix24.v2(number, text, **v1_and_v2.get("v2", {}))]


@pytest.mark.parametrize("body", either(370, "Сколько стоит окно & +7 917?"))
def test_a_customers_message_is_read_whole(body: dict[str, Any]) -> None:
    """Every field that the core knows, the same in both formats."""
    message = one(body)

    assert message.conversation == ConversationKey.of_chat("bitrix24", bitrix24.DOMAIN, bitrix24.CHAT)
    assert (message.id, message.text) == ("370", "Сколько стоит окно & +7 917?")
    assert (message.author, message.outgoing) == (Author.CUSTOMER, False)
    assert (message.author_id, message.author_name) == (bitrix24.GUEST, "Олег")
    assert message.sent_at == datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
    assert (message.chat.chat_id, message.chat.talk_id) == (bitrix24.CHAT, bitrix24.SESSION)
    assert (message.chat.deal_id, message.chat.contact_id) == (bitrix24.DEAL, "151")
    assert (message.chat.channel, message.attachments, message.truncated) == ("telegrambot", (), False)


def test_zero_as_a_text_is_false() -> None:
    """A text that says 0 would be true in Python: then no customer would ever be answered."""
    assert one(bitrix24.v2(1, "а", isSystem="0")).author is Author.CUSTOMER


@pytest.mark.parametrize(
    "body",
    [
        bitrix24.v2(1, "Это Марина", bitrix24.OPERATOR_2),
        bitrix24.v1(
            1,
            "Это Марина",
            user={"ID": "3", "IS_CONNECTOR": "N", "IS_EXTRANET": "N"},
            FROM_USER_ID="3",
            AUTHOR_ID="3",
        ),
    ],
)
def test_an_operator_s_message_is_an_employee_s(body: dict[str, Any]) -> None:
    """It takes the chat over."""
    message = one(body)

    assert (message.author, message.outgoing, message.author_id) == (Author.EMPLOYEE, True, "3")


@pytest.mark.parametrize("author", ["980", bitrix24.BOT])
def test_a_bot_s_message_is_a_bot_s(author: str) -> None:
    """Another bot's, and our own if it ever came back."""
    assert one(bitrix24.v2(1, "Автоответ", bitrix24.person(author, "Бот", "bot"))).author is Author.BOT


def test_an_author_without_a_word_is_known_by_the_chat_s_own_id() -> None:
    """The last part of the entity id is the customer's connector user."""
    body = bitrix24.v1(1, "привет")
    del body["data"]["USER"]
    assert one(body).author is Author.CUSTOMER

    body["data"]["PARAMS"]["FROM_USER_ID"] = "3"
    assert one(body).author is Author.EMPLOYEE


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (bitrix24.v1(1, "x", SYSTEM="Y"), "system_message"),
        (bitrix24.v2(1, "x", isSystem="1"), "system_message"),
        (bitrix24.v2(1, "x", authorId="0"), "system_message"),
        (bitrix24.v1(1, "x", CHAT_ENTITY_TYPE="CRM", CHAT_ENTITY_ID="DEAL|2064"), "not_an_open_line"),
        (bitrix24.v1(1, "x", CHAT_ENTITY_TYPE="TASKS_TASK"), "not_an_open_line"),
        (bitrix24.v2(1, "x", entityType=""), "not_an_open_line"),
        (bitrix24.v1(1, "=== SYSTEM WZ ===\nДоставлено"), "system_message"),
        (bitrix24.v2(1, "x", event="MESSAGEUPDATE"), "message_update"),
        (bitrix24.v1(1, "x", event="MESSAGEDELETE"), "message_delete"),
        (bitrix24.joined(1), "join_chat"),
        (bitrix24.joined(2), "join_chat"),
        (bitrix24.removed(1), "bot_deleted"),
        (bitrix24.removed(2), "bot_deleted"),
        (bitrix24.v2(1, "x", event="REACTIONCHANGE"), "reaction"),
        (bitrix24.v2(1, "/help", event="COMMANDADD"), "command"),
        ({"event": "ONAPPINSTALL", "data": {"VERSION": "1"}}, "app_install"),
        ({"event": "ONCRMDEALUPDATE", "data": {"FIELDS": {"ID": "7"}}}, "unknown_event"),
        (bitrix24.v2(1, ""), "unusable_message"),
        (bitrix24.v1(1, "x", MESSAGE_ID="0"), "unusable_message"),
    ],
)
def test_what_is_not_ours_to_answer_is_counted_by_kind(body: dict[str, Any], kind: str) -> None:
    """And brings no message."""
    events = events_of(body)

    assert (events.messages, dict(events.ignored)) == ((), {kind: 1})


def test_a_connector_s_echo_of_the_company_s_own_phone_is_a_person_s() -> None:
    """Wazzup posts it in the customer's name; to answer it would be to answer ourselves."""
    message = one(bitrix24.v1(1, "=== Исходящее сообщение, автор: Марина ===\nПерезвоню через час"))

    assert (message.author, message.outgoing, message.text) == (Author.EMPLOYEE, True, "Перезвоню через час")


@pytest.mark.parametrize("body", either(5, "А подоконник?", v1={"CHAT_AUTHOR_ID": "3"}, v2={"owner": "3"}))
def test_a_dialog_that_an_operator_took_is_told_before_the_customer_s_message(body: dict[str, Any]) -> None:
    """An employee's empty message whose id stays the same as long as that operator has the dialog."""
    taken, message = events_of(body).messages

    assert (taken.author, taken.text, taken.outgoing) == (Author.EMPLOYEE, "", True)
    assert taken.id == f"owner:{bitrix24.SESSION}:3"
    assert (message.author, message.id) == (Author.CUSTOMER, "5")


@pytest.mark.parametrize("owner", ["0", "", bitrix24.BOT, None])
def test_a_dialog_of_nobody_or_of_the_bot_is_free(owner: str | None) -> None:
    """What stands there while the bot leads is not documented: nothing, and the bot's own id, are both free."""
    assert len(events_of(bitrix24.v2(1, "а", owner=owner)).messages) == 1


def test_the_owner_s_sign_can_be_switched_off() -> None:
    """A portal may name its queue's first person there."""
    assert len(events_of(bitrix24.v2(1, "а", owner="3"), owner_leads="0").messages) == 1


def test_the_deal_comes_from_the_pairs_and_not_from_the_main_item() -> None:
    """The first string names only the main item, which may be the lead."""
    body = bitrix24.v1(
        1,
        "а",
        CHAT_ENTITY_DATA_1="Y|LEAD|17|N|N|3|1678008993|0|0|0",
        CHAT_ENTITY_DATA_2="LEAD|17|COMPANY|0|CONTACT|5|DEAL|7",
    )

    assert one(body).chat.deal_id == "7"


def test_without_pairs_the_main_item_is_taken() -> None:
    """The second string may be empty."""
    body = bitrix24.v1(1, "а", CHAT_ENTITY_DATA_1="Y|DEAL|3|N|N|3|1678008993|0|0|0", CHAT_ENTITY_DATA_2="")

    assert one(body).chat.deal_id == "3"


def test_a_lead_counts_as_a_deal_only_where_leads_are_worked_with() -> None:
    """Its id is told from a deal's by a letter."""
    body = bitrix24.v1(
        1,
        "а",
        CHAT_ENTITY_DATA_1="Y|LEAD|17|N|N|3|1678008993|0|0|0",
        CHAT_ENTITY_DATA_2="LEAD|17|COMPANY|0|CONTACT|0|DEAL|0",
    )

    assert (one(body).chat.deal_id, one(body).chat.route) == (None, "L17")
    assert one(body, lead_pipeline="Лиды").chat.deal_id == "L17"


def test_missing_strings_leave_the_chat_without_deal_and_session() -> None:
    """The responder asks the CRM then."""
    chat = one(bitrix24.v2(1, "а", entityData1=None, entityData2=None)).chat

    assert (chat.chat_id, chat.talk_id, chat.deal_id) == (bitrix24.CHAT, None, None)


def test_an_external_id_may_hold_bars() -> None:
    """The connector is the first part and the customer the last, whatever stands between."""
    body = bitrix24.v1(1, "а", CHAT_ENTITY_ID=f"wz_whatsapp|1|a|b|c|{bitrix24.GUEST}")

    assert one(body).chat.channel == "wz_whatsapp"


def test_files_are_kept_as_attachments_without_a_stranger_s_link() -> None:
    """A link leads to the portal or is dropped; the kind is known by the name."""
    own, strange = f"https://{bitrix24.DOMAIN}/disk/1/", "https://evil.test/1/"
    files = {
        "77": {"id": "77", "name": "окно.jpg", "type": "image", "urlShow": own},
        "78": {"id": "78", "name": "голос.ogg", "type": "file", "urlShow": strange},
    }
    first, second = one(bitrix24.v1(1, "", FILES=files)).attachments

    assert (first.kind, first.url, first.file_name) == (AttachmentKind.PICTURE, own, "окно.jpg")
    assert (second.kind, second.url) == (AttachmentKind.VOICE, None)


@pytest.mark.parametrize("params", [{"FILE_ID": {"0": "77"}}, {"files": {"0": {"id": "77"}}}, {"fileId": "77"}])
def test_bare_file_ids_of_version_2_are_files(params: dict[str, Any]) -> None:
    """The documents show no example: all shapes that were seen are read."""
    [attachment] = one(bitrix24.v2(1, "", params=params)).attachments

    assert attachment.kind is AttachmentKind.FILE


def test_a_disk_tag_is_a_file_and_no_text() -> None:
    """Some connectors write files so."""
    message = one(bitrix24.v2(1, "смотрите [disk=77]"))

    assert (message.text, len(message.attachments)) == ("смотрите", 1)


def test_a_text_that_was_cut_is_marked() -> None:
    """By us, or by the vendor after 20,000 characters."""
    assert one(bitrix24.v2(1, "а" * (MAX_TEXT + 1))).truncated
    assert one(bitrix24.v2(1, "а" * 20_000 + " (...)")).truncated


def test_a_fetched_event_is_read_like_a_posted_one() -> None:
    """The same message has the same id, however it came."""
    body = bitrix24.v2(370, "привет")
    fetched = {"eventId": 1, "type": body["event"], "date": "2026-11-22T10:00:00+03:00", "data": body["data"]}

    assert read_fetched(portal(), fetched, NOW).messages[0].id == one(body).id
