"""Chats, conversations and their lines: what is said, and what subscribers are told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.simulators.amocrm import leads
from local.simulators.amocrm.entities import (
    INCOMING_STAGE,
    Actor,
    Author,
    Chat,
    ChatLine,
    Contact,
    HookEvent,
    Lead,
    Talk,
)

if TYPE_CHECKING:
    import threading

    from local.simulators.amocrm.entities import Json
    from local.simulators.amocrm.state import Account

ELEMENT_CONTACT = 1
ELEMENT_LEAD = 2


def open_chat(
    account: Account, *, contact_name: str, origin: str, kind: str = "lead", lead_name: str | None = None
) -> tuple[Chat, Lead | None]:
    """Open a customer's chat: `lead` with a deal, `unsorted` with a deal in the incoming stage, `contact` without."""
    responsible = next(u.id for u in account.users.values() if u.is_active and not u.is_free)
    contact = Contact(account.new_id("contact"), contact_name, responsible, account.now(), amojo_id=account.new_uuid())
    account.contacts[contact.id] = contact
    lead = None
    if kind != "contact":
        lead = new_lead(account, contact, lead_name or contact_name, incoming=kind == "unsorted")
    chat = Chat(account.new_uuid(), contact.id, origin, account.new_id("source"))
    if kind == "unsorted":
        chat.unsorted_uid = "".join(account.rng.choices("0123456789abcdef", k=60))
    account.chats[chat.id] = chat
    open_talk(account, chat, lead)
    return chat, lead


def new_lead(account: Account, contact: Contact, name: str, *, incoming: bool = False) -> Lead:
    """Create a lead of this contact in the main pipeline, in its incoming or its first own stage."""
    pipeline = next(p for p in account.pipelines.values() if p.is_main)
    stages = sorted(pipeline.statuses, key=lambda s: s.sort)
    stage = next(s for s in stages if (s.type == INCOMING_STAGE if incoming else s.is_editable))
    now = account.now()
    lead = Lead(account.new_id("lead"), name, pipeline.id, stage.id, contact.responsible_user_id, now, now)
    lead.contact_ids = [contact.id]
    account.leads[lead.id] = lead
    account.touch()
    account.emit(HookEvent("add_lead", "leads", "add", [leads.hook_item(account, lead)]))
    return lead


def open_talk(account: Account, chat: Chat, lead: Lead | None) -> Talk:
    """Open a new conversation in this chat."""
    now = account.now()
    talk = Talk(
        talk_id=account.new_id("talk"),
        chat_id=chat.id,
        contact_id=chat.contact_id,
        entity_id=lead.id if lead else None,
        entity_type="lead" if lead else None,
        origin=chat.origin,
        created_at=now,
        updated_at=now,
    )
    account.talks[talk.talk_id] = talk
    chat.talk_ids.append(talk.talk_id)
    account.touch()
    account.emit(HookEvent("add_talk", "talk", "add", [talk_item(account, talk)]))
    return talk


def current_talk(account: Account, chat_id: str) -> Talk:
    """Return the newest conversation of a chat."""
    return account.talks[account.chats[chat_id].talk_ids[-1]]


def talk_of_lead(account: Account, lead_id: int) -> Talk | None:
    """Return the newest open conversation about a lead."""
    mine = [t for t in account.talks.values() if t.entity_id == lead_id and t.entity_type == "lead" and t.is_in_work]
    return max(mine, key=lambda t: t.talk_id, default=None)


def move_talk(account: Account, chat_id: str, lead_id: int) -> Talk:
    """Tie a chat's conversation to another lead, as a manager does."""
    talk = current_talk(account, chat_id)
    talk.entity_id, talk.entity_type, talk.updated_at = lead_id, "lead", account.now()
    account.touch()
    account.emit(HookEvent("update_talk", "talk", "update", [talk_item(account, talk)]))
    return talk


def close_talk(account: Account, talk: Talk) -> None:
    """Close a conversation."""
    talk.is_in_work, talk.updated_at = False, account.now()
    account.touch()
    account.emit(HookEvent("update_talk", "talk", "update", [talk_item(account, talk)]))


def customer_line(
    account: Account, chat_id: str, text: str, attachment: Json | None = None, created_at: int | None = None
) -> ChatLine:
    """Write the customer's line; a closed conversation is followed by a new one. Nothing is sent to subscribers yet."""
    chat = account.chats[chat_id]
    talk = current_talk(account, chat_id)
    if not talk.is_in_work:
        talk = open_talk(account, chat, account.lead(talk.entity_id) if talk.entity_id else None)
    talk.is_read, talk.updated_at = False, account.now()
    contact = account.contacts[chat.contact_id]
    author = Author("external", contact.amojo_id, contact.name)
    line = _append(account, talk, author, text, attachment=attachment, outgoing=False)
    line.created_at = created_at or line.created_at
    return line


def outgoing_line(
    account: Account, talk: Talk, author: Author, text: str, via: str, attachment: Json | None = None
) -> tuple[ChatLine, threading.Event | None]:
    """Write a line of our side and tell the subscribers; the event is set when they were told."""
    line = _append(account, talk, author, text, attachment=attachment, outgoing=True)
    line.via = via
    talk.is_read, talk.updated_at = True, account.now()
    group = account.settings.outgoing_group
    code = "add_outgoing_message" if group == "outgoing_message" else "add_message"
    told = account.emit(HookEvent(code, group, "add", [message_item(account, line)]))
    return line, told


