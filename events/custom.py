# ruff: noqa: INP001 (a folder of events and the scripts that write them, no package)
"""What a CRM of one's own posts by the custom channel's protocol."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

from dealtalk.crm.custom.signature import signature_headers
from dealtalk.messages import ConversationKey
from events.http_api import JSON, Event, http_event

ACCOUNT = "oknaufa"
TOKEN = "demo-channel-token"  # noqa: S105 (of an account that nobody has)
SIGNING_SECRET = "demo-signing-secret"  # noqa: S105 (as above)
SIGNED_AT = datetime(2026, 11, 20, 9, 46, 40, tzinfo=UTC)
CHAT = "whatsapp:79170000000"
CONVERSATION = ConversationKey.of_chat("custom", ACCOUNT, CHAT)
"""The one that `text` begins."""

STAGES = [
    {"id": "new", "name": "Новый"},
    {"id": "qualification", "name": "Квалификация"},
    {"id": "won", "name": "Оплачен", "outcome": "won"},
]
DEAL: dict[str, Any] = {
    "id": "D-1042",
    "version": 7,
    "title": "Окна на кухню",
    "pipeline_id": "sales",
    "stage_id": "new",
    "responsible_id": "u2",
    "price": "18900.50",
    "tags": ["сайт"],
    "fields": {"city": "Уфа", "quantity": 3},
    "contact": {"id": "c-7", "name": "Олег"},
}
SCHEMA: dict[str, Any] = {
    "pipelines": [{"id": "sales", "name": "Продажи", "stages": STAGES}],
    "fields": [
        {"id": "city", "name": "Город", "type": "text"},
        {"id": "quantity", "name": "Количество", "type": "number"},
        {"id": "frame", "name": "Профиль", "type": "select", "options": ["REHAU", "VEKA"]},
    ],
    "people": [{"id": "u2", "name": "Олег"}, {"id": "u3", "name": "Марина", "active": False}],
    "currency": "RUB",
}


def message(number: int, text: str | None, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 (any of the protocol's fields)
    """Return a customer's message; `changes` replaces fields, None leaves one out."""
    fields: dict[str, Any] = {
        "api_version": 1,
        "message_id": f"msg-{number}",
        "chat_id": CHAT,
        "text": text,
        "message_sender": "customer",
        "source": "Олег, WhatsApp",
        "client_name": "Олег",
        "client_phone": "+79170000000",
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def event(document: dict[str, Any], *, token: str | None = TOKEN, **more_headers: str) -> Event:
    """Return a post of this document."""
    shown = {"authorization": f"Bearer {token}"} if token else {}
    body = json.dumps(document, ensure_ascii=False)
    return http_event(
        "custom",
        body=body,
        user_agent="oknaufa-crm/2.1",
        content_type=JSON,
        more_headers={**shown, **{name.replace("_", "-"): value for name, value in more_headers.items()}},
    )


def custom_webhook() -> dict[str, Any]:
    """Return the cases by the name of their file."""
    asked = message(1, "Здравствуйте! Сколько стоит окно 1300 на 1400 & когда замер?")
    picture = {"file_name": "window.png", "file_type": "image", "data": base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()}
    linked = {"file_name": "voice.ogg", "file_type": "audio", "url": "https://crm.oknaufa.example/files/voice.ogg"}
    dressed = message(
        6,
        "Добрый день",
        placeholders={"city": "Уфа"},
        link={"type": "chat", "hint": "Диалог", "url": "https://crm.oknaufa.example/chats/1"},
        attachments=[],
    )
    signed = json.dumps(asked, ensure_ascii=False).encode()
    headers = {name.lower(): value for name, value in signature_headers(SIGNING_SECRET, signed, SIGNED_AT).items()}
    simple = {"id": "D-1043", "title": "Балкон", "stage_id": "Новый", "allowed_stages": ["Новый", "Квалификация"]}
    return {
        "text": event(asked),
        "text_with_deal": event(message(2, "Нужно три окна", deal=DEAL, deal_schema=SCHEMA)),
        "text_with_allowed_stages": event(message(3, "А балкон?", deal=simple)),
        "deal_deleted": event(message(4, "Я передумал", deal={"id": DEAL["id"], "deleted": True})),
        "every_field_of_the_protocol": event(dressed),
        "picture": event(message(5, None, attachments=[picture])),
        "voice_by_link": event(message(7, None, attachments=[linked])),
        "employee": event(message(8, "Олег, это Марина, я посчитаю сама.", message_sender="employee")),
        "signed": event(asked, **headers),
        "wrong_token": event(asked, token="another"),  # noqa: S106 (a wrong one)
        "no_token": event(asked, token=None),
        "no_text": event(message(9, None)),
        "other_version": event(message(10, "Добрый день", api_version=2)),
    }


FUNCTIONS = (custom_webhook,)
