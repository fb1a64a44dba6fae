"""What customers and people of the company do in a portal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.simulators.hubspot.api_conversations import EMAIL, add_message
from local.simulators.hubspot.api_objects import closed
from local.simulators.hubspot.entities import Json, Message, Thread

if TYPE_CHECKING:
    from local.simulators.hubspot.entities import Thing
    from local.simulators.hubspot.portal import Portal

ORIGINS = {"chat": "1000", "facebook": "1001", "email": EMAIL}


def open_thread(portal: Portal, contact_name: str, origin: str, *, with_deal: bool) -> tuple[Thread, Thing | None]:
    """Open a visitor's thread with their contact, and a deal of the contact in the first stage that people work in."""
    first, _, last = contact_name.partition(" ")
    owner = str(next(iter(portal.users.values())).owner_id)
    who = {"firstname": first, "lastname": last, "email": f"visitor{len(portal.threads)}@example.test"}
    who["hubspot_owner_id"] = owner
    contact = portal.create("contacts", who)
    deal = new_deal(portal, contact, contact_name) if with_deal else None
    channel = ORIGINS.get(origin, "1000")
    account = portal.channels[channel]["account"]
    thread = Thread(portal.new_id(), contact.id, channel, account, f"V-{contact.id}", portal.now())
    portal.threads[thread.id] = thread
    if portal.settings.new_assigned_to is not None:
        portal.assign(thread, f"A-{portal.settings.new_assigned_to}")
    return thread, deal


def new_deal(portal: Portal, contact: Thing, name: str, pipeline: str = "default", stage: int = 1) -> Thing:
    """Create a deal of a contact."""
    owner = next(iter(portal.users.values()))
    properties = {
        "dealname": name,
        "pipeline": pipeline,
        "dealstage": portal.pipelines[pipeline].stages[stage].id,
        "hubspot_owner_id": str(owner.owner_id),
        "amount": "",
    }
    deal = portal.create("deals", properties)
    deal.properties["hs_is_closed"] = closed(portal, deal)
    portal.link("contacts", contact, "deals", deal)
    return deal


def customer_says(portal: Portal, thread_id: str, text: str, attachment: Json | None = None) -> Message:
    """Write as the visitor; a text of over 2,000 characters in a mail is shown cut."""
    thread = portal.threads[thread_id]
    contact = portal.objects["contacts"][thread.contact_id].properties
    sender: Json = {"actorId": thread.visitor, "name": _name(contact), "senderField": "ORIGINAL_FROM"}
    if thread.channel_id == EMAIL:
        sender["deliveryIdentifier"] = {"type": "HS_EMAIL_ADDRESS", "value": contact["email"]}
    body: Json = {
        "type": "MESSAGE",
        "text": text,
        "direction": "INCOMING",
        "senders": [sender],
        "recipients": [],
        "channelId": thread.channel_id,
        "channelAccountId": thread.account_id,
        "attachments": [attachment] if attachment else [],
        # A visitor's message shows HUBSPOT as well, as was seen live.
        "client": {"clientType": "HUBSPOT"},
    }
    if thread.channel_id == EMAIL:
        body |= {"subject": "Windows"}
        if len(text) > 2000:  # noqa: PLR2004 (any length will do)
            body |= {"text": text[:2000], "whole": text, "truncationStatus": "TRUNCATED"}
    return add_message(portal, thread, body, who="customer", author=_name(contact))


def employee_says(portal: Portal, thread_id: str, text: str, user_name: str | None = None) -> Message:
    """Write as a person in the inbox; that assigns the thread to them."""
    thread = portal.threads[thread_id]
    people = [user for user in portal.users.values() if not user.archived]
    user = next((each for each in people if each.name == user_name), people[1] if user_name is None else None)
    if user is None:
        raise KeyError(user_name)
    portal.assign(thread, f"A-{user.id}")
    return add_message(
        portal, thread, _outgoing(thread, f"A-{user.id}", user.name, text), who="employee", author=user.name
    )


def bot_says(portal: Portal, thread_id: str, text: str, name: str) -> Message:
    """Let a chatflow's bot speak."""
    thread = portal.threads[thread_id]
    return add_message(portal, thread, _outgoing(thread, "B-17", name, text), who="bot", author=name, via="chatflow")


def comment(portal: Portal, thread_id: str, text: str) -> Message:
    """Write an internal comment."""
    thread = portal.threads[thread_id]
    user = next(iter(portal.users.values()))
    body = {"type": "COMMENT", "text": text, "senders": [{"actorId": f"A-{user.id}", "name": user.name}]}
    return add_message(portal, thread, body, who="employee", author=user.name, via="comment")


def _outgoing(thread: Thread, actor: str, name: str, text: str) -> Json:
    return {
        "type": "MESSAGE",
        "text": text,
        "direction": "OUTGOING",
        "senders": [{"actorId": actor, "name": name}],
        "recipients": [{"actorId": thread.visitor}],
        "channelId": thread.channel_id,
        "channelAccountId": thread.account_id,
        "client": {"clientType": "HUBSPOT"},
    }


def _name(contact: dict[str, str]) -> str:
    return f"{contact['firstname']} {contact['lastname']}".strip()
