"""The events that a bot is sent, in both formats, exactly as wide as the documented ones.

Follows apidocs.bitrix24.com/api-reference/chat-bots (v1) and chat-bots-v2/imbot.v2/events. A bot is told in the
format of the interface that registered it; a v2 bot in fetch mode is told nothing and asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.simulators.bitrix24 import dialogs

if TYPE_CHECKING:
    from local.simulators.bitrix24.entities import Bot, Dialog, Json, Message, User
    from local.simulators.bitrix24.state import Portal

LONGEST = 20_000


def said(portal: Portal, dialog: Dialog, bot: Bot, message: Message) -> None:
    """Tell a bot of a message."""
    author = portal.users[message.author_id]
    if bot.api == "v1":
        _send(portal, bot, "ONIMBOTMESSAGEADD", _v1_message(portal, dialog, bot, message, author))
    else:
        _send(portal, bot, "ONIMBOTV2MESSAGEADD", _v2_message(portal, dialog, bot, message, author))


def changed(portal: Portal, dialog: Dialog, bot: Bot, message: Message, *, deleted: bool) -> None:
    """Tell a bot that a message was edited or deleted."""
    author, kind = portal.users[message.author_id], "DELETE" if deleted else "UPDATE"
    if bot.api == "v1":
        _send(portal, bot, f"ONIMBOTMESSAGE{kind}", _v1_message(portal, dialog, bot, message, author))
        return
    body = _v2_message(portal, dialog, bot, message, author)
    if deleted:
        del body["message"]
        body["messageId"] = message.id
    _send(portal, bot, f"ONIMBOTV2MESSAGE{kind}", body)


def joined(portal: Portal, dialog: Dialog, bot: Bot) -> None:
    """Tell a bot that it was added to a chat."""
    if bot.api == "v1":
        params = {
            "CHAT_TYPE": "L",
            "MESSAGE_TYPE": "L",
            "BOT_ID": bot.id,
            "USER_ID": dialog.user_id,
            "CHAT_ID": dialog.chat_id,
            "CHAT_AUTHOR_ID": 0,
            "CHAT_ENTITY_TYPE": "LINES",
            "CHAT_ENTITY_ID": dialog.entity_id,
            "ACCESS_HISTORY": True,
            "DIALOG_ID": f"chat{dialog.chat_id}",
            "LANGUAGE": portal.lang,
        }
        _send(portal, bot, "ONIMBOTJOINCHAT", {"BOT": {bot.id: _v1_bot(bot)}, "PARAMS": params})
        return
    user = _v2_user(portal.users[dialog.user_id])
    body = {"dialogId": f"chat{dialog.chat_id}", "chat": _v2_chat(portal, dialog), "user": user}
    _send(portal, bot, "ONIMBOTV2JOINCHAT", {"bot": _v2_bot(portal, bot), **body, "language": portal.lang})


def removed(portal: Portal, bot: Bot) -> None:
    """Tell a bot that it was unregistered: the last that it hears."""
    if bot.api == "v1":
        _send(portal, bot, "ONIMBOTDELETE", {"BOT_ID": bot.id, "BOT_CODE": bot.code})
    else:
        _send(portal, bot, "ONIMBOTV2DELETE", {"bot": _v2_bot(portal, bot)})


def application_token(portal: Portal, bot: Bot) -> str:
    """Return what the top-level auth of this bot's events carries: by the way in which it was registered."""
    app = portal.apps.get(bot.owner)
    if app is not None:
        return app.application_token
    return str(bot.token) if bot.api == "v1" else f"custom{bot.token}"


def auth_block(portal: Portal, token: str) -> Json:
    """Return an event's top-level auth as a webhook's bot gets it: no tokens to call with."""
    return {
        "domain": portal.domain,
        "client_endpoint": f"https://{portal.domain}/rest/",
        "server_endpoint": "https://oauth.bitrix.info/rest/",
        "member_id": portal.member_id,
        "application_token": token,
    }


def _send(portal: Portal, bot: Bot, event: str, data: Json) -> None:
    now = portal.clock.now()
    if bot.api == "v2" and bot.event_mode == "fetch":
        data = {**data, "bot": {"id": bot.id, "code": bot.code, "eventMode": "fetch"}}
        row = {"eventId": portal.new_id("event"), "type": event, "date": portal.iso(now), "data": data}
        bot.queue.append(row)
        return
    url = bot.handlers.get(event, "") if bot.api == "v1" else bot.webhook_url
    if not url:
        return
    body: Json = {"event": event}
    if portal.settings.event_handler_id:
        body["event_handler_id"] = bot.id + 1000
    body |= {"data": data, "ts": int(now), "auth": auth_block(portal, application_token(portal, bot))}
    portal.post(url, event, body)


