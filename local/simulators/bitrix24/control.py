"""The control API: everything that the Python methods do. Each call names the `account` by the portal's subdomain."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from local.simulators.bitrix24 import cards, defaults, oauth
from local.simulators.bitrix24.entities import EntityType
from local.simulators.bitrix24.settings import ALL_SCOPES
from local.simulators.control import ControlApi

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.simulators.bitrix24.entities import Json
    from local.simulators.bitrix24.simulator import BitrixSimulator
    from local.simulators.bitrix24.state import Portal

FACTORIES = {"russian": defaults.russian_portal}


def control_api(sim: BitrixSimulator) -> ControlApi:
    """Return the control API of a simulator."""
    calls: dict[tuple[str, str], Callable[[Json], Any]] = {
        ("GET", "accounts"): lambda _: [_about(one) for one in sim.accounts()],
        ("GET", "state"): lambda q: _state(sim.account(q["account"]), q),
        ("GET", "deal"): lambda q: sim.deal_card(q["account"], int(q["lead"])),
        ("GET", "chat"): lambda q: sim.chat(q["account"], q["chat"]),
        ("GET", "calls"): lambda q: [
            call.as_json()
            for call in sim.journal.calls(
                q.get("account"), path_regex=q.get("path"), method=q.get("method"), since=int(q.get("since", 0))
            )
        ],
        ("GET", "deliveries"): lambda q: [
            one.as_json()
            for one in sim.journal.deliveries(q.get("account"), code=q.get("code"), since=int(q.get("since", 0)))
        ],
        ("POST", "chats"): lambda b: _open_chat(sim, b),
        ("POST", "say"): lambda b: _say(sim, b),
        ("POST", "take"): lambda b: sim.take(b["account"], b["chat"], user=b.get("user")),
        ("POST", "close"): lambda b: sim.close(b["account"], b["chat"]),
        ("POST", "lead"): lambda b: sim.edit(b["account"], int(b["lead"]), b["patch"]),
        ("POST", "delete_lead"): lambda b: sim.delete_deal(b["account"], int(b["lead"])),
        ("POST", "tokens"): lambda b: {"token": "/".join(sim.webhook(b["account"]))},
        ("POST", "apps"): lambda b: _app(sim, b),
        ("POST", "settings"): lambda b: sim.switch(b["account"], **b["switches"]),
        ("GET", "faults"): lambda _: [fault.as_json() for fault in sim.faults.all()],
        ("POST", "faults"): lambda b: sim.fault(**b).as_json(),
        ("DELETE", "faults"): lambda q: sim.faults.clear(int(q["id"]) if "id" in q else None),
        ("POST", "advance"): lambda b: sim.advance(float(b["seconds"])),
        ("POST", "settle"): lambda b: {"settled": sim.settle(float(b.get("timeout", 10)))},
    }
    return ControlApi(calls)


def _about(one: Portal) -> Json:
    return {
        "id": one.member_id,
        "subdomain": one.subdomain,
        "name": one.name,
        "domain": one.domain,
        "base_url": one.base_url,
        "settings": one.settings.as_json(),
        "version": one.version,
        "bots": [{"id": bot.id, "code": bot.code} for bot in one.bots.values()],
        "lines": [{"id": line.id, "name": line.name} for line in one.lines.values()],
        "users": [
            {"id": user.id, "name": user.full_name, "is_active": user.active, "is_admin": user.is_admin}
            for user in one.people()
        ],
        "pipelines": [{"name": p.name, "stages": [s.name for s in p.stages]} for p in one.categories.values()],
    }


def _state(one: Portal, query: Json) -> Json:
    with one.lock:
        if str(one.version) == query.get("known_version"):
            return {"version": one.version, "unchanged": True}
        deals = [
            item
            for item in one.items.values()
            if item.entity is not EntityType.CONTACT and not item.deleted and query.get("lead") in {None, str(item.id)}
        ]
        return {
            "version": one.version,
            "now": one.clock.now(),
            "account": {"id": one.member_id, "subdomain": one.subdomain, "name": one.name, "lang": one.lang},
            "chats": [cards.chat(one, d) for d in one.dialogs.values() if query.get("chat") in {None, str(d.chat_id)}],
            "deals": [cards.card(one, item) for item in deals],
            "webhooks": [
                {
                    "id": bot.id,
                    "destination": bot.webhook_url or next(iter(bot.handlers.values()), ""),
                    "disabled": False,
                }
                for bot in one.bots.values()
            ],
            "bot_runs": [],
        }


def _open_chat(sim: BitrixSimulator, body: Json) -> Json:
    options = {key: body[key] for key in ("contact", "origin", "kind", "lead_name", "line") if key in body}
    chat, deal = sim.open_chat(body["account"], **options)
    return {"chat": chat, "lead": deal}


def _say(sim: BitrixSimulator, body: Json) -> Json:
    account, chat, who = body["account"], body["chat"], body.get("who", "customer")
    if who == "customer":
        options = {key: body[key] for key in ("attachment", "created_at") if key in body}
        return {"id": sim.customer_says(account, chat, body.get("text", ""), **options)}
    if who == "employee":
        return {"id": sim.employee_says(account, chat, body["text"], user=body.get("user"))}
    if who == "bot":
        return {"id": sim.bot_says(account, chat, body["text"])}
    msg = f"nobody is called {who}: customer, employee or bot"
    raise ValueError(msg)


def _app(sim: BitrixSimulator, body: Json) -> Json:
    one = sim.account(body["account"])
    with one.lock:
        app = oauth.add_app(one, frozenset(body.get("scopes", ALL_SCOPES)), body.get("install_url", ""))
        installed = oauth.install(one, app)
    about = {key: value for key, value in asdict(app).items() if key not in {"access", "refresh", "scopes"}}
    return about | {"installed": installed}
