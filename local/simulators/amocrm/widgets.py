"""A Salesbot's widget step: it posts to an integration, waits, and goes on when it is continued.

Follows digital_pipeline/salesbot (widget_request, "continue") and the vendor's PHP SDK (the token: HS512 with the
integration's secret; other integrators' tests use HS256). Bodies arrive as JSON by the pages and as a form from live
accounts; `data` was seen as an object and as one JSON text.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

from local.simulators.amocrm import chats
from local.simulators.amocrm.entities import Author, BotRun, EntityType
from local.simulators.amocrm.problems import Issues, Item, problem
from local.simulators.forms import encode_form
from local.simulators.serving import Response

if TYPE_CHECKING:
    from local.simulators.amocrm.entities import Integration, Json
    from local.simulators.amocrm.state import Account
    from local.simulators.amocrm.web import Context, Router

HASHES = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}
TOKEN_SECONDS = 1800
MAX_HANDLERS = 10
MAX_SHOWN = 80
LEADS = 2


def routes(router: Router) -> None:
    """Add these calls."""
    router.add("POST", "/api/v4/salesbot/{bot}/continue/{run}", go_on)
    router.add("POST", "/api/v4/marketingbot/{bot}/continue/{run}", go_on)


def wait(account: Account, lead_id: int) -> BotRun:
    """Let the account's first bot come to its widget step on this lead, and wait there."""
    run = BotRun(account.new_id("run"), next(iter(account.bots)), lead_id, EntityType.LEADS, account.clock.now())
    run.outcome = "waiting"
    account.bot_runs.append(run)
    account.touch()
    return run


def request(account: Account, run: BotRun, owner: Integration, text: str, *, algorithm: str = "HS512") -> Json:
    """Return what the bot posts: the token, what the step was told to send, and where it is to be continued."""
    return {
        "token": signed(claims(account, run, owner), owner.client_secret, algorithm),
        "data": {"message": text, "lead": str(run.entity_id), "phone": "{{contact.phone}}"},
        "return_url": f"{account.base_url}/api/v4/salesbot/{run.bot_id}/continue/{run.id}",
    }


def claims(account: Account, run: BotRun, owner: Integration) -> Json:
    """Return the token's claims."""
    now = int(account.clock.now())
    return {
        "iss": account.base_url,
        "aud": "https://example.test",
        "jti": account.new_uuid(),
        "iat": now,
        "nbf": now,
        "exp": now + TOKEN_SECONDS,
        "account_id": account.id,
        "subdomain": account.subdomain,
        "client_uuid": owner.client_id,
        "entity_id": run.entity_id,
        "entity_type": LEADS,
        "bot_type": "salesbot",
    }


def signed(values: Json, secret: str, algorithm: str) -> str:
    """Return a token."""
    head = ".".join(_part(json.dumps(each).encode()) for each in ({"typ": "JWT", "alg": algorithm}, values))
    made = hmac.new(secret.encode(), head.encode(), HASHES[algorithm]).digest() if algorithm in HASHES else b""
    return f"{head}.{_part(made)}"


def as_json(body: Json) -> bytes:
    """Return the body as the pages show it."""
    return json.dumps(body, ensure_ascii=False).encode()


def as_form(body: Json) -> bytes:
    """Return the body as live accounts post it."""
    return encode_form(body)


def as_form_with_json(body: Json) -> bytes:
    """Return the body as a form whose `data` is one JSON text."""
    return encode_form({**body, "data": json.dumps(body["data"], ensure_ascii=False)})


def go_on(ctx: Context) -> Response:
    """Serve POST .../continue/{id}: 202 and the bot says what its next step shows; 404 where nothing waits."""
    ctx.need_admin()
    account = ctx.account
    run = next((r for r in account.bot_runs if (r.id, r.bot_id) == (ctx.number("run"), ctx.number("bot"))), None)
    body = _checked(account, ctx.json())
    if run is None or run.outcome != "waiting":
        raise problem(404, "Not Found")
    run.outcome = "continued"
    account.touch()
    talk = chats.talk_of_lead(account, run.entity_id)
    texts = [h["params"]["value"] for h in body.get("execute_handlers", []) if h["handler"] == "show"]
    reply = str((body.get("data") or {}).get("reply") or "")
    bot = account.bots[run.bot_id]
    for text in [*texts, reply]:
        if text and talk is not None:
            chats.outgoing_line(account, talk, Author("bot", account.new_uuid(), bot.name), text, via="widget")
    return Response(202)


def _checked(account: Account, body: Any) -> Json:
    issues = Issues()
    item = Item(issues, "0")
    if not item.expect(body, "object", ""):
        issues.raise_if_any()
    if "data" in body:
        item.expect(body["data"], "object", "data")
    handlers = body.get("execute_handlers")
    if handlers is None and not account.settings.continue_with_data_only:
        item.add("FieldMissing", "execute_handlers")
    if handlers is not None and item.expect(handlers, "array", "execute_handlers"):
        if not handlers:
            item.add("TooFew", "execute_handlers")
        if len(handlers) > MAX_HANDLERS:
            item.add("TooMany", "execute_handlers")
        for index, handler in enumerate(handlers):
            _check_handler(item, f"execute_handlers.{index}", handler)
    issues.raise_if_any()
    checked: Json = body
    return checked


def _check_handler(item: Item, path: str, handler: Any) -> None:
    if not item.expect(handler, "object", path):
        return
    params = handler.get("params") or {}
    if handler.get("handler") == "show":
        if len(str(params.get("value", ""))) > MAX_SHOWN:
            item.add("TooLong", f"{path}.params.value")
    elif handler.get("handler") == "goto":
        for name in ("type", "step"):
            if name not in params:
                item.add("FieldMissing", f"{path}.params.{name}")
    else:
        item.add("NotSupportedChoice", f"{path}.handler", "Unsupported handler code")


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
