"""Webhook subscriptions: GET, POST and DELETE /api/v4/webhooks. Follows crm_platform/webhooks-api."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from local.simulators.amocrm import render
from local.simulators.amocrm.entities import Hook
from local.simulators.amocrm.problems import Issues, Item, problem
from local.simulators.amocrm.settings import WEBHOOK_PLANS, Platform
from local.simulators.serving import Response

if TYPE_CHECKING:
    from local.simulators.amocrm.settings import AccountSettings
    from local.simulators.amocrm.state import Account
    from local.simulators.amocrm.web import Context, Router

MAX_HOOKS = 100
_FAMILIES = {
    "add": ("lead", "contact", "company", "task", "talk"),
    "update": ("lead", "contact", "company", "task", "talk"),
    "delete": ("lead", "contact", "company", "task"),
    "restore": ("lead", "contact", "company"),
    "responsible": ("lead", "contact", "company", "task"),
    "note": ("lead", "contact", "company"),
    "status": ("lead",),
}
_CUSTOMER_CODES = frozenset(f"{verb}_customer" for verb in ("add", "update", "delete", "responsible", "note"))
_COMMON_CODES = frozenset(f"{verb}_{noun}" for verb, nouns in _FAMILIES.items() for noun in nouns)


def known_codes(settings: AccountSettings) -> frozenset[str]:
    """Return the event codes that a subscription may name on this platform."""
    codes = set(_COMMON_CODES) | {"add_chat_template_review"}
    if settings.platform is Platform.KOMMO:
        codes.discard("update_task")
    if settings.customer_events:
        codes |= _CUSTOMER_CODES
    if settings.accepts_add_message:
        codes.add("add_message")
    if settings.accepts_add_outgoing_message:
        codes.add("add_outgoing_message")
    return frozenset(codes)


def routes(router: Router) -> None:
    """Add these calls."""
    router.add("GET", "/api/v4/webhooks", hook_list)
    router.add("POST", "/api/v4/webhooks", subscribe)
    router.add("DELETE", "/api/v4/webhooks", unsubscribe)


def hook_list(ctx: Context) -> Response:
    """Serve GET /api/v4/webhooks with filter[destination]."""
    ctx.need_admin()
    wanted = (ctx.query().get("filter") or {}).get("destination")
    rows = [render.hook(ctx.account, h) for h in ctx.account.hooks.values() if wanted in {None, h.destination}]
    return Response(200, {"_total_items": len(rows), "_embedded": {"webhooks": rows}}) if rows else Response(204)


def subscribe(ctx: Context) -> Response:
    """Serve POST /api/v4/webhooks; the same destination again updates its subscription."""
    ctx.need_admin()
    account = ctx.account
    if account.settings.plan not in WEBHOOK_PLANS:
        raise problem(402, "Webhooks are not available on your tariff")
    body = ctx.json()
    _check(account, body)
    status = account.settings.webhook_created_status
    return Response(status, render.hook(account, save(account, body, ctx.actor.user_id)))


def unsubscribe(ctx: Context) -> Response:
    """Serve DELETE /api/v4/webhooks: the key is the destination in the body."""
    ctx.need_admin()
    body = ctx.json()
    destination = body.get("destination") if isinstance(body, dict) else None
    if not isinstance(destination, str):
        issues = Issues()
        issues.add("0", "FieldMissing" if destination is None else "InvalidType", "destination")
        issues.raise_if_any()
    found = next((h for h in ctx.account.hooks.values() if h.destination == destination), None)
    if found is None:
        raise problem(404, "Webhook not found")
    del ctx.account.hooks[found.id]
    ctx.account.touch()
    return Response(204)


def save(account: Account, body: dict[str, Any], user_id: int) -> Hook:
    """Create or update a subscription. Raises the 422 of the 101st."""
    now = account.now()
    found = next((h for h in account.hooks.values() if h.destination == body["destination"]), None)
    account.touch()
    if found is not None:
        found.settings, found.updated_at = list(dict.fromkeys(body["settings"])), now
        found.sort = body.get("sort", found.sort)
        return found
    if len(account.hooks) >= MAX_HOOKS:
        raise problem(422, f"An account may have at most {MAX_HOOKS} webhooks")
    sort = body.get("sort", len(account.hooks) + 1)
    settings = list(dict.fromkeys(body["settings"]))
    made = Hook(account.new_id("hook"), body["destination"], settings, user_id, now, now, sort)
    account.hooks[made.id] = made
    return made


def _check(account: Account, body: Any) -> None:
    issues = Issues()
    item = Item(issues, "0")
    if not item.expect(body, "object", ""):
        issues.raise_if_any()
    for key, kind in (("destination", "string"), ("settings", "array")):
        if key not in body:
            item.add("FieldMissing", key)
        else:
            item.expect(body[key], kind, key)
    for key in body.keys() - {"destination", "settings", "sort"}:
        item.add("ExtraField", key)
    if "sort" in body:
        item.expect(body["sort"], "int", "sort")
    if isinstance(body.get("destination"), str) and not _valid_url(account, body["destination"]):
        item.add("InvalidUrl", "destination", "Invalid URL")
    codes = body.get("settings")
    if isinstance(codes, list):
        _check_codes(account, codes, item)
    issues.raise_if_any()


def _check_codes(account: Account, codes: list[Any], item: Item) -> None:
    if not codes:
        item.add("TooFew", "settings")
    known = known_codes(account.settings)
    for index, code in enumerate(codes):
        if item.expect(code, "string", f"settings.{index}") and code not in known:
            item.add("NotSupportedChoice", f"settings.{index}")


def _valid_url(account: Account, url: str) -> bool:
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        return False
    host = parts.hostname or ""
    named = host == "localhost" or "." in host
    if parts.scheme not in {"http", "https"} or not named or not host.isascii() or "xn--" in host or not port_is_fine:
        return False
    return parts.path.endswith("/") or not account.settings.require_trailing_slash
