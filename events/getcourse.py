# ruff: noqa: INP001 (a folder of events and the scripts that write them, no package)
"""What a chat beside GetCourse posts, by the custom channel's protocol, with the order that it belongs to."""

from __future__ import annotations

import json
from typing import Any

from dealtalk.messages import ConversationKey
from events.custom import TOKEN, message
from events.http_api import JSON, Event, http_event

ACCOUNT = "school"
CHAT = "telegram:7001"
CONVERSATION = ConversationKey.of_chat("getcourse", ACCOUNT, CHAT)
"""The one that `text_with_order` begins."""

ORDER: dict[str, Any] = {
    "id": "100234",
    "title": "Курс «Фотография»",
    "pipeline_id": "orders",
    "stage_id": "new",
    "price": "9900",
    "contact": {"id": "student@example.test", "name": "Олег", "fields": {"email": "student@example.test"}},
}
STATUSES: dict[str, Any] = {
    "pipelines": [
        {
            "id": "orders",
            "name": "Заказы",
            "stages": [
                {"id": "new", "name": "Новый"},
                {"id": "in_work", "name": "В работе"},
                {"id": "payed", "name": "Завершен", "outcome": "won"},
                {"id": "cancelled", "name": "Отменен", "outcome": "lost"},
            ],
        }
    ],
    "fields": [{"id": "city", "name": "Город", "type": "text"}],
    "people": [{"id": "manager@example.test", "name": "Марина"}],
    "currency": "RUB",
}


def event(document: dict[str, Any]) -> Event:
    """Return a post of this document."""
    return http_event(
        "getcourse",
        body=json.dumps(document, ensure_ascii=False),
        user_agent="school-chat/1.0",
        content_type=JSON,
        more_headers={"authorization": f"Bearer {TOKEN}"},
    )


def getcourse_webhook() -> dict[str, Any]:
    """Return the cases by the name of their file."""
    said = {"chat_id": CHAT, "source": "Telegram"}
    return {
        "text": event(message(1, "Здравствуйте! Когда начало курса?", **said)),
        "text_with_order": event(message(2, "Хочу записаться", deal=ORDER, deal_schema=STATUSES, **said)),
        "employee": event(message(3, "Олег, это Марина, я отвечу.", message_sender="employee", **said)),
    }


FUNCTIONS = (getcourse_webhook,)
