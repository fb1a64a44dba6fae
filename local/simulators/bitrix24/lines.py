"""Open lines: their settings, their dialogs, their sessions' history, handing over.

Follows apidocs.bitrix24.com/api-reference/imopenlines/openlines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.simulators.bitrix24 import dialogs
from local.simulators.bitrix24.problems import Refusal

if TYPE_CHECKING:
    from local.simulators.bitrix24.entities import Bot, Dialog, Json, Line
    from local.simulators.bitrix24.rest import Call, Rest


def routes(rest: Rest) -> None:
    """Add the methods."""
    for name, handler in (
        ("imopenlines.config.list.get", _configs),
        ("imopenlines.config.get", _config),
        ("imopenlines.config.update", _configure),
        ("imopenlines.dialog.get", _dialog),
        ("imopenlines.session.history.get", _history),
        ("imopenlines.bot.session.operator", _operator),
        ("imopenlines.bot.session.transfer", _transfer),
        ("imopenlines.bot.session.finish", _finish),
        ("imopenlines.crm.chat.get", _crm_chats),
        ("imopenlines.crm.chat.getLastId", _last_chat),
    ):
        rest.add(name, "imopenlines", handler)


def _about(line: Line) -> Json:
    return {
        "ID": str(line.id),
        "LINE_NAME": line.name,
        "ACTIVE": "Y" if line.active else "N",
        "WELCOME_BOT_ENABLE": line.welcome_bot_enable,
        "WELCOME_BOT_ID": str(line.welcome_bot_id),
        "WELCOME_BOT_JOIN": line.welcome_bot_join,
        "WELCOME_BOT_TIME": str(line.welcome_bot_time),
        "WELCOME_BOT_LEFT": line.welcome_bot_left,
        "QUEUE": [str(each) for each in line.queue],
    }


def _configs(call: Call) -> list[Json]:
    return [_about(line) for line in call.portal.lines.values()]


def _line(call: Call) -> Line:
    line = call.portal.lines.get(call.number("CONFIG_ID"))
    if line is None:
        raise Refusal("CONFIG_ID_EMPTY", "The open line was not found")
    return line


def _config(call: Call) -> Json:
    return _about(_line(call))


def _configure(call: Call) -> bool:
    line, params = _line(call), call.group("PARAMS")
    if not params:
        raise Refusal("PARAMS_EMPTY", "PARAMS is empty")
    line.welcome_bot_enable = str(params.get("WELCOME_BOT_ENABLE", line.welcome_bot_enable))
    line.welcome_bot_id = int(params.get("WELCOME_BOT_ID", line.welcome_bot_id))
    line.welcome_bot_join = str(params.get("WELCOME_BOT_JOIN", line.welcome_bot_join))
    line.welcome_bot_time = int(params.get("WELCOME_BOT_TIME", line.welcome_bot_time))
    line.welcome_bot_left = str(params.get("WELCOME_BOT_LEFT", line.welcome_bot_left))
    if line.welcome_bot_enable == "Y" and line.welcome_bot_id not in call.portal.bots:
        raise Refusal("BOT_ID_ERROR", "The bot does not exist")
    call.portal.touch()
    return True


def _found(call: Call) -> Dialog:
    """Return the dialog that a chat, a session or a user code names. Raises DIALOG_ID_EMPTY, ACCESS_ERROR."""
    portal = call.portal
    if not any(call.text(name) for name in ("CHAT_ID", "DIALOG_ID", "SESSION_ID", "USER_CODE")):
        raise Refusal("DIALOG_ID_EMPTY", "Dialog ID can't be empty")
    if call.text("CHAT_ID", "DIALOG_ID"):
        number = call.text("CHAT_ID", "DIALOG_ID").removeprefix("chat")
        found = portal.dialogs.get(int(number)) if number.isdigit() else None
    else:
        code = call.text("USER_CODE").removeprefix("imol|")
        session = call.number("SESSION_ID")
        found = next((d for d in portal.dialogs.values() if d.entity_id == code or session in d.started), None)
    if found is None:
        raise Refusal("ACCESS_ERROR", "You do not have access to this dialog")
    return found


def _dialog(call: Call) -> Json:
    dialog, portal = _found(call), call.portal
    return {
        "id": dialog.chat_id,
        "dialog_id": f"chat{dialog.chat_id}",
        "type": "lines",
        "message_type": "L",
        "name": f"{portal.users[dialog.user_id].full_name} - {portal.lines[dialog.line_id].name}",
        "owner": dialogs.owner_shown(portal, dialog),
        "extranet": True,
        "entity_type": "LINES",
        "entity_id": dialog.entity_id,
        "entity_data_1": dialog.entity_data_1,
        "entity_data_2": dialog.entity_data_2,
        "entity_data_3": "N",
        "manager_list": [],
        "last_message_id": dialog.messages[-1].id if dialog.messages else 0,
        "user_counter": len(dialog.members) + 1,
    }


def _history(call: Call) -> Json:
    portal, session = call.portal, call.number("SESSION_ID")
    if session:
        dialog = next((d for d in portal.dialogs.values() if session in d.started), None)
        if dialog is None:
            raise Refusal("ACCESS_DENIED", "You cannot open this conversation")
    else:
        number = call.number("CHAT_ID")
        dialog = portal.dialogs.get(number)
        if dialog is None:
            raise Refusal("CHAT_ID", "An incorrect chat identifier was provided")
        if call.access.user_id not in dialog.members:
            raise Refusal("ACCESS_DENIED", "You cannot open this conversation")
        session = dialog.session_id
    begins = dialog.started[session]
    ends = min((at for at in dialog.started.values() if at > begins), default=float("inf"))
    rows = [each for each in dialog.messages if begins <= each.created < ends]
    people = {each.author_id for each in rows} - {0} | {dialog.user_id}
    return {
        "chatId": dialog.chat_id,
        "sessionId": session,
        "userId": f"chat{dialog.chat_id}",
        "message": {
            str(each.id): {
                "id": str(each.id),
                "chatid": str(dialog.chat_id),
                "senderid": str(each.author_id),
                "recipientid": f"chat{dialog.chat_id}",
                "date": portal.iso(each.created),
                "text": each.text,
                "textlegacy": each.text,
                "params": {"fileId": [str(one["id"]) for one in each.files]} if each.files else [],
            }
            for each in reversed(rows)
        }
        or [],
        "users": {
            str(number): {
                "id": str(number),
                "name": portal.users[number].full_name,
                "active": portal.users[number].active,
                "bot": portal.users[number].is_bot,
                "connector": portal.users[number].is_connector,
                "extranet": portal.users[number].is_connector,
                "externalAuthId": "imconnector" if portal.users[number].is_connector else "default",
            }
            for number in sorted(people)
        },
        "chat": {
            str(dialog.chat_id): {
                "id": str(dialog.chat_id),
                "owner": str(dialogs.owner_shown(portal, dialog)),
                "entityType": "LINES",
                "entityId": dialog.entity_id,
                "entityData1": dialog.entity_data_1,
                "entityData2": dialog.entity_data_2,
                "entityData3": "N",
                "type": "lines",
                "messageType": "L",
            }
        },
        "files": {str(one["id"]): one for each in rows for one in each.files} or [],
    }


def _bot_in(call: Call) -> tuple[Dialog, Bot]:
    """Return the dialog and the bot that leads it. Raises CHAT_ID_EMPTY and WRONG_CHAT."""
    if not call.number("CHAT_ID"):
        raise Refusal("CHAT_ID_EMPTY", "Chat identifier not provided")
    dialog = call.portal.dialogs.get(call.number("CHAT_ID"))
    bot = None if dialog is None or dialog.owner or dialog.closed else _member_bot(call, dialog)
    if dialog is None or bot is None:
        raise Refusal("WRONG_CHAT", "Operator is not a bot")
    return dialog, bot


def _member_bot(call: Call, dialog: Dialog) -> Bot | None:
    return next((call.portal.bots[each] for each in sorted(dialog.members) if each in call.portal.bots), None)


def _operator(call: Call) -> bool:
    dialog, _ = _bot_in(call)
    line = call.portal.lines[dialog.line_id]
    dialogs.to_queue(call.portal, dialog, leave=line.welcome_bot_left == "queue")
    return True


def _owned(call: Call, bot: Bot) -> None:
    if call.access.secret is not None and call.text("CLIENT_ID") != bot.token:
        raise Refusal("BOT_ID_ERROR", "Incorrect chatbot identifier")


def _transfer(call: Call) -> bool:
    portal, (dialog, bot) = call.portal, _bot_in(call)
    _owned(call, bot)
    queue = call.number("QUEUE_ID") or call.text("TRANSFER_ID").removeprefix("queue")
    leave = call.text("LEAVE").upper() == "Y"
    if call.number("USER_ID"):
        person = portal.users.get(call.number("USER_ID"))
        if person is None or person.is_bot or person.is_connector:
            raise Refusal("WRONG_CHAT", "Incorrect user identifier")
        dialogs.take(portal, dialog, person)
        if leave:
            dialog.members.discard(bot.id)
        return True
    if not queue or int(queue) not in portal.lines:
        raise Refusal("TRANSFER_ID_EMPTY", "Transfer identifier not provided")
    dialog.line_id = int(queue)
    dialogs.to_queue(portal, dialog, leave=leave)
    return True


def _finish(call: Call) -> bool:
    dialog, bot = _bot_in(call)
    _owned(call, bot)
    dialogs.finish(call.portal, dialog)
    return True


def _tied(call: Call) -> list[Dialog]:
    kind, number = call.text("CRM_ENTITY_TYPE").lower(), call.number("CRM_ENTITY")
    if kind not in {"lead", "deal", "contact"} or not number:
        raise Refusal("CRM_ENTITY_EMPTY", "CRM entity is not specified")
    return [each for each in call.portal.dialogs.values() if getattr(each, f"{kind}_id") == number]


def _crm_chats(call: Call) -> list[Json]:
    return [{"CHAT_ID": str(each.chat_id), "CONNECTOR_ID": each.connector} for each in _tied(call)]


def _last_chat(call: Call) -> int:
    found = _tied(call)
    if not found:
        raise Refusal("CHAT_NOT_IN_CRM", "The chat was not found")
    return found[-1].chat_id
