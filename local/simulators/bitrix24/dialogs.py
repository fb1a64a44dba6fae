"""What happens in an open line's chat: sessions, who leads, who is told.

Follows apidocs.bitrix24.com/api-reference/imopenlines and the behaviour of the line's settings WELCOME_BOT_*: the bot
joins a new session, leaves it (or stays) when an operator takes it, and is told every message but those of bots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.simulators.bitrix24 import events
from local.simulators.bitrix24.entities import Dialog, EntityType, Item, Message, User
from local.simulators.bitrix24.problems import Refusal

if TYPE_CHECKING:
    from local.simulators.bitrix24.entities import Bot, Json, Line
    from local.simulators.bitrix24.state import Portal

SYSTEM = 0


def open_dialog(portal: Portal, *, contact: str, connector: str, kind: str, line_id: int, title: str | None) -> Dialog:
    """Make a chat with a new customer: `kind` is deal (the line made one), lead (only a lead) or none (no CRM yet)."""
    guest = User(portal.new_id("user"), contact, is_connector=True)
    portal.users[guest.id] = guest
    dialog = Dialog(
        chat_id=portal.new_id("chat"),
        line_id=line_id,
        connector=connector,
        external_id=str(100_000_000 + portal.rng.randrange(900_000_000)),
        user_id=guest.id,
        session_id=0,
    )
    if kind != "none":
        card = new_item(portal, EntityType.CONTACT, {"name": contact, "lastName": ""})
        dialog.contact_id = card.id
    if kind in {"deal", "lead"}:
        entity = EntityType.DEAL if kind == "deal" else EntityType.LEAD
        made = new_item(portal, entity, {"title": title or contact, "contactId": dialog.contact_id})
        if kind == "deal":
            dialog.deal_id = made.id
        else:
            dialog.lead_id = made.id
    portal.dialogs[dialog.chat_id] = dialog
    portal.touch()
    return dialog


def new_item(portal: Portal, entity: EntityType, values: Json) -> Item:
    """Add a lead, deal or contact in the first stage, the first person responsible."""
    person = portal.people()[0].id
    base: Json = {"id": portal.new_id(entity.name), "assignedById": person, "createdBy": person, "comments": None}
    if entity is not EntityType.CONTACT:
        stages = portal.lead_stages if entity is EntityType.LEAD else portal.stages(0)
        base |= {"stageId": stages[0].id, "stageSemanticId": "P", "opportunity": 0.0, "currencyId": portal.currency}
        base |= {"isManualOpportunity": "N", "sourceId": "WEB", "companyId": 0, "contactIds": []}
    if entity is EntityType.DEAL:
        base["categoryId"] = 0
    now = portal.iso(portal.clock.now())
    item = Item(base["id"], entity, base | {"createdTime": now, "updatedTime": now} | values)
    if item.values.get("contactId"):
        item.values["contactIds"] = [item.values["contactId"]]
    portal.items[entity, item.id] = item
    return item


def customer_writes(portal: Portal, dialog: Dialog, text: str, files: list[Json], at: float | None = None) -> Message:
    """Let the customer write; a closed or new dialog begins a session, which the line's bot joins."""
    if dialog.session_id == 0 or dialog.closed:
        _begin_session(portal, dialog)
    message = _say(portal, dialog, dialog.user_id, text, "customer", files, at)
    _tell_bots(portal, dialog, message)
    return message


def employee_writes(portal: Portal, dialog: Dialog, person: User, text: str) -> Message:
    """Let an operator write.

    Who does takes the dialog first; a closed or new one begins a session, as at a customer's.
    """
    if dialog.session_id == 0 or dialog.closed:
        _begin_session(portal, dialog)
    if dialog.owner != person.id:
        take(portal, dialog, person)
    message = _say(portal, dialog, person.id, text, "employee", [])
    _tell_bots(portal, dialog, message)
    return message


def bot_writes(portal: Portal, dialog: Dialog, bot: Bot, text: str) -> Message:
    """Let a bot write; bots are not told of it. Raises ACCESS_DENIED where it is not in the chat."""
    if bot.id not in dialog.members:
        raise Refusal("ACCESS_DENIED", "Access denied")
    return _say(portal, dialog, bot.id, text[:20_000], "bot", [])


def take(portal: Portal, dialog: Dialog, person: User) -> None:
    """Let an operator take the dialog; the bot leaves it or stays, as the line is set."""
    dialog.owner = person.id
    dialog.members.add(person.id)
    _say(
        portal,
        dialog,
        SYSTEM,
        f"[USER={person.id} REPLACE]{person.full_name}[/USER] начал работу с диалогом",
        "system",
        [],
    )
    line = portal.lines[dialog.line_id]
    if line.welcome_bot_left == "queue":
        dialog.members -= set(portal.bots)
    portal.touch()


def to_queue(portal: Portal, dialog: Dialog, *, leave: bool) -> None:
    """Pass the dialog to the line's queue: nobody leads until an operator takes it."""
    _say(portal, dialog, SYSTEM, "Диалог передан в очередь", "system", [])
    dialog.members |= set(portal.lines[dialog.line_id].queue)
    if leave:
        dialog.members -= set(portal.bots)


def finish(portal: Portal, dialog: Dialog) -> None:
    """Close the session."""
    _say(portal, dialog, SYSTEM, "Диалог завершён", "system", [])
    dialog.closed, dialog.owner = True, 0
    dialog.members -= set(portal.bots)


def owner_shown(portal: Portal, dialog: Dialog) -> int:
    """Return what the chat names as its owner."""
    if dialog.owner:
        return dialog.owner
    shown = portal.settings.owner_while_bot_leads
    if shown == "bot":
        return next((each for each in dialog.members if each in portal.bots), 0)
    return int(shown)


def _begin_session(portal: Portal, dialog: Dialog) -> None:
    dialog.session_id, dialog.closed, dialog.owner = portal.new_id("session"), False, 0
    dialog.started[dialog.session_id] = portal.clock.now()
    if dialog.deal_id or dialog.lead_id or dialog.contact_id:
        dialog.activities[dialog.session_id] = portal.new_id("activity")
    _say(portal, dialog, SYSTEM, f"Начат новый диалог №{dialog.session_id}", "system", [])
    line = portal.lines[dialog.line_id]
    bot = portal.bots.get(line.welcome_bot_id)
    if line.welcome_bot_enable != "Y" or bot is None or not bot.openline:
        return
    if line.welcome_bot_join == "first" and len(dialog.started) > 1:
        return
    dialog.members.add(bot.id)
    events.joined(portal, dialog, bot)
    if line.welcome_bot_time:
        session = dialog.session_id
        portal.after(float(line.welcome_bot_time), lambda: _time_is_up(portal, dialog, line, session))


def _time_is_up(portal: Portal, dialog: Dialog, line: Line, session: int) -> None:
    with portal.lock:
        if dialog.session_id == session and not dialog.closed and not dialog.owner:
            to_queue(portal, dialog, leave=line.welcome_bot_left == "queue")


def _say(
    portal: Portal, dialog: Dialog, author: int, text: str, via: str, files: list[Json], at: float | None = None
) -> Message:
    created = portal.clock.now() if at is None else at
    message = Message(portal.new_id("message"), author, text, created, via, files)
    dialog.messages.append(message)
    portal.touch()
    return message


def _tell_bots(portal: Portal, dialog: Dialog, message: Message) -> None:
    if message.via == "employee" and not portal.settings.operators_reach_bot:
        return
    for bot_id in sorted(dialog.members & set(portal.bots)):
        events.said(portal, dialog, portal.bots[bot_id], message)
