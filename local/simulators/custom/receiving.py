"""The company's side of the callback: who may post, what an event must look like, and each event once.

Built from docs/openapi-custom.yaml: what is not described there is refused with 422, and so that the client learns
of it the reason is in the answer.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from local.simulators.custom.company import Line, in_words
from local.simulators.serving import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.simulators.custom.company import Company, Deal, Json
    from local.simulators.serving import Request

PATH = "/events"
WINDOW = 300
ALWAYS = {"test_request", "new_messages"}
NEEDS = {
    "deal_changes": "deal_changes",
    "deal_request": "deal_request",
    "schema_request": "deal_request",
    "event_status": "event_status",
    "person_needed": "person_needed",
}
BODIES = {
    "test_request": set[str](),
    "new_messages": {"chat_id", "new_messages"},
    "deal_changes": {"deal_id", "changes"},
    "deal_request": {"deal_id"},
    "schema_request": set(),
    "event_status": {"event_ids"},
    "person_needed": {"chat_id", "text"},
}
BOT = "Dealtalk"


class Refusal(Exception):
    """The event is not taken."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def serve(company: Company | None, request: Request) -> Response:
    """Return the answer to what was posted."""
    if company is None:
        return Response(404, {"error": "no such company"})
    try:
        with company.lock:
            _check_caller(company, request)
            return Response(200, _take(company, _event(request)))
    except Refusal as refusal:
        return Response(refusal.status, {"error": str(refusal)})


def _check_caller(company: Company, request: Request) -> None:
    if request.path != PATH or request.query:
        raise Refusal(404, "nothing is here")
    if request.method != "POST":
        raise Refusal(405, "events are posted")
    if not hmac.compare_digest(request.headers.get("authorization", ""), f"Bearer {company.token}"):
        raise Refusal(401, "wrong token")
    secret = company.settings.signing_secret
    if secret is None:
        return
    stamp = request.headers.get("x-dealtalk-timestamp", "")
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + request.body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(request.headers.get("x-dealtalk-signature", ""), f"sha256={digest}"):
        raise Refusal(401, "wrong signature")
    if not stamp.isdigit() or abs(int(stamp) - company.clock.now()) > WINDOW:
        raise Refusal(401, "old signature")


def _event(request: Request) -> Json:
    if request.headers.get("content-type") != "application/json":
        raise Refusal(415, "events are JSON")
    try:
        event = json.loads(request.body)
    except ValueError:
        raise Refusal(400, "no JSON") from None
    if not isinstance(event, dict):
        raise Refusal(422, "an event is an object")
    kind, event_id = event.get("event_type"), event.get("event_id")
    if kind not in BODIES:
        raise Refusal(422, "unknown event_type")
    if not isinstance(event_id, str) or not re.fullmatch(r"[0-9a-f]{32}", event_id):
        raise Refusal(422, "event_id is 32 hex digits")
    if set(event) != {"event_type", "event_id", *BODIES[kind]}:
        raise Refusal(422, f"{kind} has exactly {sorted(BODIES[kind])}")
    return event


def _take(company: Company, event: Json) -> Json:
    kind = event["event_type"]
    if kind not in ALWAYS and NEEDS[kind] not in company.settings.supports:
        raise Refusal(422, f"{kind} is not understood here")
    known = company.taken.get(event["event_id"])
    if known is not None and (kind != "new_messages" or company.settings.dedupes_messages):
        if known["event"] != event:
            raise Refusal(422, "another event had this id")
        return dict(known["answer"])
    answer = _HANDLERS[kind](company, event)
    if kind in {"new_messages", "deal_changes", "person_needed"}:
        company.taken[event["event_id"]] = {"event": event, "answer": answer}
        company.touch()
    return answer


def _test(company: Company, _event: Json) -> Json:
    return {"supports": list(company.settings.supports)}