def announce(account: Account, lines: list[ChatLine]) -> None:
    """Tell the subscribers of customer lines, all in one body; a first unsorted chat also brings its unsorted group."""
    extra: Json = {}
    for line in lines:
        chat = account.chats[line.chat_id]
        if chat.unsorted_uid and chat.lines[0] is line:
            extra = {"unsorted": {"add": [unsorted_item(account, chat, line)]}}
    items = [message_item(account, line) for line in lines]
    account.emit(HookEvent("add_message", "message", "add", items, extra))


def employee_author(account: Account, user_id: int) -> Author:
    """Return a person as the author of a line."""
    user = account.users[user_id]
    return Author("internal", user.amojo_id, user.name, user.id)


def message_item(account: Account, line: ChatLine) -> Json:
    """Return a line as webhooks carry it (crm_platform/webhooks-format, Kommo's webhook reference)."""
    talk, settings = account.talks[line.talk_id], account.settings
    chat = account.chats[line.chat_id]
    item: Json = {"id": line.id, "chat_id": line.chat_id}
    if not settings.omit_talk_id:
        item["talk_id"] = talk.talk_id
    item |= {"contact_id": chat.contact_id, "text": line.text, "created_at": line.created_at}
    if settings.message_type:
        item["message_type"] = line.message_type
    if line.attachment is not None:
        item["attachment"] = line.attachment
    elif settings.empty_attachment:
        item["attachment"] = {"type": "", "link": "", "file_name": ""}
    if not chat.unsorted_uid:
        item |= _element(account, talk)
    item |= {"type": "outgoing" if line.outgoing else "incoming", "author": _author(line), "origin": chat.origin}
    if line.outgoing:
        contact = account.contacts[chat.contact_id]
        item["recipient"] = {"id": contact.amojo_id, "type": "external", "name": contact.name}
        item["source_id"] = chat.source_id
    return item


def talk_item(account: Account, talk: Talk) -> Json:
    """Return a conversation as webhooks carry it."""
    return {
        "talk_id": talk.talk_id,
        "created_at": talk.created_at,
        "updated_at": talk.updated_at,
        "rate": 0,
        "contact_id": talk.contact_id,
        "chat_id": talk.chat_id,
        "entity_id": talk.entity_id,
        "entity_type": talk.entity_type,
        "is_in_work": talk.is_in_work,
        "is_read": talk.is_read,
        "origin": talk.origin,
        "account_id": account.id,
    }


def unsorted_item(account: Account, chat: Chat, line: ChatLine) -> Json:
    """Return the unsorted group that comes with the first message of an unsorted chat."""
    talk = account.talks[line.talk_id]
    lead = account.leads[talk.entity_id or 0]
    return {
        "uid": chat.unsorted_uid,
        "category": "chats",
        "account_id": account.id,
        "lead_id": lead.id,
        "contact_id": chat.contact_id,
        "pipeline_id": lead.pipeline_id,
        "created_at": line.created_at,
        "source_data": {"origin": chat.origin, "chat_id": chat.id, "text": line.text},
        "data": {"leads": [{"id": lead.id}], "contacts": [{"id": chat.contact_id}]},
    }


def _element(account: Account, talk: Talk) -> Json:
    lead = talk.entity_type == "lead" and talk.entity_id is not None
    element_id = talk.entity_id if lead else talk.contact_id
    item: Json = {}
    if account.settings.element_keys:
        item |= {"element_type": ELEMENT_LEAD if lead else ELEMENT_CONTACT, "element_id": element_id}
    if account.settings.entity_keys:
        item |= {"entity_type": "lead" if lead else "contact", "entity_id": element_id}
    return item


def _author(line: ChatLine) -> Json:
    author: dict[str, Any] = {"id": line.author.id, "type": line.author.type, "name": line.author.name}
    if line.author.user_id is not None:
        author["user_id"] = line.author.user_id
    return author


def _append(
    account: Account, talk: Talk, author: Author, text: str, *, attachment: Json | None, outgoing: bool
) -> ChatLine:
    line = ChatLine(
        id=account.new_uuid(),
        chat_id=talk.chat_id,
        talk_id=talk.talk_id,
        author=author,
        text=text,
        created_at=account.now(),
        outgoing=outgoing,
        message_type=attachment["type"] if attachment else "text",
        attachment=attachment,
    )
    account.chats[talk.chat_id].lines.append(line)
    entity = ("lead", talk.entity_id) if talk.entity_id else ("contact", talk.contact_id)
    kind = "outgoing_chat_message" if outgoing else "incoming_chat_message"
    actor = Actor(author.name, author.user_id or 0)
    message: Json = {"id": line.id}
    if account.settings.event_talks:
        message |= {"talk_id": talk.talk_id, "origin": talk.origin}
    event = account.add_event(kind, entity, actor, [{"message": message}])
    event.contact_id = talk.contact_id
    return line
