"""What is said in chats and what happens to dialogs."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from local.simulators.retailcrm.entities import Chat, Customer, Dialog, Item, Message, Order, Sender
from local.simulators.retailcrm.state import mg_time

if TYPE_CHECKING:
    from local.simulators.retailcrm.entities import Bot, Json, User
    from local.simulators.retailcrm.state import Account


def open_chat(account: Account, *, contact: str, channel_type: str | None, kind: str) -> tuple[Chat, Order | None]:
    """Open a customer's chat with a dialog: `order` with an order of the new status, `contact` without one."""
    channel = next(c for c in account.channels.values() if channel_type in {None, c.type} and c.active)
    chat = Chat(account.new_id("chat"), channel.id, account.new_id("mg_customer"), contact)
    account.chats[chat.id] = chat
    dialog = open_dialog(account, chat)
    customer = Customer(account.new_id("customer"), contact, chat.mg_customer_id, account.default_site())
    account.customers[customer.id] = customer
    order = None
    if kind in {"lead", "order"}:
        order = new_order(account, customer)
        order.dialog_id = dialog.id
    account.touch()
    return chat, order


def new_order(account: Account, customer: Customer, *items: Item) -> Order:
    """Create an order of the default type in the first status, of the first active person."""
    status = min(account.statuses.values(), key=lambda s: (account.groups[s.group].ordering, s.ordering))
    kind = next(each for each in account.order_types.values() if each.default)
    order_id = account.new_id("order")
    order = Order(
        order_id, f"{order_id}A", customer.id, customer.site, status.code, kind.code, account.now(), items=list(items)
    )
    order.manager_id = next(user.id for user in account.users.values() if user.active)
    account.orders[order.id] = order
    account.touch()
    return order


def open_dialog(account: Account, chat: Chat) -> Dialog:
    """Open a new dialog in the chat."""
    dialog = Dialog(account.new_id("dialog"), chat.id, account.now())
    account.dialogs[dialog.id] = dialog
    chat.dialog_ids.append(dialog.id)
    system(account, dialog, "dialog_opened")
    return dialog


def current_dialog(account: Account, chat: Chat) -> Dialog:
    """Return the chat's newest dialog."""
    return account.dialogs[chat.dialog_ids[-1]]


def write(
    account: Account,
    chat_id: int,
    sender: Sender,
    content: str,
    *,
    scope: str = "public",
    items: list[Json] | None = None,
    kind: str = "text",
    at: float | None = None,
) -> Message:
    """Write a message; a customer's into a closed dialog opens a new one."""
    chat = account.chats[chat_id]
    dialog = current_dialog(account, chat)
    if dialog.closed_at is not None and sender.kind == "customer":
        dialog = open_dialog(account, chat)
    now = account.now()
    message = Message(
        id=account.new_id("message"),
        chat_id=chat_id,
        dialog_id=dialog.id if dialog.closed_at is None else None,
        sender=sender,
        type=kind,
        scope=scope,
        content=content,
        time=at or now,
        updated_at=now,
        status="received" if sender.kind == "customer" else "sent",
        items=items or [],
        via=_via(account, sender),
    )
    account.messages[message.id] = message
    chat.message_ids.append(message.id)
    if sender.kind == "user" and scope == "public" and account.settings.writing_assigns:
        assign(account, dialog, "user", sender.id)
    account.touch()
    return message


def _via(account: Account, sender: Sender) -> str:
    if sender.kind == "bot":
        return "api" if sender.id in account.bots else "other bot"
    return "employee" if sender.kind == "user" else "channel"


def system(account: Account, dialog: Dialog, action: str, responsible: Json | None = None) -> None:
    """Write down what happened to a dialog, as the chat's own system message."""
    if not account.settings.system_messages:
        return
    now = account.now()
    message = Message(
        account.new_id("message"),
        dialog.chat_id,
        dialog.id,
        None,
        "system",
        "public",
        "",
        now,
        now,
        action=action,
        responsible=responsible,
    )
    account.messages[message.id] = message
    account.chats[dialog.chat_id].message_ids.append(message.id)


def assign(account: Account, dialog: Dialog, kind: str, who: int) -> Json | None:
    """Make a person or a bot responsible for a dialog; return who was before."""
    before = dialog.responsible
    dialog.responsible = {"id": who, "type": kind, "assigned_at": mg_time(account.now())}
    named = account_name(account, kind, who)
    system(account, dialog, "dialog_assign", {"id": who, "type": kind, "name": named})
    account.touch()
    return before


def unassign(account: Account, dialog: Dialog) -> Json | None:
    """Take the responsible off a dialog; return who it was."""
    before, dialog.responsible = dialog.responsible, None
    system(account, dialog, "dialog_unassign")
    account.touch()
    return before


def close(account: Account, dialog: Dialog) -> None:
    """Close a dialog."""
    dialog.closed_at = account.now()
    system(account, dialog, "dialog_closed")
    account.touch()


def account_name(account: Account, kind: str, who: int) -> str:
    """Return the name of a person or a bot by its MG id."""
    if kind == "bot":
        return account.bots[who].name if who in account.bots else ""
    return next((user.name for user in account.users.values() if user.mg_id == who), "")


def of_user(user: User) -> Sender:
    """Return a person as a sender."""
    return Sender("user", user.mg_id, user.name)


def of_bot(bot: Bot) -> Sender:
    """Return a bot as a sender."""
    return Sender("bot", bot.id, bot.name)


def of_customer(chat: Chat) -> Sender:
    """Return the chat's customer as a sender."""
    return Sender("customer", chat.mg_customer_id, chat.contact)


def position(account: Account, name: str, price: str, quantity: str = "1", offer_id: int | None = None) -> Item:
    """Return a new position of an order."""
    return Item(account.new_id("item"), name, Decimal(price), Decimal(quantity), offer_id)


def line(account: Account, message: Message) -> Json:
    """Return a message as a page shows it."""
    chat = account.chats[message.chat_id]
    who = {"customer": "customer", "user": "employee", "bot": "bot", "channel": "bot"}
    sender = message.sender or Sender("bot", 0, "")
    return {
        "id": str(message.id),
        "chat_id": str(chat.id),
        "talk_id": message.dialog_id,
        "who": who[sender.kind],
        "author": sender.name,
        "text": message.content,
        "created_at": int(message.time),
        "outgoing": sender.kind != "customer",
        "message_type": message.type,
        "attachment": {"type": message.items[0].get("kind", message.type)} if message.items else None,
        "via": message.via,
    }


def shown(account: Account, chat: Chat) -> list[Message]:
    """Return what customer and company see: no notes for staff, no system lines."""
    found = (account.messages[each] for each in chat.message_ids)
    return [replace(each) for each in found if each.scope == "public" and each.type != "system"]
