"""The Conversations API: threads, their messages, channels, and the app's reply.

Follows developers.hubspot.com/docs/api-reference/legacy/conversations/guide, and 2026-09's update-assignee.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.simulators.hubspot.entities import Json, Message, Thread
from local.simulators.hubspot.problems import conversations_error, invalid, not_found
from local.simulators.hubspot.web import Context, Router, page
from local.simulators.serving import Response

if TYPE_CHECKING:
    from local.simulators.hubspot.portal import Portal

BASE = "/conversations/v3/conversations"
DATED = "/conversations/conversations/2026-09"
EMAIL = "1002"


def routes(router: Router) -> None:
    """Add these calls."""
    router.add("GET", f"{BASE}/threads/{{thread}}", thread)
    router.add("GET", f"{BASE}/threads/{{thread}}/messages", messages)
    router.add("POST", f"{BASE}/threads/{{thread}}/messages", reply)
    router.add("GET", f"{BASE}/threads/{{thread}}/messages/{{message}}/original-content", original)
    router.add("GET", f"{BASE}/channels", channels)
    router.add("PUT", f"{DATED}/threads/{{thread}}/assignee", assign)


def iso(moment: float) -> str:
    """Return a time as the API shows it."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def thread(ctx: Context) -> Response:
    """Serve GET threads/{threadId}."""
    ctx.need("conversations.read")
    one = _thread(ctx)
    body: Json = {
        "id": one.id,
        "createdAt": iso(one.created_at),
        "status": one.status,
        "originalChannelId": one.channel_id,
        "originalChannelAccountId": one.account_id,
        "inboxId": "128",
        "associatedContactId": one.contact_id,
        "spam": one.spam,
        "archived": one.archived,
        "latestMessageTimestamp": iso(one.rows[-1].created_at if one.rows else one.created_at),
    }
    return Response(200, body | ({"assignedTo": one.assigned_to} if one.assigned_to else {}))


def messages(ctx: Context) -> Response:
    """Serve GET threads/{threadId}/messages: all kinds of rows, in the order asked for."""
    ctx.need("conversations.read")
    one = _thread(ctx)
    sort = ctx.query("sort", "createdAt")
    if sort not in {"createdAt", "-createdAt"}:
        raise invalid("sort must be createdAt or -createdAt", sort=sort)
    rows = [row_json(one, row) for row in one.rows]
    if sort.startswith("-"):
        rows.reverse()
    return Response(200, page(rows, ctx.limit(500, 20), ctx.query("after")))


def original(ctx: Context) -> Response:
    """Serve the whole text of a message that the list shows cut."""
    ctx.need("conversations.read")
    row = next((each for each in _thread(ctx).rows if each.id == ctx.params["message"]), None)
    if row is None:
        raise not_found()
    return Response(200, {"text": row.body.get("whole", row.body.get("text", "")), "richText": None})


def channels(ctx: Context) -> Response:
    """Serve GET channels."""
    ctx.need("conversations.read")
    return Response(200, {"results": [{"id": key, "name": each["name"]} for key, each in ctx.portal.channels.items()]})


def reply(ctx: Context) -> Response:
    """Serve POST threads/{threadId}/messages: a reply of an agent, or a comment."""
    ctx.need("conversations.write")
    one, portal = _thread(ctx), ctx.portal
    known = ("type", "text", "richText", "attachments", "recipients", "senderActorId", "channelId", "channelAccountId")
    body = ctx.json(*known, "subject")
    kind = body.get("type")
    if kind not in {"MESSAGE", "COMMENT"}:
        raise invalid("type must be MESSAGE or COMMENT", type=str(kind))
    if (
        not isinstance(body.get("text"), str)
        or not body["text"].strip()
        or not isinstance(body.get("attachments"), list)
    ):
        raise invalid("text and attachments are required")
    if kind == "COMMENT":
        row = add_message(
            portal, one, {"type": "COMMENT", "text": body["text"]}, who="bot", author="app", via="comment"
        )
        return Response(201, row_json(one, row))
    user_id = _sender(portal, body.get("senderActorId"))
    _check_channel(portal, one, body)
    recipients = _recipients(one, body)
    row = add_message(
        portal,
        one,
        {
            "type": "MESSAGE",
            "text": body["text"],
            "richText": body.get("richText"),
            "direction": "OUTGOING",
            "senders": [{"actorId": body["senderActorId"], "name": portal.users[user_id].name}],
            "recipients": recipients,
            "attachments": body["attachments"],
            "channelId": body["channelId"],
            "channelAccountId": body["channelAccountId"],
            "client": _client(portal),
        },
        who="bot",
        author=portal.users[user_id].name,
        via="app",
    )
    if portal.settings.reply_assigns:
        portal.assign(one, str(body["senderActorId"]))
    return Response(201, row_json(one, row))


