"""The control API: everything that the Python methods do. Each call names the `account`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.simulators.control import ControlApi, Refused
from local.simulators.hubspot import defaults
from local.simulators.hubspot.cards import deal_card, thread_card
from local.simulators.hubspot.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.simulators.hubspot.entities import Json
    from local.simulators.hubspot.portal import Portal
    from local.simulators.hubspot.simulator import HubspotSimulator
    from local.simulators.serving import Request, Response

FACTORIES = {"russian": defaults.russian_portal, "english": defaults.english_portal}


class Control:
    """Serves the control API of one simulator."""

    def __init__(self, sim: HubspotSimulator) -> None:
        self._sim = sim
        calls: dict[tuple[str, str], Callable[[Json], Any]] = {
            ("GET", "accounts"): lambda _: [self._about(one) for one in sim.accounts()],
            ("POST", "accounts"): self._add_account,
            ("GET", "state"): self._state,
            ("GET", "deal"): lambda q: sim.deal_card(q["account"], q["lead"]),
            ("GET", "chat"): lambda q: sim.chat(q["account"], q["chat"]),
            ("GET", "calls"): self._recorded_calls,
            ("GET", "deliveries"): self._recorded_deliveries,
            ("POST", "chats"): self._open_chat,
            ("POST", "say"): self._say,
            ("POST", "burst"): self._burst,
            ("POST", "lead"): self._edit_deal,
            ("POST", "delete_lead"): lambda b: sim.delete_lead(b["account"], str(b["lead"])),
            ("POST", "tokens"): lambda b: {"token": sim.token(b["account"], **_only(b, "scopes"))},
            ("POST", "settings"): lambda b: sim.switch(b["account"], **b["switches"]),
            ("GET", "webhooks"): lambda q: self._webhooks(sim.account(q["account"])),
            ("POST", "webhooks"): lambda b: sim.subscribe(b["account"], str(b.get("destination") or b["url"])),
            ("GET", "faults"): lambda _: [fault.as_json() for fault in sim.faults.all()],
            ("POST", "faults"): lambda b: sim.fault(**b).as_json(),
            ("DELETE", "faults"): lambda q: sim.faults.clear(int(q["id"]) if "id" in q else None),
            ("POST", "advance"): lambda b: sim.advance(float(b["seconds"])),
            ("POST", "settle"): lambda b: {"settled": sim.settle(float(b.get("timeout", 10)))},
        }
        self._api = ControlApi(calls)

    def answer(self, request: Request) -> Response:
        """Return the answer to a control call."""
        return self._api.answer(request)

    def _about(self, one: Portal) -> Json:
        return {
            "id": one.id,
            "subdomain": one.subdomain,
            "name": one.name,
            "base_url": one.base_url,
            "settings": one.settings.as_json(),
            "version": one.version,
            "app": {
                "id": one.app.id,
                "client_secret": one.app.client_secret,
                "target_url": one.app.target_url,
            },
            "bot_user": max(one.users),
            "users": [
                {"id": user.id, "name": user.name, "is_active": not user.archived} for user in one.users.values()
            ],
            "pipelines": [
                {"name": each.label, "stages": [stage.label for stage in each.stages]}
                for each in one.pipelines.values()
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
            threads = [each for each in one.threads.values() if query.get("chat") in {None, each.id}]
            deals = [each for each in one.objects["deals"].values() if not each.archived]
            return {
                "version": one.version,
                "now": one.now(),
                "account": {"id": one.id, "subdomain": one.subdomain, "name": one.name, "lang": one.lang},
                "chats": [thread_card(one, each) for each in threads],
                "deals": [deal_card(one, each) for each in deals if query.get("lead") in {None, each.id}],
                "webhooks": self._webhooks(one),
                "bot_runs": [],
            }

    def _webhooks(self, one: Portal) -> list[Json]:
        return [{"destination": one.app.target_url, "settings": list(one.app.subscriptions.values())}]

    def _recorded_calls(self, query: Json) -> list[Json]:
        found = self._sim.calls(
            query.get("account"),
            method=query.get("method"),
            path_regex=query.get("path"),
            since=int(query.get("since", 0)),
        )
        return [call.as_json() for call in found]

    def _recorded_deliveries(self, query: Json) -> list[Json]:
        since = int(query.get("since", 0))
        return [d.as_json() for d in self._sim.deliveries(query.get("account"), code=query.get("code"), since=since)]

    def _open_chat(self, body: Json) -> Json:
        chat, deal = self._sim.open_chat(body["account"], **_only(body, "contact", "origin", "kind"))
        return {"chat": chat, "lead": deal}

    def _say(self, body: Json) -> Json:
        sim, account, chat, who = self._sim, body["account"], body["chat"], body.get("who", "customer")
        match who:
            case "customer":
                return {"id": sim.customer_says(account, chat, body.get("text", ""), body.get("attachment"))}
            case "employee":
                return {"id": sim.employee_says(account, chat, body["text"], user=body.get("user"))}
            case "bot":
                return {"id": sim.bot_says(account, chat, body["text"], **_only(body, "name"))}
            case "comment":
                return {"id": sim.comment(account, chat, body["text"])}
        msg = f"nobody is called {who}: customer, employee, bot or comment"
        raise ValueError(msg)

    def _burst(self, body: Json) -> Json:
        return {"ids": [self._sim.customer_says(body["account"], body["chat"], text) for text in body["texts"]]}

    def _edit_deal(self, body: Json) -> None:
        try:
            self._sim.edit_deal(body["account"], str(body["lead"]), body["patch"])
        except Problem as refusal:
            raise Refused(refusal.body) from None


def _only(body: Json, *names: str) -> Json:
    return {name: body[name] for name in names if name in body}