def _messages(company: Company, event: Json) -> Json:
    chat, messages = company.chats.get(_text(event["chat_id"])), event["new_messages"]
    if chat is None:
        raise Refusal(422, "unknown chat_id")
    if not isinstance(messages, list) or not messages:
        raise Refusal(422, "new_messages is a list of messages")
    ids = []
    for message in messages:
        if not isinstance(message, dict) or set(message) != {"type", "message_sender", "text"}:
            raise Refusal(422, "a text message has type, message_sender and text")
        if message["type"] != "text" or message["message_sender"] not in {"ai", "employee"}:
            raise Refusal(422, "unknown type or message_sender")
        line = Line(company.new_id("m"), "bot", BOT, _text(message["text"]), int(company.clock.now()))
        chat.lines.append(line)
        ids.append(line.id)
    return {"message_ids": ids}


def _person(company: Company, event: Json) -> Json:
    chat = company.chats.get(_text(event["chat_id"]))
    if chat is None:
        raise Refusal(422, "unknown chat_id")
    if event["text"] is not None:
        chat.for_people.append(_text(event["text"]))
    chat.left_to_person += 1
    return {}


def _status(company: Company, event: Json) -> Json:
    ids = event["event_ids"]
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise Refusal(422, "event_ids is a list of ids")
    return {"taken": [each for each in ids if each in company.taken]}


def _deal(company: Company, event: Json) -> Json:
    deal = company.deal(_text(event["deal_id"]))
    return {"deal": None if deal is None else company.deal_json(deal)}


def _schema(company: Company, _event: Json) -> Json:
    return {"deal_schema": company.schema}


def _changes(company: Company, event: Json) -> Json:
    deal, changes = company.deal(_text(event["deal_id"])), event["changes"]
    if deal is None:
        raise Refusal(422, "unknown deal_id")
    if not isinstance(changes, list) or not changes or not all(isinstance(each, dict) for each in changes):
        raise Refusal(422, "changes is a list of changes")
    for change in changes:
        if set(change) != {"type", *_CHANGES.get(str(change.get("type")), ("",))}:
            raise Refusal(422, "a change of an unknown shape")
    results = [_apply(company, deal, change) for change in changes]
    deal.version += 1
    answer: Json = {"results": results}
    return answer | ({"deal": company.deal_json(deal)} if company.settings.answers_deal else {})


def _apply(company: Company, deal: Deal, change: Json) -> Json:
    try:
        created = _APPLY[change["type"]](company, deal, change)
    except ValueError as reason:
        return {"applied": False, "reason": str(reason)}
    return {"applied": True} | ({"created_id": created} if created else {})


def _move(company: Company, deal: Deal, change: Json) -> None:
    stage = company.stage(change["pipeline_id"], change["stage_id"])
    if stage is None:
        msg = "no such stage"
        raise ValueError(msg)
    allowed = company.settings.allowed_stages
    if allowed is not None and stage["id"] not in allowed:
        msg = "this stage is not allowed now"
        raise ValueError(msg)
    old = company.stage(deal.pipeline_id, deal.stage_id)
    _note(company, deal, "Этап", old["name"] if old else None, stage["name"])
    deal.pipeline_id, deal.stage_id = change["pipeline_id"], change["stage_id"]


def _price(company: Company, deal: Deal, change: Json) -> None:
    price = _decimal(change["price"])
    _note(company, deal, "Сумма", deal.price, f"{price:f}")
    deal.price = f"{price:f}"


def _field(company: Company, deal: Deal, change: Json) -> None:
    field, value = company.field(change["field_id"]), change["value"]
    if field is None or field.get("read_only"):
        msg = "no such field, or it cannot be changed"
        raise ValueError(msg)
    _check_value(field, value)
    _note(company, deal, field["name"], in_words(deal.fields.get(field["id"])), in_words(value))
    deal.fields[field["id"]] = value


