# ruff: noqa: INP001 (a folder of events and the scripts that write them, no package)
"""What Bitrix24 posts to a bot, of version 1 and of version 2. Every value is a text, empty groups are missing."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from events.http_api import Event, flat, http_event

DOMAIN = "oknaufa.bitrix24.ru"
MEMBER = "0f3c6a1b9d2e4f5a8b7c6d5e4f3a2b1c"
BOT = "975"
BOT_TOKEN = "dt-4b1c8e2f7a9d3c5e6f1a2b3c4d5e6f70"  # noqa: S105 (invented)
CLIENT_ID = "dt1-9c8b7a6d5e4f3a2b1c0d9e8f7a6b5c4d"
CHAT = "944"
SESSION = "398"
DEAL = "804"
GUEST = "977"
OPERATOR = "3"
ENTITY = f"telegrambot|1|241233065|{GUEST}"
DATA_1 = f"Y|DEAL|{DEAL}|N|N|{SESSION}|1795383600|0|0|0"
DATA_2 = f"LEAD|0|COMPANY|0|CONTACT|151|DEAL|{DEAL}"

Body = dict[str, Any]


def auth(token: str, **changes: str) -> Body:
    """Return an event's top-level auth: no token to call with."""
    fields = {
        "domain": DOMAIN,
        "client_endpoint": f"https://{DOMAIN}/rest/",
        "server_endpoint": "https://oauth.bitrix.info/rest/",
        "member_id": MEMBER,
        "application_token": token,
    }
    return fields | changes


def person(number: str, name: str, kind: str) -> Body:
    """Return a version 2 author: kind is connector, employee or bot."""
    return {
        "id": number,
        "active": "1",
        "name": name,
        "firstName": name,
        "lastName": "",
        "workPosition": "",
        "gender": "M",
        "extranet": "1" if kind == "connector" else "0",
        "bot": "1" if kind == "bot" else "0",
        "connector": "1" if kind == "connector" else "0",
        "externalAuthId": {"connector": "imconnector", "bot": "bot"}.get(kind, "default"),
        "type": "user" if kind == "connector" else kind,
    }


GUEST_2 = person(GUEST, "Олег", "connector")
OPERATOR_2 = person(OPERATOR, "Марина", "employee")


def v2(number: int, text: str, user: Body = GUEST_2, *, event: str = "MESSAGEADD", **changes: Any) -> Body:  # noqa: ANN401 (any of the body's fields)
    """Return a version 2 event; `changes` replaces fields of the message or, if known there, of the chat.

    None leaves one out.
    """
    message = {
        "id": str(number),
        "chatId": CHAT,
        "authorId": user["id"],
        "date": "2026-11-22T10:00:00+03:00",
        "text": text,
        "isSystem": "0",
        "uuid": "",
        "forward": "",
        "viewedByOthers": "0",
    }
    chat = {
        "id": CHAT,
        "dialogId": f"chat{CHAT}",
        "type": "lines",
        "name": "Олег - Telegram",
        "entityType": "LINES",
        "entityId": ENTITY,
        "entityData1": DATA_1,
        "entityData2": DATA_2,
        "entityData3": "N",
        "owner": "0",
    }
    for name, value in changes.items():
        (chat if name in chat else message)[name] = value
    inner = auth(f"custom{BOT_TOKEN}") | {"access_token": "a-token-of-the-author", "status": "L", "user_id": user["id"]}
    bot = {"id": BOT, "code": "dealtalk", "auth": inner}
    kept = [{key: each for key, each in group.items() if each is not None} for group in (message, chat)]
    data: Body = {"bot": bot, "message": kept[0], "chat": kept[1], "user": user, "language": "ru"}
    return {
        "event": f"ONIMBOTV2{event}",
        "event_handler_id": "1975",
        "data": data,
        "ts": "1795330800",
        "auth": auth(f"custom{BOT_TOKEN}"),
    }


def v1(number: int, text: str, *, event: str = "MESSAGEADD", user: Body | None = None, **changes: Any) -> Body:  # noqa: ANN401 (any of the body's fields)
    """Return a version 1 event; `user` replaces fields of USER, `changes` those of PARAMS, None leaves one out.

    It has no event_handler_id, as the events that were seen.
    """
    params = {
        "FROM_USER_ID": GUEST,
        "AUTHOR_ID": GUEST,
        "MESSAGE": text,
        "MESSAGE_ORIGINAL": text,
        "MESSAGE_ID": str(number),
        "DIALOG_ID": f"chat{CHAT}",
        "TO_CHAT_ID": CHAT,
        "CHAT_ID": CHAT,
        "CHAT_TYPE": "L",
        "MESSAGE_TYPE": "L",
        "SYSTEM": "N",
        "SKIP_COMMAND": "N",
        "SKIP_CONNECTOR": "N",
        "IMPORTANT_CONNECTOR": "N",
        "SILENT_CONNECTOR": "N",
        "CHAT_AUTHOR_ID": "0",
        "CHAT_ENTITY_TYPE": "LINES",
        "CHAT_ENTITY_ID": ENTITY,
        "CHAT_ENTITY_DATA_1": DATA_1,
        "CHAT_ENTITY_DATA_2": DATA_2,
        "CHAT_ENTITY_DATA_3": "N",
        "COMMAND_CONTEXT": "TEXTAREA",
        "LANGUAGE": "ru",
    }
    known = {
        "ID": GUEST,
        "NAME": "Олег",
        "FIRST_NAME": "Олег",
        "LAST_NAME": "",
        "GENDER": "M",
        "IS_BOT": "N",
        "IS_CONNECTOR": "Y",
        "IS_NETWORK": "N",
        "IS_EXTRANET": "Y",
    }
    kept = {name: value for name, value in (params | changes).items() if value is not None}
    data: Body = {"BOT": {BOT: {"BOT_ID": BOT, "BOT_CODE": "dealtalk"}}, "PARAMS": kept, "USER": known | (user or {})}
    return {"event": f"ONIMBOT{event}", "data": data, "ts": "1795330800", "auth": auth(CLIENT_ID)}


