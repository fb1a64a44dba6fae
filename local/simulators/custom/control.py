"""The control API's calls for companies with a CRM of their own, in the shapes that every simulator has."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from local.simulators.custom.company import russian_company

if TYPE_CHECKING:
    from local.simulators.control import Calls
    from local.simulators.custom.company import Company, Json
    from local.simulators.custom.simulator import CustomSimulator


def control_calls(sim: CustomSimulator) -> Calls:
    """Return the table of calls of one simulator."""
    return {
        ("GET", "accounts"): lambda _: [_about(sim, one) for one in sim.accounts()],
        ("POST", "accounts"): lambda b: _add(sim, b),
        ("GET", "state"): lambda q: _state(sim.account(q["account"]), q),
        ("GET", "calls"): lambda q: [
            call.as_json() for call in sim.calls(q.get("account"), since=int(q.get("since", 0)))
        ],
        ("GET", "deliveries"): lambda q: [
            each.as_json() for each in sim.deliveries(q.get("account"), since=int(q.get("since", 0)))
        ],
        ("POST", "chats"): lambda b: _open_chat(sim, b),
        ("POST", "say"): lambda b: _say(sim, b),
        ("POST", "tokens"): lambda b: {"token": sim.token(b["account"])},
        ("POST", "settings"): lambda b: sim.switch(b["account"], **b["switches"]),
        ("POST", "webhooks"): lambda b: sim.set_webhook(b["account"], b["url"], b["token"]),
        ("POST", "deal"): lambda b: sim.edit_deal(b["account"], b["deal"], **b["values"]),
        ("GET", "faults"): lambda _: [fault.as_json() for fault in sim.faults.all()],
        ("POST", "faults"): lambda b: sim.fault(**b).as_json(),
        ("DELETE", "faults"): lambda q: sim.faults.clear(int(q["id"]) if "id" in q else None),
        ("POST", "advance"): lambda b: sim.advance(float(b["seconds"])),
        ("POST", "settle"): lambda b: {"settled": sim.settle(float(b.get("timeout", 10)))},
    }


def _about(sim: CustomSimulator, one: Company) -> Json:
    return {
        "id": one.id,
        "subdomain": one.subdomain,
        "name": one.name,
        "base_url": one.base_url,
        "callback_url": sim.callback_url(one.subdomain),
        "settings": asdict(one.settings),
        "version": one.version,
        "bots": [],
        "users": [{**each, "is_active": each.get("active", True)} for each in one.schema["people"]],
        "pipelines": [
            {"name": each["name"], "stages": [stage["name"] for stage in each["stages"]]}
            for each in one.schema["pipelines"]
        ],
    }


def _add(sim: CustomSimulator, body: Json) -> Json:
    names = [body["subdomain"]] if "subdomain" in body else []
    return _about(sim, sim.add_account(lambda clock: russian_company(clock, *names, **body.get("settings", {}))))


def _state(one: Company, query: Json) -> Json:
    with one.lock:
        if str(one.version) == query.get("known_version"):
            return {"version": one.version, "unchanged": True}
        return {
            "version": one.version,
            "now": one.clock.now(),
            "account": {"id": one.id, "subdomain": one.subdomain, "name": one.name, "lang": one.lang},
            "chats": [
                {
                    "chat_id": chat.id,
                    "contact": chat.contact,
                    "origin": chat.origin,
                    "lead": chat.deal_id,
                    "left_to_person": chat.left_to_person,
                    "lines": [line.as_json() for line in chat.lines],
                }
                for chat in one.chats.values()
                if query.get("chat") in {None, chat.id}
            ],
            "deals": [
                one.card(deal)
                for deal in one.deals.values()
                if not deal.deleted and query.get("lead") in {None, deal.id}
            ],
            "webhooks": [asdict(one.webhook)] if one.webhook else [],
        }


def _open_chat(sim: CustomSimulator, body: Json) -> Json:
    options = {key: body[key] for key in ("contact", "origin", "kind") if key in body}
    chat_id, deal_id = sim.open_chat(body["account"], **options)
    return {"chat": chat_id, "lead": deal_id}


def _say(sim: CustomSimulator, body: Json) -> dict[str, Any]:
    account, chat, who = body["account"], body["chat"], body.get("who", "customer")
    if who == "customer":
        options = {"attachment": body["attachment"]} if "attachment" in body else {}
        return {"id": sim.customer_says(account, chat, body.get("text", ""), **options)}
    if who == "employee":
        return {"id": sim.employee_says(account, chat, body["text"], user=body.get("user"))}
    msg = f"nobody is called {who}: customer or employee"
    raise ValueError(msg)