def assign(ctx: Context) -> Response:
    """Serve PUT threads/{threadId}/assignee of the dated API."""
    ctx.need("conversations.write")
    one = _thread(ctx)
    actor = ctx.json("actorId").get("actorId")
    _sender(ctx.portal, actor)
    ctx.portal.assign(one, str(actor))
    return Response(200, {"id": one.id, "assignedTo": actor})


def add_message(portal: Portal, one: Thread, body: Json, *, who: str, author: str, via: str = "") -> Message:
    """Put a message or comment into a thread; the subscribers are told of both."""
    row = Message(portal.new_message_id(), body["type"], portal.now(), body, who, author, via)
    portal.add_row(one, row, body["type"])
    return row


def row_json(one: Thread, row: Message) -> Json:
    """Return a row as the list shows it."""
    body = {name: value for name, value in row.body.items() if name != "whole" and value is not None}
    shown: Json = {
        "id": row.id,
        "conversationsThreadId": one.id,
        "createdAt": iso(row.created_at),
        "createdBy": (row.body.get("senders") or [{"actorId": "S-hubspot"}])[0]["actorId"],
        "client": {"clientType": "HUBSPOT"},
        "archived": False,
        **body,
    }
    if row.type == "MESSAGE":
        state = "SENT" if row.body["direction"] == "OUTGOING" else "RECEIVED"
        shown = {"truncationStatus": "NOT_TRUNCATED", "attachments": [], "status": {"statusType": state}, **shown}
    return shown


def _thread(ctx: Context) -> Thread:
    found = ctx.portal.threads.get(ctx.params["thread"])
    if found is None:
        raise not_found("Thread not found")
    return found


def _client(portal: Portal) -> Json:
    kind = portal.settings.own_client
    return {"clientType": kind, **({"integrationAppId": portal.app.id} if kind == "INTEGRATION" else {})}


def _sender(portal: Portal, actor: object) -> int:
    """Return the user who sends. Raises the 400s that were seen for other actors."""
    text = str(actor or "")
    if text.startswith("V-"):
        raise conversations_error("UNSUPPORTED_ACTOR_TYPE", "Actor type VISITOR is not supported for sending")
    number = text.removeprefix("A-")
    if not text.startswith("A-") or not number.isdigit():
        raise conversations_error("INVALID_ARGUMENT_TYPE", "Invalid actorId type")
    user = portal.users.get(int(number))
    if user is None or user.archived:
        raise conversations_error("INVALID_ARGUMENT_TYPE", "No such agent in this account")
    return user.id


def _check_channel(portal: Portal, one: Thread, body: Json) -> None:
    channel, account = body.get("channelId"), body.get("channelAccountId")
    if channel not in portal.channels or account != portal.channels[channel]["account"]:
        raise invalid("channelId and channelAccountId must name a connected channel", channelId=str(channel))
    if channel != one.channel_id:
        raise invalid("the thread has no message of this channel", channelId=str(channel))
    if channel == EMAIL and not body.get("subject"):
        raise invalid("an e-mail needs a subject", subject="")


def _recipients(one: Thread, body: Json) -> list[Json]:
    given = body.get("recipients")
    if not isinstance(given, list) or not given:
        raise invalid("recipients are required")
    for each in given:
        if not isinstance(each, dict) or not isinstance(each.get("deliveryIdentifiers"), list):
            raise invalid("each recipient needs deliveryIdentifiers")
        actor = str(each.get("actorId", ""))
        if actor.startswith("A-"):
            raise conversations_error("UNSUPPORTED_ACTOR_TYPE", "Actor type AGENT is not supported for receiving")
        if body["channelId"] == EMAIL:
            kinds = [one.get("type") for one in each["deliveryIdentifiers"] if isinstance(one, dict)]
            if each.get("recipientField") != "TO" or kinds != ["HS_EMAIL_ADDRESS"]:
                raise invalid("an e-mail goes TO an HS_EMAIL_ADDRESS")
        elif actor != one.visitor:
            raise invalid("the recipient is not this thread's visitor", actorId=actor)
    return given
