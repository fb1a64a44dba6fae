"""The MG Bot API, https://docs.simla.com/en/Developers/API/APIFeatures/MgBot: messages, dialogs and who is there."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from local.simulators.retailcrm import chats
from local.simulators.retailcrm.gate import MG
from local.simulators.retailcrm.problems import mg_refused
from local.simulators.retailcrm.state import mg_time
from local.simulators.serving import Response

if TYPE_CHECKING:
    from local.simulators.retailcrm.entities import Chat, Dialog, Json, Message
    from local.simulators.retailcrm.gate import Context, Router
    from local.simulators.retailcrm.state import Account

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_CHARS = 20_000
ROLES = frozenset({"distributor", "responsible", "hidden"})


def routes(router: Router) -> None:
    """Add this part's routes."""
    router.add("GET", f"{MG}/messages", messages)
    router.add("POST", f"{MG}/messages", send)
    router.add("GET", f"{MG}/dialogs", dialogs)
    router.add("PATCH", f"{MG}/dialogs/{{id}}/assign", assign)
    router.add("PATCH", f"{MG}/dialogs/{{id}}/unassign", unassign)
    router.add("DELETE", f"{MG}/dialogs/{{id}}/close", close)
    router.add("GET", f"{MG}/bots", bots)
    router.add("GET", f"{MG}/channels", channels)
    router.add("GET", f"{MG}/users", users)
    router.add("PATCH", f"{MG}/my/info", my_info)


def messages(ctx: Context) -> Response:
    """List messages: in the order of ids after `since_id`; newest first where a list is only bounded from above."""
    query, account = ctx.query, ctx.account
    limit = _limit(query)
    after = _number(query, "since_id")
    if after is not None and account.settings.since_id_inclusive:
        after -= 1
    before = _number(query, "until_id")
    since, until = _time(query, "since"), _time(query, "until")
    found = []
    for each in sorted(account.messages.values(), key=lambda m: m.id):
        if (after is not None and each.id <= after) or (before is not None and each.id > before):
            continue
        if (since is not None and each.updated_at < since) or (until is not None and each.updated_at > until):
            continue
        if all(_fits(account, each, name, value) for name, value in query.items()):
            found.append(each)
    if until is not None or before is not None:
        found.reverse()
    return Response(200, [message_row(account, each) for each in found[:limit]])


def send(ctx: Context) -> Response:
    """Write a message as the bot."""
    account, body = ctx.account, ctx.body()
    kind, scope, text = body.get("type"), body.get("scope"), body.get("content")
    chat = account.chats.get(body["chat_id"]) if isinstance(body.get("chat_id"), int) else None
    if kind != "text":
        raise mg_refused(400, f"unsupported message type {kind}")
    if scope not in {"public", "private"}:
        raise mg_refused(400, "scope: must be one of public, private")
    if chat is None:
        raise mg_refused(400, "chat not found")
    if not isinstance(text, str) or not text.strip():
        raise mg_refused(400, "content: must not be empty")
    channel = account.channels[chat.channel_id]
    if len(text) > min(channel.max_chars, MAX_CHARS) and scope == "public":
        raise mg_refused(400, f"content: the length must be no more than {channel.max_chars}")
    if not channel.active:
        raise mg_refused(400, "channel is not active")
    bot = ctx.bot
    if bot is None:
        raise mg_refused(403, "bot is not active")
    message = chats.write(account, chat.id, chats.of_bot(bot), text, scope=scope)
    return Response(200, {"message_id": message.id, "time": mg_time(message.time)})


def dialogs(ctx: Context) -> Response:
    """List dialogs: by id, chat and whether they are open."""
    query, found = ctx.query, []
    for each in ctx.account.dialogs.values():
        if "id" in query and each.id != _number(query, "id"):
            continue
        if "chat_id" in query and each.chat_id != _number(query, "chat_id"):
            continue
        if "active" in query and (each.closed_at is None) != (query["active"] == "1"):
            continue
        found.append(dialog_row(each))
    return Response(200, found[: _limit(query)])


def assign(ctx: Context) -> Response:
    """Make a person or a bot responsible."""
    account, dialog, body = ctx.account, _dialog(ctx), ctx.body()
    if ("user_id" in body) == ("bot_id" in body):
        raise mg_refused(400, "either user_id or bot_id must be given")
    kind = "user" if "user_id" in body else "bot"
    who = body[f"{kind}_id"]
    known = {user.mg_id for user in account.users.values() if user.active} if kind == "user" else account.bots.keys()
    if who not in known:
        raise mg_refused(400, f"{kind} not found")
    before = chats.assign(account, dialog, kind, who)
    answer: Json = {"responsible": dialog.responsible, "is_reassign": before is not None}
    if before is not None:
        answer |= {"previous_responsible": before, "left_user_id": before["id"]}
    return Response(200, answer)


def unassign(ctx: Context) -> Response:
    """Take the responsible off."""
    dialog = _dialog(ctx)
    if dialog.responsible is None:
        raise mg_refused(400, "dialog is not assigned")
    return Response(200, {"previous_responsible": chats.unassign(ctx.account, dialog)})


def close(ctx: Context) -> Response:
    """Close a dialog."""
    chats.close(ctx.account, _dialog(ctx))
    return Response(200, {})


