"""The control API: everything that the Python methods do. Each call names the `account`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from local.simulators.control import ControlApi, Refused
from local.simulators.retailcrm import chats, defaults, orders
from local.simulators.retailcrm.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.simulators.retailcrm.entities import Json
    from local.simulators.retailcrm.simulator import RetailcrmSimulator
    from local.simulators.retailcrm.state import Account
    from local.simulators.serving import Request, Response

FACTORIES = {"russian": defaults.russian_account, "english": defaults.english_account}


class Control:
    """Serves the control API of one simulator."""

    def __init__(self, sim: RetailcrmSimulator) -> None:
        self._sim = sim
        calls: dict[tuple[str, str], Callable[[Json], Any]] = {
            ("GET", "accounts"): lambda _: [self._about(one) for one in sim.accounts()],
            ("POST", "accounts"): self._add_account,
            ("GET", "state"): self._state,
            ("GET", "deal"): lambda q: sim.deal_card(q["account"], int(q["lead"])),
            ("GET", "chat"): lambda q: sim.chat(q["account"], q["chat"]),
            ("GET", "calls"): self._recorded_calls,
            ("POST", "chats"): self._open_chat,
            ("POST", "say"): self._say,
            ("POST", "take_dialog"): lambda b: sim.take_dialog(b["account"], b["chat"], user=b.get("user")),
            ("POST", "module"): self._switch_module,
            ("POST", "close_talk"): lambda b: sim.close_talk(b["account"], b["chat"]),
            ("POST", "lead"): self._edit_lead,
            ("POST", "delete_lead"): lambda b: sim.delete_lead(b["account"], int(b["lead"])),
            ("POST", "tokens"): lambda b: {"token": sim.api_key(b["account"])},
            ("POST", "settings"): lambda b: sim.switch(b["account"], **b["switches"]),
            ("GET", "faults"): lambda _: [f.as_json() for f in sim.faults.all()],
            ("POST", "faults"): lambda b: sim.fault(**b).as_json(),
            ("DELETE", "faults"): lambda q: sim.faults.clear(int(q["id"]) if "id" in q else None),
            ("POST", "advance"): lambda b: sim.advance(float(b["seconds"])),
            ("POST", "settle"): lambda _: {"settled": True},
        }
        self._api = ControlApi(calls)

    def answer(self, request: Request) -> Response:
        """Return the answer to a control call."""
        return self._api.answer(request)

    def _edit_lead(self, body: Json) -> None:
        try:
            self._sim.edit_lead(body["account"], int(body["lead"]), body["patch"], user=body.get("user"))
        except Problem as refusal:
            raise Refused(refusal.body) from None

    def _switch_module(self, body: Json) -> Json:
        status, said = self._sim.switch_module(body["account"], active=body["active"], freeze=body.get("freeze", False))
        return {"status": status, "said": said}

    def _about(self, one: Account) -> Json:
        return {
            "id": one.id,
            "subdomain": one.subdomain,
            "name": one.name,
            "base_url": one.base_url,
            "settings": one.settings.as_json(),
            "version": one.version,
            "bots": [{"id": bot.id, "name": bot.name, "active": bot.active} for bot in one.bots.values()],
            "users": [{"id": u.id, "name": u.name, "is_active": u.active} for u in one.users.values()],
            "pipelines": [
                {"name": kind.name, "stages": [status.name for status in one.statuses.values()]}
                for kind in one.order_types.values()
            ],
        }

    def _add_account(self, body: Json) -> Json:
        factory = FACTORIES[body.get("kind", "russian")]
        switches = dict(body.get("settings", {}))
        names = [body["subdomain"]] if "subdomain" in body else []
        return self._about(self._sim.add_account(lambda clock: factory(clock, *names, **switches)))

    def _state(self, query: Json) -> Json:
        one = self._sim.account(query["account"])
        with one.lock:
            if str(one.version) == query.get("known_version"):
                return {"version": one.version, "unchanged": True}
            return {
                "version": one.version,
                "now": one.clock.now(),
                "account": {"id": one.id, "subdomain": one.subdomain, "name": one.name, "lang": one.lang},
                "chats": [self._chat(one, each) for each in one.chats if query.get("chat") in {None, str(each)}],
                "deals": [
                    orders.card(one, order)
                    for order in one.orders.values()
                    if not order.deleted and query.get("lead") in {None, str(order.id)}
                ],
                "webhooks": [],
                "bot_runs": [],
            }

    def _chat(self, one: Account, chat_id: int) -> Json:
        chat = one.chats[chat_id]
        dialog = chats.current_dialog(one, chat)
        order = next((each for each in one.orders.values() if each.dialog_id in chat.dialog_ids), None)
        return {
            "chat_id": str(chat.id),
            "contact": chat.contact,
            "origin": one.channels[chat.channel_id].type,
            "talk_id": dialog.id,
            "lead": order.id if order else None,
            "is_in_work": dialog.closed_at is None,
            "responsible": dialog.responsible,
            "lines": [chats.line(one, each) for each in chats.shown(one, chat)],
        }

    def _recorded_calls(self, query: Json) -> list[Json]:
        found = self._sim.calls(
            query.get("account"),
            method=query.get("method"),
            path_regex=query.get("path"),
            since=int(query.get("since", 0)),
        )
        return [asdict(call) for call in found]

    def _open_chat(self, body: Json) -> Json:
        options = {key: body[key] for key in ("contact", "origin", "kind") if key in body}
        chat_id, order_id = self._sim.open_chat(body["account"], **options)
        return {"chat": chat_id, "lead": order_id}

    def _say(self, body: Json) -> Json:
        sim, account, chat, who = self._sim, body["account"], body["chat"], body.get("who", "customer")
        if who == "customer":
            options = {key: body[key] for key in ("attachment", "created_at") if key in body}
            return {"id": sim.customer_says(account, chat, body.get("text", ""), **options)}
        if who == "employee":
            return {"id": sim.employee_says(account, chat, body["text"], user=body.get("user"))}
        if who == "bot":
            return {"id": sim.bot_says(account, chat, body["text"], name=body.get("name", "Welcome bot"))}
        msg = f"nobody is called {who}: customer, employee or bot"
        raise ValueError(msg)
