# ruff: noqa: INP001 (a folder of events and the script that writes them, no package)
"""Writes the events of every function, so that what is encoded or hashed there can be read here.

Run it from the project's root: `python -m events.build`. A test compares the files with what this writes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from dealtalk.connections import connection_id
from dealtalk.conversation.doorbell import Ring, counted_dedup, message_dedup
from dealtalk.messages import ConversationKey, short_hash

KEY = "demo-connection-key"
ACCOUNT: dict[str, Any] = {"subdomain": "oknaufa", "id": "31337000", "_links": {"self": "https://oknaufa.amocrm.ru"}}
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

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
REGION = "eu-central-1"
AWS_ACCOUNT = "123456789012"

Message = dict[str, Any]
Event = dict[str, Any]


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


def flat(group: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return a nested group as a form's keys and values."""
    pairs: list[tuple[str, str]] = []
    for name, value in group.items():
        key = f"{prefix}[{name}]" if prefix else name
        pairs += flat(value, key) if isinstance(value, dict) else [(key, value)]
    return pairs


def form(**groups: Any) -> str:  # noqa: ANN401 (nested groups)
    """Return the body of a form with the account's block in front."""
    return urlencode(flat({"account": ACCOUNT, **groups}))


def event(method: str = "POST", body: str | None = None, *, content_type: str = FORM, on_aws: bool = True) -> Any:  # noqa: ANN401
    """Return an HTTP API event, payload 2.0. On AWS a form's body is base64, `sam local` hands it plain."""
    path = f"/amocrm/{KEY}"
    route = f"{method} /amocrm/{{connection+}}"
    headers = {
        "accept": "*/*",
        "content-length": str(len(body.encode()) if body else 0),
        "host": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
        "user-agent": "amoCRM-Webhooks/3.0",
        "x-forwarded-for": "203.0.113.7",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }
    complete: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "domainName": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
            "domainPrefix": "a1b2c3d4e5",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "amoCRM-Webhooks/3.0",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": route,
            "stage": "$default",
            "time": "20/Nov/2026:09:46:40 +0000",
            "timeEpoch": 1_795_168_000_000,
        },
        "pathParameters": {"connection": KEY},
        "isBase64Encoded": False,
    }
    if body is not None:
        encoded = on_aws and content_type == FORM
        headers["content-type"] = content_type
        complete["body"] = base64.b64encode(body.encode()).decode() if encoded else body
        complete["isBase64Encoded"] = encoded
    return complete


def amocrm_webhook() -> dict[str, Any]:
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


def doorbell(reason: str, dedup: str, *, body: str | None = None, receives: int = 1) -> Event:
    """Return the event of one doorbell of the FIFO queue, as the event source mapping hands it over."""
    ring = Ring(CONVERSATION, connection_id(KEY), 1, reason)
    text = ring.body() if body is None else body
    return {
        "Records": [
            {
                "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
                "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
                "body": text,
                "attributes": {
                    "ApproximateReceiveCount": str(receives),
                    "SentTimestamp": "1795168000500",
                    "SequenceNumber": "18849496460467696128",
                    "MessageGroupId": short_hash(CONVERSATION.partition),
                    "SenderId": "AROAIENQZJOLO23YVJ4VO:dealtalk-AmocrmWebhook",
                    "MessageDeduplicationId": dedup,
                    "ApproximateFirstReceiveTimestamp": "1795168004500",
                },
                "messageAttributes": {},
                "md5OfBody": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{AWS_ACCOUNT}:dealtalk-Queue.fifo",
                "awsRegion": REGION,
            }
        ]
    }


def responder() -> dict[str, Event]:
    """Return the cases by the name of their file: the doorbells of the conversation that `text` begins."""
    asked = f"a0ce13c7-4825-4ecc-9dc0-{1:012d}"
    return {
        "ring": doorbell("message", message_dedup(CONVERSATION, asked)),
        "ring_third_receive": doorbell("message", message_dedup(CONVERSATION, asked), receives=3),
        "ring_due": doorbell("due", counted_dedup(CONVERSATION, "due", 1)),
        "ring_redrive": doorbell("redrive", counted_dedup(CONVERSATION, "redrive", 2)),
        "ring_unreadable": doorbell("message", "by-hand", body="ping"),
    }


def scheduled(rule: str) -> Event:
    """Return the event of a schedule's rule."""
    return {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": AWS_ACCOUNT,
        "time": "2026-11-20T09:47:00Z",
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{AWS_ACCOUNT}:rule/dealtalk-{rule}"],
        "detail": {},
    }


def dead_letter_alarm() -> Event:
    """Return the event by which an alarm calls a function: the dead-letter queue is not empty."""
    name = "dealtalk-DeadLetterAlarm"
    dimensions = {"QueueName": "dealtalk-DeadLetterQueue.fifo"}
    metric = {"namespace": "AWS/SQS", "name": "ApproximateNumberOfMessagesVisible", "dimensions": dimensions}
    return {
        "source": "aws.cloudwatch",
        "alarmArn": f"arn:aws:cloudwatch:{REGION}:{AWS_ACCOUNT}:alarm:{name}",
        "accountId": AWS_ACCOUNT,
        "time": "2026-11-20T09:47:03.017+0000",
        "region": REGION,
        "alarmData": {
            "alarmName": name,
            "state": {
                "value": "ALARM",
                "reason": "Threshold Crossed: 1 datapoint [1.0 (20/11/26 09:46:00)] was greater than the threshold.",
                "reasonData": json.dumps({"version": "1.0", "recentDatapoints": [1.0], "threshold": 0.0}),
                "timestamp": "2026-11-20T09:47:03.013+0000",
            },
            "previousState": {
                "value": "OK",
                "reason": "no datapoints were received for 1 period and treated as [NonBreaching].",
                "timestamp": "2026-11-20T08:02:03.004+0000",
            },
            "configuration": {
                "description": "A doorbell died. The redriver is called.",
                "metrics": [
                    {
                        "id": "a1b2c3d4-0000-4000-8000-000000000001",
                        "metricStat": {"metric": metric, "period": "60", "stat": "Maximum"},
                        "returnData": True,
                    }
                ],
            },
        },
    }


def redriver() -> dict[str, Event]:
    """Return the cases by the name of their file."""
    return {"alarm": dead_letter_alarm(), "scheduled": scheduled("RedriverEvery15Minutes")}


def sweeper() -> dict[str, Event]:
    """Return the cases by the name of their file."""
    return {"scheduled": scheduled("SweeperEveryMinute")}


FUNCTIONS = (amocrm_webhook, responder, redriver, sweeper)
"""The cases of each function; its name is the folder's."""


def files() -> dict[Path, str]:
    """Return every file that is written, with its text."""
    here = Path(__file__).parent
    return {
        here / function.__name__ / f"{name}.json": json.dumps(case, ensure_ascii=False, indent=2) + "\n"
        for function in FUNCTIONS
        for name, case in function().items()
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