def _v1_bot(bot: Bot) -> Json:
    return {"BOT_ID": bot.id, "BOT_CODE": bot.code}


def _v1_message(portal: Portal, dialog: Dialog, bot: Bot, message: Message, author: User) -> Json:
    params: Json = {
        "FROM_USER_ID": author.id,
        "AUTHOR_ID": author.id,
        "MESSAGE": message.text,
        "MESSAGE_ORIGINAL": message.text,
        "MESSAGE_ID": message.id,
        "DIALOG_ID": f"chat{dialog.chat_id}",
        "TO_CHAT_ID": dialog.chat_id,
        "CHAT_ID": dialog.chat_id,
        "CHAT_TYPE": "L",
        "MESSAGE_TYPE": "L",
        "SYSTEM": "N",
        "SKIP_COMMAND": "N",
        "SKIP_CONNECTOR": "N",
        "IMPORTANT_CONNECTOR": "N",
        "SILENT_CONNECTOR": "N",
        "CHAT_AUTHOR_ID": dialogs.owner_shown(portal, dialog),
        "CHAT_ENTITY_TYPE": "LINES",
        "CHAT_ENTITY_ID": dialog.entity_id,
        "CHAT_ENTITY_DATA_1": dialog.entity_data_1,
        "CHAT_ENTITY_DATA_2": dialog.entity_data_2,
        "CHAT_ENTITY_DATA_3": "N",
        "COMMAND_CONTEXT": "TEXTAREA",
        "LANGUAGE": portal.lang,
    }
    if message.files:
        params["PARAMS"] = {"FILE_ID": [each["id"] for each in message.files]}
        params["FILES"] = {each["id"]: {**each, "chatId": dialog.chat_id} for each in message.files}
    user = {
        "ID": author.id,
        "NAME": author.full_name,
        "FIRST_NAME": author.name,
        "LAST_NAME": author.last_name,
        "WORK_POSITION": "",
        "GENDER": "M",
        "IS_BOT": _flag(author.is_bot),
        "IS_CONNECTOR": _flag(author.is_connector),
        "IS_NETWORK": "N",
        "IS_EXTRANET": _flag(author.is_connector),
    }
    return {"BOT": {bot.id: _v1_bot(bot)}, "PARAMS": params, "USER": user}


def _v2_bot(portal: Portal, bot: Bot) -> Json:
    auth = auth_block(portal, application_token(portal, bot)) | {"status": "L", "user_id": 1, "scope": "imbot"}
    return {"id": bot.id, "code": bot.code, "auth": auth}


def _v2_message(portal: Portal, dialog: Dialog, bot: Bot, message: Message, author: User) -> Json:
    cut = message.text if len(message.text) <= LONGEST else message.text[:LONGEST] + " (...)"
    params: Json = {"FILE_ID": [each["id"] for each in message.files]} if message.files else {}
    return {
        "bot": _v2_bot(portal, bot),
        "message": {
            "id": message.id,
            "chatId": dialog.chat_id,
            "authorId": author.id,
            "date": portal.iso(message.created),
            "text": cut,
            "isSystem": message.via == "system",
            "uuid": "",
            "forward": None,
            "params": params,
            "viewedByOthers": False,
        },
        "chat": _v2_chat(portal, dialog),
        "user": _v2_user(author),
        "language": portal.lang,
    }


def _v2_chat(portal: Portal, dialog: Dialog) -> Json:
    data: Json = {
        "id": dialog.chat_id,
        "dialogId": f"chat{dialog.chat_id}",
        "type": "lines",
        "name": f"{portal.users[dialog.user_id].full_name} - {portal.lines[dialog.line_id].name}",
        "entityType": "LINES",
        "entityId": dialog.entity_id,
        "owner": dialogs.owner_shown(portal, dialog),
        "avatar": "",
        "color": "#ab7761",
    }
    if portal.settings.v2_entity_data:
        data |= {"entityData1": dialog.entity_data_1, "entityData2": dialog.entity_data_2, "entityData3": "N"}
    return data


def _v2_user(user: User) -> Json:
    kind = "bot" if user.is_bot else "user" if user.is_connector else "employee"
    auth: Any = "imconnector" if user.is_connector else "bot" if user.is_bot else "default"
    return {
        "id": user.id,
        "active": user.active,
        "name": user.full_name,
        "firstName": user.name,
        "lastName": user.last_name,
        "workPosition": "",
        "gender": "M",
        "extranet": user.is_connector,
        "bot": user.is_bot,
        "connector": user.is_connector,
        "externalAuthId": auth,
        "status": "online",
        "departments": [] if user.is_connector else [1],
        "phones": False,
        "type": kind,
    }


def _flag(value: bool) -> str:  # noqa: FBT001 - one value of one field
    return "Y" if value else "N"
