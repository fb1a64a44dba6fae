"""Bots: imbot.v2.* and the older imbot.*, each with the token by which its bot is owned.

Follows apidocs.bitrix24.com/api-reference/chat-bots/chat-bots-v2 and /chat-bots/outdated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from local.simulators.bitrix24 import dialogs, events
from local.simulators.bitrix24.entities import Bot, Dialog, User
from local.simulators.bitrix24.problems import Refusal
from local.simulators.bitrix24.rest import yes

if TYPE_CHECKING:
    from local.simulators.bitrix24.entities import Json
    from local.simulators.bitrix24.rest import Call, Rest

LONGEST_TOKEN = 40
TYPES = frozenset({"bot", "network", "openline", "supervisor", "personal"})
V1_EVENTS = {
    "EVENT_MESSAGE_ADD": "ONIMBOTMESSAGEADD",
    "EVENT_MESSAGE_UPDATE": "ONIMBOTMESSAGEUPDATE",
    "EVENT_MESSAGE_DELETE": "ONIMBOTMESSAGEDELETE",
    "EVENT_WELCOME_MESSAGE": "ONIMBOTJOINCHAT",
    "EVENT_BOT_DELETE": "ONIMBOTDELETE",
}


def routes(rest: Rest) -> None:
    """Add the methods."""
    for name, handler in (
        ("imbot.v2.Bot.register", _register),
        ("imbot.v2.Bot.update", _update),
        ("imbot.v2.Bot.get", _get),
        ("imbot.v2.Bot.list", _list),
        ("imbot.v2.Bot.unregister", _unregister),
        ("imbot.v2.Chat.Message.send", _send),
        ("imbot.v2.Chat.InputAction.notify", _notify),
        ("imbot.v2.Chat.leave", _leave),
        ("imbot.v2.Event.get", _events),
        ("imbot.register", _v1_register),
        ("imbot.unregister", _v1_unregister),
        ("imbot.bot.list", _v1_list),
        ("imbot.message.add", _v1_send),
        ("imbot.chat.leave", _v1_leave),
    ):
        rest.add(name, "imbot", handler)


def v2_bot(call: Call) -> Bot:
    """Return the bot that a v2 call names, if it is the caller's. Raises as documented."""
    if not call.number("botId"):
        raise Refusal("BOT_ID_REQUIRED", "Bot ID is required")
    bot = call.portal.bots.get(call.number("botId"))
    if call.access.secret is not None and not call.text("botToken"):
        raise Refusal("BOT_TOKEN_NOT_SPECIFIED", "Bot token is not specified")
    if bot is None:
        raise Refusal("BOT_NOT_FOUND", "Bot not found")
    owned = bot.token == call.text("botToken") if call.access.secret is not None else bot.owner == call.access.owner
    if bot.api != "v2" or not owned:
        raise Refusal("BOT_OWNERSHIP_ERROR", "Bot is registered by another application", status=403)
    return bot


def v1_bot(call: Call) -> Bot:
    """Return the bot that a v1 call names, if it is the caller's."""
    bot = call.portal.bots.get(call.number("BOT_ID"))
    if bot is None:
        raise Refusal("BOT_ID_ERROR", "Bot not found")
    owned = bot.token == call.text("CLIENT_ID") if call.access.secret is not None else bot.owner == call.access.owner
    if bot.api != "v1" or not owned:
        raise Refusal("APP_ID_ERROR", "Bot was installed by another rest application")
    return bot


def dialog_of(call: Call, *names: str) -> Dialog:
    """Return the chat that `chat7` or `7` names. Raises ACCESS_DENIED where there is none."""
    number = call.text(*names).removeprefix("chat")
    dialog = call.portal.dialogs.get(int(number)) if number.isdigit() else None
    if dialog is None:
        raise Refusal("ACCESS_DENIED", "Access denied")
    return dialog


