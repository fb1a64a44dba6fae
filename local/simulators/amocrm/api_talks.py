"""Conversations: reading, closing, and Kommo's Chats API add-on (history and send_message)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from local.simulators.amocrm import chats, render
from local.simulators.amocrm.entities import Author
from local.simulators.amocrm.problems import Issues, Item, problem
from local.simulators.amocrm.settings import CHAT_QUOTA, SCOPE_HISTORY, SCOPE_SEND
from local.simulators.amocrm.web import paged
from local.simulators.forms import values_of
from local.simulators.serving import Response

if TYPE_CHECKING:
    from local.simulators.amocrm.entities import ChatLine, Json, Talk
    from local.simulators.amocrm.state import Account
    from local.simulators.amocrm.web import Context, Router


def routes(router: Router) -> None:
    """Add these calls."""
    router.add("GET", "/api/v4/talks", talk_list)
    router.add("GET", "/api/v4/contacts/chats", contact_chats)
    router.add("GET", "/api/v4/talks/{id}", talk)
    router.add("POST", "/api/v4/talks/{id}/close", close)
    router.add("GET", "/api/v4/talks/{id}/messages", messages)
    router.add("POST", "/api/v4/talks/{id}/send_message", send_message)


def _find(ctx: Context) -> Talk:
    one = ctx.account.talks.get(ctx.number("id"))
    if one is None:
        raise problem(404, "Talk not found")
    return one


def talk(ctx: Context) -> Response:
    """Serve GET /api/v4/talks/{id}."""
    return Response(200, render.talk(ctx.account, _find(ctx)))


def talk_list(ctx: Context) -> Response:
    """Serve GET /api/v4/talks (Kommo) with filter[contact_id] and filter[only_in_work], newest first."""
    if not ctx.account.settings.talks_list:
        raise problem(404, "Not Found")
    wanted = ctx.query().get("filter") or {}
    contacts, open_only = values_of(wanted.get("contact_id")), wanted.get("only_in_work") in {"1", "true"}
    rows = [
        render.talk(ctx.account, t)
        for t in sorted(ctx.account.talks.values(), key=lambda t: -t.talk_id)
        if (not contacts or str(t.contact_id) in contacts) and (t.is_in_work or not open_only)
    ]
    return paged(ctx, "talks", rows)


def contact_chats(ctx: Context) -> Response:
    """Serve GET /api/v4/contacts/chats: the chats of contacts, chosen by contact_id or chat_id."""
    wanted = ctx.query()
    contacts, chosen = values_of(wanted.get("contact_id")), values_of(wanted.get("chat_id"))
    if not contacts and not chosen:
        raise problem(400, "contact_id or chat_id is needed")
    rows = [
        {"chat_id": chat.id, "contact_id": chat.contact_id, "id": number}
        for number, chat in enumerate(ctx.account.chats.values(), 1)
        if str(chat.contact_id) in contacts or chat.id in chosen
    ]
    return paged(ctx, "chats", rows)


def close(ctx: Context) -> Response:
    """Serve POST /api/v4/talks/{id}/close: 202, or 422 where it is closed."""
    one = _find(ctx)
    if not one.is_in_work:
        raise problem(422, "Talk is closed")
    chats.close_talk(ctx.account, one)
    return Response(202)


def messages(ctx: Context) -> Response:
    """Serve GET /api/v4/talks/{id}/messages (Kommo); it costs no quota. The vendor tells no order: a switch."""
    if not ctx.account.settings.chats_api:
        raise problem(404, "Not Found")
    ctx.need_scope(SCOPE_HISTORY)
    one = _find(ctx)
    lines = [line for line in ctx.account.chats[one.chat_id].lines if line.talk_id == one.talk_id]
    rows = [_message(ctx.account, line) for line in lines]
    if ctx.account.settings.messages_newest_first:
        rows.reverse()
    return paged(ctx, "messages", rows)


def send_message(ctx: Context) -> Response:
    """Serve POST /api/v4/talks/{id}/send_message (Kommo): 202 with the new message's id.

    Refuses with 404 (no such method on this platform, no such talk), 403 (scope), 402 (tariff, quota), 400, 422.
    """
    account = ctx.account
    if not account.settings.chats_api:
        raise problem(404, "Not Found")
    ctx.need_scope(SCOPE_SEND)
    _need_quota(account)
    one = _find(ctx)
    text = _text(ctx)
    if not one.is_in_work:
        raise problem(422, "Talk is closed")
    account.chat_sends.append(account.clock.now())
    author = Author("bot", account.new_uuid(), ctx.actor.name)
    line, told = chats.outgoing_line(account, one, author, text, via="api")
    return Response(202, {"id": line.id}, wait_for=told if account.settings.echo_before_answer else None)


def _text(ctx: Context) -> str:
    body = ctx.json()
    issues = Issues()
    item = Item(issues, "0")
    if item.expect(body, "object", ""):
        for key in body.keys() - {"text"}:
            item.add("ExtraField", key)
        limit = ctx.account.settings.send_message_max_chars
        if "text" not in body:
            item.add("FieldMissing", "text")
        elif item.expect(body["text"], "string", "text"):
            if not body["text"].strip():
                item.add("IsBlank", "text")
            elif limit is not None and len(body["text"]) > limit:
                item.add("TooLong", "text", f"This value is too long. It should have {limit} characters or less.")
    issues.raise_if_any()
    return str(body["text"])


def _need_quota(account: Account) -> None:
    quota = CHAT_QUOTA.get(account.settings.plan)
    if quota is None:
        raise problem(402, "Chats API is not available on your tariff")
    zone = ZoneInfo(account.timezone)
    month = datetime.fromtimestamp(account.clock.now(), zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    used = sum(1 for at in account.chat_sends if at >= month.timestamp())
    if used >= quota + account.settings.chat_quota_extra:
        raise problem(402, "Over chat API limit")


def _message(account: Account, line: ChatLine) -> Json:
    author: Json = {"id": line.author.id, "type": line.author.type, "name": line.author.name}
    if line.author.user_id is not None:
        author["user_id"] = line.author.user_id
    return {
        "id": line.id,
        "chat_id": line.chat_id,
        "talk_id": line.talk_id,
        "contact_id": account.chats[line.chat_id].contact_id,
        "type": "outgoing" if line.outgoing else "incoming",
        "message_type": line.message_type,
        "text": line.text,
        "attachment": line.attachment,
        "author": author,
        "created_at": line.created_at,
    }
