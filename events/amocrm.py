# ruff: noqa: INP001 (a folder of events and the scripts that write them, no package)
"""What amoCRM and Kommo post."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

from dealtalk.messages import ConversationKey
from events.http_api import FORM, JSON, KEY, Event, flat, http_event

ACCOUNT: dict[str, Any] = {"subdomain": "oknaufa", "id": "31337000", "_links": {"self": "https://oknaufa.amocrm.ru"}}

CHAT = "54caee02-e383-46d8-a9b7-1fb43f07cffe"
CUSTOMER = {
    "id": "1db2f5cc-aea4-4f96-8d4f-a256ead5b7b0",
    "type": "external",
    "name": "Олег",
    "avatar_url": "https://amojo.amocrm.ru/attachments/profiles/1db2f5cc/128x128.jpg",
}
EMPLOYEE = {"id": "5b0b1a4e-6e1d-4b2f-9a37-2f0c5c1f7c11", "type": "internal", "user_id": "10004026", "name": "Марина"}
BOT = {"id": "c2b7a3d0-1f7e-4d0d-8a58-0b9c2a6f3e42", "type": "bot", "name": "SalesBot"}

CONVERSATION = ConversationKey.of_chat("amocrm", ACCOUNT["id"], CHAT)
"""The one that `text` begins."""

Message = dict[str, Any]


def message(number: int, text: str, **changes: Any) -> Message:  # noqa: ANN401 (any of the webhook's fields)
    """Return a customer's message as amoCRM posts it; `changes` replaces fields, None leaves one out."""
    fields: Message = {
        "id": f"a0ce13c7-4825-4ecc-9dc0-{number:012d}",
        "chat_id": CHAT,
        "talk_id": "100",
        "contact_id": "93589657",
        "text": text,
        "created_at": str(1_795_000_000 + number),
        "message_type": "text",
        "element_type": "2",
        "entity_type": "lead",
        "element_id": "27754599",
        "entity_id": "27754599",
        "type": "incoming",
        "author": CUSTOMER,
        "origin": "telegram",
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def outgoing(number: int, text: str, author: dict[str, str]) -> Message:
    """Return a message that went to the customer."""
    recipient = {name: CUSTOMER[name] for name in ("id", "type", "name")}
    return message(number, text, type="outgoing", author=author, recipient=recipient, source_id="19666978")


def attached(number: int, kind: str, file_name: str) -> Message:
    """Return a customer's message without text and with a file."""
    link = f"https://amojo.amocrm.ru/attachments/8d5f0a52/{file_name}"
    return message(number, "", message_type=kind, attachment={"type": kind, "link": link, "file_name": file_name})


def numbered(items: list[Message]) -> dict[str, Message]:
    """Return items as a form's group: "0", "1", ..."""
    return {str(number): item for number, item in enumerate(items)}


def form(**groups: Any) -> str:  # noqa: ANN401 (nested groups)
    """Return the body of a form with the account's block in front."""
    return urlencode(flat({"account": ACCOUNT, **groups}))


def event(method: str = "POST", body: str | None = None, *, content_type: str = FORM, on_aws: bool = True) -> Event:
    """Return a request of amoCRM."""
    agent = "amoCRM-Webhooks/3.0"
    return http_event("amocrm", method, body, user_agent=agent, content_type=content_type, on_aws=on_aws)


def amocrm_webhook() -> dict[str, Event]:
    """Return the cases by the name of their file."""
    asked = message(1, "Здравствуйте! Сколько стоит окно 1300 на 1400 & когда замер? +7 917 000-00-00")
    burst = [message(2, "Добрый день"), message(3, "нужно окно на кухню"), message(4, "1300 на 1400, белое 🙂")]
    told = outgoing(7, "Олег, это Марина, я посчитаю и напишу вам через час.", EMPLOYEE)
    answered = outgoing(8, "Здравствуйте! Окно 1300 × 1400 стоит от 18 900 ₽.", BOT)
    greeted = outgoing(9, "Мы получили ваше сообщение и скоро ответим.", {**BOT, "name": "Автоответ"})
    contact_only = message(
        10, "А подоконник входит?", element_type="1", entity_type="contact", element_id="93589657", entity_id="93589657"
    )
    unsorted = {
        "uid": "0b1f2c3d4e5f60718293a4b5c6d7e8f9",
        "category": "chats",
        "lead_id": "27754601",
        "pipeline_id": "7173574",
        "account_id": ACCOUNT["id"],
        "source_data": {"client": {"id": CUSTOMER["id"], "name": CUSTOMER["name"]}, "origin": "telegram"},
        "data": {"contacts": {"0": {"id": "93589657"}}},
    }
    lead = {"id": "27754599", "status_id": "59936202", "old_status_id": "59936198", "pipeline_id": "7173574"}
    text = form(message={"add": {"0": asked}})
    trailing_slash = event(body=text)
    trailing_slash["rawPath"] += "/"
    trailing_slash["pathParameters"] = {"connection": f"{KEY}/"}
    document = {"message": {"add": [asked]}, "account": ACCOUNT}
    return {
        "text": event(body=text),
        "text_plain": event(body=text, on_aws=False),
        "text_json": event(body=json.dumps(document, ensure_ascii=False), content_type=JSON),
        "text_unwrapped": event(body=form(add={"0": asked})),
        "trailing_slash": trailing_slash,
        "burst": event(body=form(message={"add": numbered(burst)})),
        "voice": event(body=form(message={"add": {"0": attached(5, "voice", "voice_5.ogg")}})),
        "picture": event(body=form(message={"add": {"0": attached(6, "picture", "window.jpg")}})),
        "location": event(body=form(message={"add": {"0": message(11, "", message_type="location")}})),
        "contact_only": event(body=form(message={"add": {"0": contact_only}})),
        "unsorted": event(body=form(unsorted={"add": {"0": unsorted}}, message={"add": {"0": contact_only}})),
        "outgoing_employee": event(body=form(outgoing_message={"add": {"0": told}})),
        "outgoing_employee_in_message": event(body=form(message={"add": {"0": told}})),
        "outgoing_own_echo": event(body=form(outgoing_message={"add": {"0": answered}})),
        "outgoing_other_bot": event(body=form(outgoing_message={"add": {"0": greeted}})),
        "several_groups": event(body=form(leads={"status": {"0": lead}}, message={"add": {"0": asked}})),
        "unknown_event": event(body=form(chat_template_review={"add": {"0": {"id": "77", "status": "approved"}}})),
        "lead_update": event(body=form(leads={"update": {"0": lead}})),
        "probe_get": event("GET"),
        "probe_head": event("HEAD"),
    }


WIDGET_SECRET = "demo-integration-secret"  # noqa: S105 (an invented one)
WIDGET_CLAIMS: dict[str, Any] = {
    "iss": "https://oknaufa.amocrm.ru",
    "aud": "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
    "jti": "5d2c6f0e-0a3b-4a31-93d1-6a1c2b7d8e90",
    "iat": 1_795_168_000,
    "nbf": 1_795_168_000,
    "exp": 2_110_000_000,
    "account_id": int(ACCOUNT["id"]),
    "subdomain": ACCOUNT["subdomain"],
    "client_uuid": "0b6c1f6e-2d52-4b0a-9c55-1a1f0b8a7c34",
    "entity_id": 27754599,
    "entity_type": 2,
    "bot_type": "salesbot",
}
"""A real token lives for minutes; this one for years, so that the file can be used."""


def widget_request(secret: str = WIDGET_SECRET, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 (claims)
    """Return what a Salesbot's widget step posts; `changes` replaces claims."""
    parts = [{"typ": "JWT", "alg": "HS512"}, WIDGET_CLAIMS | changes]
    signed = ".".join(_base64url(json.dumps(part).encode()) for part in parts)
    signature = _base64url(hmac.new(secret.encode(), signed.encode(), hashlib.sha512).digest())
    return {
        "token": f"{signed}.{signature}",
        "data": {"message": "Сколько стоит окно 1300 на 1400?", "lead": "27754599", "phone": "{{contact.phone}}"},
        "return_url": "https://oknaufa.amocrm.ru/api/v4/salesbot/50004/continue/20240085",
    }


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def amocrm_widget() -> dict[str, Event]:
    """Return the cases by the name of their file: a Salesbot's widget step, on its own route."""

    def posted(body: str, content_type: str = FORM) -> Event:
        return http_event("amocrm/widget", "POST", body, user_agent="amoCRM-Salesbot/1.0", content_type=content_type)

    request = widget_request()
    text = {**request, "data": json.dumps(request["data"], ensure_ascii=False)}
    elsewhere = {**request, "return_url": "https://collector.example/api/v4/salesbot/50004/continue/20240085"}
    return {
        "form": posted(urlencode(flat(request))),
        "json": posted(json.dumps(request, ensure_ascii=False), JSON),
        "data_as_text": posted(urlencode(text)),
        "elsewhere": posted(urlencode(flat(elsewhere))),
        "forged": posted(urlencode(flat(widget_request("guessed")))),
        "expired": posted(urlencode(flat(widget_request(exp=1_795_169_800)))),
    }


FUNCTIONS = (amocrm_webhook, amocrm_widget)