def _register(call: Call) -> Json:
    fields, portal = call.group("fields"), call.portal
    token = str(fields.get("botToken") or call.text("botToken"))
    code = str(fields.get("code") or "")
    if call.access.secret is not None and not token:
        raise Refusal("BOT_TOKEN_NOT_SPECIFIED", "Bot token is not specified")
    if len(token) > LONGEST_TOKEN:
        raise Refusal("BOT_TOKEN_INVALID_LENGTH", "Bot token is too long")
    if not code:
        raise Refusal("BOT_CODE_REQUIRED", "Bot code is required")
    properties = fields.get("properties")
    if not isinstance(properties, dict) or not properties.get("name"):
        raise Refusal("BOT_PROPERTIES_REQUIRED", "Bot properties are required")
    kind, mode = str(fields.get("type") or "bot"), str(fields.get("eventMode") or "fetch")
    if kind not in TYPES:
        raise Refusal("BOT_INVALID_TYPE", "Invalid bot type")
    if mode not in {"fetch", "webhook"}:
        raise Refusal("BOT_INVALID_EVENT_MODE", "Invalid event mode")
    if mode == "webhook":
        _check_url(str(fields.get("webhookUrl") or ""))
    known = next((bot for bot in portal.bots.values() if bot.code == code and bot.api == "v2"), None)
    if known is not None:
        owned = known.token == token if call.access.secret is not None else known.owner == call.access.owner
        if not owned:
            raise Refusal("BOT_CODE_ALREADY_TAKEN", "Bot code is already taken by another application")
        return {"bot": _about(known), "users": []}
    bot = Bot(
        portal.new_id("user"),
        code,
        "v2",
        kind,
        token if call.access.secret is not None else None,
        call.access.owner,
        event_mode=mode,
        webhook_url=str(fields.get("webhookUrl") or ""),
        openline=kind == "openline" or yes(fields.get("isSupportOpenline")),
    )
    _add(call, bot, str(properties["name"]), str(properties.get("lastName") or ""))
    return {"bot": _about(bot), "users": []}


def _add(call: Call, bot: Bot, name: str, last_name: str = "") -> None:
    call.portal.users[bot.id] = User(bot.id, name, last_name, is_bot=True)
    call.portal.bots[bot.id] = bot
    call.portal.touch()


def _check_url(url: str) -> None:
    if not url:
        raise Refusal("BOT_WEBHOOK_URL_REQUIRED", "Webhook URL is required")
    parts = urlsplit(url)
    # The vendor refuses http and private addresses; here the loopback address stands for the deployed API.
    local = parts.hostname in {"127.0.0.1", "localhost"}
    if not parts.hostname or (parts.scheme != "https" and not local):
        raise Refusal("BOT_INVALID_CALLBACK", "Invalid callback URL")


def _about(bot: Bot) -> Json:
    return {
        "id": bot.id,
        "code": bot.code,
        "type": bot.type,
        "isHidden": False,
        "isSupportOpenline": bot.openline,
        "isReactionsEnabled": True,
        "language": "ru",
        "moduleId": "rest",
        "eventMode": bot.event_mode,
    }


def _update(call: Call) -> Json:
    bot, fields = v2_bot(call), call.group("fields")
    if "webhookUrl" in fields:
        _check_url(str(fields["webhookUrl"]))
        bot.webhook_url = str(fields["webhookUrl"])
    if fields.get("eventMode") in {"fetch", "webhook"}:
        bot.event_mode = str(fields["eventMode"])
    properties = fields.get("properties")
    if isinstance(properties, dict) and properties.get("name"):
        call.portal.users[bot.id].name = str(properties["name"])
    call.portal.touch()
    return {"bot": _about(bot)}


def _get(call: Call) -> Json:
    return {"bot": _about(v2_bot(call))}


def _list(call: Call) -> Json:
    mine = [bot for bot in call.portal.bots.values() if bot.api == "v2"]
    if call.access.secret is not None:
        mine = [bot for bot in mine if bot.token == call.text("botToken")]
    else:
        mine = [bot for bot in mine if bot.owner == call.access.owner]
    return {"bots": [_about(bot) for bot in mine]}


def _unregister(call: Call) -> bool:
    return _remove(call, v2_bot(call))