def bots(ctx: Context) -> Response:
    """List bots; `self=1` only the caller."""
    mine = ctx.query.get("self") == "1"
    return Response(
        200,
        [
            {
                "id": each.id,
                "name": each.name,
                "client_id": each.client_id,
                "created_at": mg_time(0),
                "is_active": each.active,
                "is_self": each is ctx.bot,
                "roles": each.roles,
            }
            for each in ctx.account.bots.values()
            if not mine or each is ctx.bot
        ],
    )


def channels(ctx: Context) -> Response:
    """List channels with their limits."""
    return Response(
        200,
        [
            {
                "id": each.id,
                "type": each.type,
                "name": each.name,
                "is_active": each.active,
                "settings": {"text": {"creating": "both", "max_chars_count": each.max_chars}},
                "created_at": mg_time(0),
            }
            for each in ctx.account.channels.values()
        ],
    )


def users(ctx: Context) -> Response:
    """List people; `external_id` is the CRM's id."""
    return Response(
        200,
        [
            {
                "id": each.mg_id,
                "external_id": str(each.id),
                "first_name": each.first_name,
                "last_name": each.last_name,
                "is_active": each.active,
                "is_technical_account": False,
                "created_at": mg_time(0),
            }
            for each in ctx.account.users.values()
        ],
    )


def my_info(ctx: Context) -> Response:
    """Name the bot and its roles."""
    body, bot = ctx.body(), ctx.bot
    roles = body.get("roles", [])
    if bot is None or not isinstance(roles, list) or not set(roles) <= ROLES:
        raise mg_refused(400, "roles: invalid value")
    bot.name, bot.roles = str(body.get("name") or bot.name), list(roles)
    return Response(200, {})


def message_row(account: Account, message: Message) -> Json:
    """Return a message as the list shows it."""
    row: Json = {
        "id": message.id,
        "time": mg_time(message.time),
        "type": message.type,
        "scope": message.scope,
        "chat_id": message.chat_id,
        "is_read": False,
        "is_edit": False,
        "status": message.status,
        "created_at": mg_time(message.time),
        "updated_at": mg_time(message.updated_at),
    }
    chat = account.chats[message.chat_id]
    if account.settings.channel_in_messages:
        row["channel_id"] = chat.channel_id
    if message.dialog_id is not None:
        row["dialog"] = {"id": message.dialog_id}
    if message.sender is not None:
        row["from"] = _from(account, message, chat)
    if message.type == "system":
        row["action"] = message.action
        row |= {"responsible": message.responsible} if message.responsible else {}
    else:
        row["content"] = message.content
    if message.items:
        row |= {"items": message.items, "note": message.note}
    if message.error:
        row["error"] = message.error
    return row


def dialog_row(dialog: Dialog) -> Json:
    """Return a dialog as the list shows it."""
    row: Json = {
        "id": dialog.id,
        "chat_id": dialog.chat_id,
        "created_at": mg_time(dialog.created_at),
        "is_assigned": dialog.responsible is not None,
        "is_active": dialog.closed_at is None,
    }
    row |= {"responsible": dialog.responsible} if dialog.responsible else {}
    row |= {"closed_at": mg_time(dialog.closed_at)} if dialog.closed_at is not None else {}
    return row


def _from(account: Account, message: Message, chat: Chat) -> Json:
    sender = message.sender
    if sender is None:
        return {}
    first, _, last = sender.name.partition(" ")
    row: Json = {"id": sender.id, "type": sender.kind, "name": sender.name, "first_name": first, "last_name": last}
    if sender.kind == "user":
        user = next((each for each in account.users.values() if each.mg_id == sender.id), None)
        row |= {"external_id": str(user.id) if user else "", "is_technical_account": sender.is_technical}
    if sender.kind == "customer":
        customer = next((each for each in account.customers.values() if each.mg_id == chat.mg_customer_id), None)
        row |= {"external_id": str(customer.id)} if customer else {}
    return row


def _fits(account: Account, message: Message, name: str, value: Any) -> bool:
    chat, sender = account.chats[message.chat_id], message.sender
    of_kind = {"customer_id": "customer", "user_id": "user", "bot_id": "bot"}
    actual: Any
    match name:
        case "chat_id" | "dialog_id" | "scope" | "type":
            actual = getattr(message, name)
        case "channel_id":
            actual = chat.channel_id
        case "channel_type":
            actual = account.channels[chat.channel_id].type
        case "customer_id" | "user_id" | "bot_id":
            actual = sender.id if sender is not None and sender.kind == of_kind[name] else None
        case _:
            return True
    return str(actual) == str(value)


def _dialog(ctx: Context) -> Dialog:
    dialog = ctx.account.dialogs.get(ctx.number("id"))
    if dialog is None:
        raise mg_refused(404, f"dialog #{ctx.number('id')} not found")
    if dialog.id != ctx.account.chats[dialog.chat_id].dialog_ids[-1] or dialog.closed_at is not None:
        raise mg_refused(400, "dialog is not the latest in the chat")
    return dialog


def _limit(query: Json) -> int:
    limit = _number(query, "limit")
    if limit is None:
        return DEFAULT_LIMIT
    if not 1 <= limit <= MAX_LIMIT:
        raise mg_refused(400, f"limit: must be between 1 and {MAX_LIMIT}")
    return limit


def _number(query: Json, name: str) -> int | None:
    value = query.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.isdigit():
        raise mg_refused(400, f"{name}: must be a number")
    return int(value)


def _time(query: Json, name: str) -> float | None:
    if name not in query:
        return None
    try:
        moment = datetime.fromisoformat(str(query[name]))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise mg_refused(400, f"{name}: must be a time")
    return moment.timestamp()