def form(body: Body) -> str:
    """Return a body as PHP writes it."""
    return urlencode(flat(body))


def event(body: Body | None = None, method: str = "POST", *, on_aws: bool = True) -> Event:
    """Return a request of Bitrix24."""
    text = None if body is None else form(body)
    return http_event("bitrix24", method, text, user_agent="Bitrix24 Webhook Engine", on_aws=on_aws)


def joined(version: int) -> Body:
    """Return the event of a bot that was put into a chat."""
    if version == 1:
        body = v1(0, "", event="JOINCHAT", MESSAGE_ID=None, MESSAGE=None, USER_ID=GUEST, BOT_ID=BOT)
        del body["data"]["USER"]
        return body
    body = v2(0, "", event="JOINCHAT")
    del body["data"]["message"]
    body["data"]["dialogId"] = f"chat{CHAT}"
    return body


def removed(version: int) -> Body:
    """Return the last event of a bot."""
    body = v1(0, "", event="DELETE") if version == 1 else v2(0, "", event="DELETE")
    body["data"] = {"BOT_ID": BOT, "BOT_CODE": "dealtalk"} if version == 1 else {"bot": body["data"]["bot"]}
    return body


def bitrix24_webhook() -> dict[str, Event]:
    """Return the cases by the name of their file."""
    asked = "Здравствуйте! Сколько стоит окно 1300 на 1400 & когда замер? +7 917 000-00-00"
    employee = {"ID": OPERATOR, "NAME": "Марина", "IS_CONNECTOR": "N", "IS_EXTRANET": "N"}
    files = {
        "77": {"id": "77", "name": "window.jpg", "type": "image", "urlShow": f"https://{DOMAIN}/disk/showFile/77/"}
    }
    deleted = v2(371, "", event="MESSAGEDELETE")
    del deleted["data"]["message"]
    deleted["data"]["messageId"] = "371"
    install = {
        "event": "ONAPPINSTALL",
        "data": {"VERSION": "1", "ACTIVE": "Y", "INSTALLED": "Y", "LANGUAGE_ID": "ru"},
        "ts": "1795330800",
        "auth": auth("an-app-s-token") | {"access_token": "an-access-token", "refresh_token": "a-refresh-token"},
    }
    wazzup = "=== Исходящее сообщение, автор: Марина ===\nДобрый день, перезвоню через час"
    return {
        "v2_text": event(v2(370, asked)),
        "v2_text_plain": event(v2(370, asked), on_aws=False),
        "v1_text": event(v1(371, asked)),
        "v2_operator": event(v2(372, "Это Марина, посчитаю и напишу", OPERATOR_2)),
        "v1_operator": event(v1(373, "Это Марина", user=employee, FROM_USER_ID=OPERATOR, AUTHOR_ID=OPERATOR)),
        "v2_other_bot": event(v2(374, "Мы скоро ответим", person("980", "Автоответ", "bot"))),
        "v2_dialog_taken": event(v2(375, "А подоконник входит?", owner=OPERATOR)),
        "v1_dialog_taken": event(v1(376, "А подоконник входит?", CHAT_AUTHOR_ID=OPERATOR)),
        "v2_files": event(v2(377, "", params={"FILE_ID": {"0": "77", "1": "78"}})),
        "v1_file": event(v1(378, "", FILES=files, PARAMS={"FILE_ID": {"0": "77"}})),
        "v2_without_entity_data": event(v2(379, "Добрый день", entityData1=None, entityData2=None, entityData3=None)),
        "v1_lead_only": event(
            v1(
                380,
                "Добрый день",
                CHAT_ENTITY_DATA_1="Y|LEAD|17|N|N|399|1795383600|0|0|0",
                CHAT_ENTITY_DATA_2="LEAD|17|COMPANY|0|CONTACT|0|DEAL|0",
            )
        ),
        "v1_no_crm_yet": event(
            v1(381, "Добрый день", CHAT_ENTITY_DATA_1="N|NONE|0|N|N|400|1795383600|0|0|", CHAT_ENTITY_DATA_2="")
        ),
        "v1_wazzup_echo": event(v1(382, wazzup)),
        "v1_wazzup_system": event(v1(383, "=== SYSTEM WZ ===\nДоставлено")),
        "v2_system": event(v2(384, "Марина начала работу с диалогом", OPERATOR_2, isSystem="1")),
        "v2_private_chat": event(v2(385, "привет, бот", OPERATOR_2, entityType="", entityId="", type="chat")),
        "v1_task_chat": event(v1(386, "в задаче", CHAT_ENTITY_TYPE="TASKS_TASK", CHAT_ENTITY_ID="15", CHAT_TYPE="C")),
        "v2_message_update": event(v2(370, "поправил", event="MESSAGEUPDATE")),
        "v1_message_update": event(v1(371, "поправил", event="MESSAGEUPDATE")),
        "v2_message_delete": event(deleted),
        "v2_join_chat": event(joined(2)),
        "v1_join_chat": event(joined(1)),
        "v2_bot_deleted": event(removed(2)),
        "v1_bot_deleted": event(removed(1)),
        "app_install": event(install),
        "probe_get": event(method="GET"),
    }


FUNCTIONS = (bitrix24_webhook,)