def _remove(call: Call, bot: Bot) -> bool:
    del call.portal.bots[bot.id]
    for dialog in call.portal.dialogs.values():
        dialog.members.discard(bot.id)
    events.removed(call.portal, bot)
    call.portal.touch()
    return True


def _send(call: Call) -> Json:
    bot = v2_bot(call)
    text = str(call.group("fields").get("message") or "")
    if not text.strip():
        raise Refusal("EMPTY_MESSAGE", "Message is empty")
    message = dialogs.bot_writes(call.portal, dialog_of(call, "dialogId"), bot, text)
    return {"id": message.id, "uuidMap": []}


def _notify(call: Call) -> bool:
    v2_bot(call)
    dialog_of(call, "dialogId")
    return True


def _leave(call: Call) -> bool:
    return _left(dialog_of(call, "dialogId"), v2_bot(call))


def _left(dialog: Dialog, bot: Bot) -> bool:
    if bot.id not in dialog.members:
        raise Refusal("ACCESS_DENIED", "Access denied")
    dialog.members.discard(bot.id)
    return True


def _events(call: Call) -> Json:
    bot, offset = v2_bot(call), call.number("offset")
    limit = min(max(call.number("limit") or 100, 1), 1000)
    bot.queue = [row for row in bot.queue if int(row["eventId"]) >= offset]
    shown = bot.queue[:limit]
    following = int(shown[-1]["eventId"]) + 1 if shown else offset
    return {"events": shown, "nextOffset": following, "hasMore": len(bot.queue) > limit}


def _v1_register(call: Call) -> int:
    portal, code = call.portal, call.text("CODE")
    token = call.text("CLIENT_ID")
    if call.access.secret is not None and not token:
        raise Refusal("CLIENT_ID_ERROR", "Client ID can't be empty")
    properties = call.group("PROPERTIES")
    if not code:
        raise Refusal("CODE_ERROR", "Bot code is required")
    if not properties.get("NAME"):
        raise Refusal("NAME_ERROR", "Bot name is required")
    handlers = {event: call.text(name, "EVENT_HANDLER") for name, event in V1_EVENTS.items()}
    for name in ("EVENT_MESSAGE_ADD", "EVENT_WELCOME_MESSAGE", "EVENT_BOT_DELETE"):
        if not call.text(name, "EVENT_HANDLER"):
            raise Refusal(f"{name}_ERROR", "Handler is required")
    known = next((bot for bot in portal.bots.values() if bot.code == code and bot.api == "v1"), None)
    if known is not None:
        return known.id
    kind = call.text("TYPE") or "B"
    bot = Bot(portal.new_id("user"), code, "v1", kind, token or None, call.access.owner, event_mode="webhook")
    if call.access.secret is not None:
        handlers = {
            event: url + ("&" if "?" in url else "?") + f"CLIENT_ID={token}" for event, url in handlers.items() if url
        }
    bot.handlers, bot.openline = handlers, kind == "O" or yes(call.text("OPENLINE"))
    _add(call, bot, str(properties["NAME"]))
    return bot.id


def _v1_unregister(call: Call) -> bool:
    return _remove(call, v1_bot(call))


def _v1_list(call: Call) -> Json:
    rows = [bot for bot in call.portal.bots.values() if bot.api == "v1"]
    return {str(bot.id): {"ID": bot.id, "NAME": call.portal.users[bot.id].name, "CODE": bot.code} for bot in rows}


def _v1_send(call: Call) -> int:
    bot = v1_bot(call)
    if not call.text("DIALOG_ID"):
        raise Refusal("DIALOG_ID_EMPTY", "Dialog ID can't be empty")
    if not call.text("MESSAGE").strip():
        raise Refusal("MESSAGE_EMPTY", "Message can't be empty")
    return dialogs.bot_writes(call.portal, dialog_of(call, "DIALOG_ID"), bot, call.text("MESSAGE")).id


def _v1_leave(call: Call) -> bool:
    return _left(dialog_of(call, "CHAT_ID"), v1_bot(call))