def _check_value(field: Json, value: object) -> None:
    """Raise ValueError where the value is not of the field's kind."""
    kind, options = field["type"], field.get("options", ())
    texts = [value] if kind == "select" else value
    if kind == "checkbox":
        good = isinstance(value, bool)
    elif kind in {"select", "multiselect"}:
        good = isinstance(texts, list) and bool(texts) and all(each in options for each in texts)
    else:
        good = isinstance(value, str) and bool(value)
    if not good:
        msg = f"the value does not fit the field ({kind})"
        raise ValueError(msg)
    if kind == "number":
        _decimal(value)
    elif kind == "date":
        date.fromisoformat(str(value))
    elif kind == "datetime" and datetime.fromisoformat(str(value)).tzinfo is None:
        msg = "a time needs its zone"
        raise ValueError(msg)


def _add_tag(company: Company, deal: Deal, change: Json) -> None:
    if change["tag"].casefold() not in {each.casefold() for each in deal.tags}:
        _note(company, deal, "Теги", in_words(deal.tags), in_words([*deal.tags, change["tag"]]))
        deal.tags = [*deal.tags, change["tag"]]


def _remove_tag(company: Company, deal: Deal, change: Json) -> None:
    kept = [each for each in deal.tags if each.casefold() != change["tag"].casefold()]
    if kept != deal.tags:
        _note(company, deal, "Теги", in_words(deal.tags), in_words(kept))
        deal.tags = kept


def _assign(company: Company, deal: Deal, change: Json) -> None:
    person = next((each for each in company.schema["people"] if each["id"] == change["person_id"]), None)
    if person is None or person.get("active") is False:
        msg = "no such person"
        raise ValueError(msg)
    _note(company, deal, "Ответственный", company.person(deal.responsible_id), person["name"])
    deal.responsible_id = person["id"]


def _add_note(company: Company, deal: Deal, change: Json) -> str:
    note_id = company.new_id("n")
    deal.notes.append({"id": note_id, "text": _text(change["text"]), "by": BOT, "at": company.clock.now()})
    return note_id


def _add_task(company: Company, deal: Deal, change: Json) -> str:
    due = datetime.fromisoformat(change["due_at"])
    if due.tzinfo is None:
        msg = "a time needs its zone"
        raise ValueError(msg)
    who = change["person_id"] or deal.responsible_id
    if all(each["id"] != who for each in company.schema["people"]):
        msg = "no such person"
        raise ValueError(msg)
    task_id = company.new_id("t")
    deal.tasks.append(
        {
            "id": task_id,
            "text": _text(change["text"]),
            "due": due.timestamp(),
            "responsible": company.person(who),
            "done": False,
            "result": None,
        }
    )
    return task_id


def _note(company: Company, deal: Deal, what: str, old: str | None, new: str | None) -> None:
    entry = {"at": company.clock.now(), "who": BOT, "user_id": 0, "what": what, "old": old, "new": new}
    deal.history.append(entry)
    company.touch()


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise Refusal(422, "a text is missing")
    return value


def _decimal(value: object) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        msg = "no decimal number"
        raise ValueError(msg) from None


_HANDLERS: dict[str, Callable[[Company, Json], Json]] = {
    "test_request": _test,
    "new_messages": _messages,
    "deal_changes": _changes,
    "deal_request": _deal,
    "schema_request": _schema,
    "event_status": _status,
    "person_needed": _person,
}
_CHANGES: dict[str, tuple[str, ...]] = {
    "move_stage": ("pipeline_id", "stage_id", "pipeline", "stage"),
    "set_price": ("price",),
    "set_field": ("field_id", "field", "value"),
    "add_tag": ("tag",),
    "remove_tag": ("tag",),
    "assign": ("person_id", "person"),
    "add_note": ("text",),
    "add_task": ("text", "due_at", "person_id"),
}
_APPLY: dict[str, Callable[[Company, Deal, Any], str | None]] = {
    "move_stage": _move,
    "set_price": _price,
    "set_field": _field,
    "add_tag": _add_tag,
    "remove_tag": _remove_tag,
    "assign": _assign,
    "add_note": _add_note,
    "add_task": _add_task,
}
