"""The control API: everything that the Python methods do. Each call names the `account`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from local.simulators.amocrm import chats, defaults, leads, oauth, render
from local.simulators.amocrm.problems import Problem
from local.simulators.amocrm.settings import ALL_SCOPES
from local.simulators.control import ControlApi, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.simulators.amocrm.entities import ChatLine, Json
    from local.simulators.amocrm.simulator import AmocrmSimulator
    from local.simulators.amocrm.state import Account
    from local.simulators.serving import Request, Response

FACTORIES = {"russian": defaults.russian_account, "english": defaults.english_account}


class Control:
    """Serves the control API of one simulator."""

    def __init__(self, sim: AmocrmSimulator) -> None:
        self._sim = sim
        calls: dict[tuple[str, str], Callable[[Json], Any]] = {
            ("GET", "accounts"): lambda _: [self._about(one) for one in sim.accounts()],
            ("POST", "accounts"): self._add_account,
            ("GET", "state"): self._state,
            ("GET", "deal"): lambda q: sim.deal_card(q["account"], int(q["lead"])),
            ("GET", "chat"): lambda q: [line_json(line) for line in sim.chat(q["account"], q["chat"])],
            ("GET", "calls"): self._recorded_calls,
            ("GET", "deliveries"): self._recorded_deliveries,
            ("POST", "chats"): self._open_chat,
            ("POST", "say"): self._say,
            ("POST", "burst"): lambda b: {"ids": sim.deliver_burst(b["account"], b["chat"], list(b["texts"]))},
            ("POST", "move_talk"): lambda b: {"lead": sim.move_talk(b["account"], b["chat"], b.get("lead"))},
            ("POST", "close_talk"): lambda b: sim.close_talk(b["account"], b["chat"]),
            ("POST", "lead"): self._edit_lead,
            ("POST", "delete_lead"): lambda b: sim.delete_lead(b["account"], int(b["lead"])),
            ("POST", "tokens"): self._token,
            ("POST", "integrations"): self._integration,
            ("POST", "settings"): lambda b: sim.switch(b["account"], **b["switches"]),
            ("GET", "webhooks"): lambda q: [render.hook(self._one(q), h) for h in self._one(q).hooks.values()],
            ("POST", "webhooks"): self._save_webhook,
            ("POST", "enable_webhook"): lambda b: sim.enable_webhook(b["account"], b["destination"]),
            ("GET", "faults"): lambda _: [f.as_json() for f in sim.faults.all()],
            ("POST", "faults"): lambda b: sim.fault(**b).as_json(),
            ("DELETE", "faults"): lambda q: sim.faults.clear(int(q["id"]) if "id" in q else None),
            ("POST", "hang_bot"): lambda b: asdict(sim.hang_bot(b["account"], int(b["lead"]))),
            ("GET", "bot_runs"): lambda q: [asdict(run) for run in self._one(q).bot_runs],
            ("POST", "advance"): lambda b: sim.advance(float(b["seconds"])),
            ("POST", "settle"): lambda b: {"settled": sim.settle(float(b.get("timeout", 10)))},
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

    def _one(self, given: Json) -> Account:
        return self._sim.account(given["account"])

    def _about(self, one: Account) -> Json:
        return {
            "id": one.id,
            "subdomain": one.subdomain,
            "name": one.name,
            "base_url": one.base_url,
            "settings": one.settings.as_json(),
            "version": one.version,
            "bots": [asdict(bot) for bot in one.bots.values()],
            "users": [asdict(user) for user in one.users.values()],
            "pipelines": [{"name": p.name, "stages": [s.name for s in p.statuses]} for p in one.pipelines.values()],
        }

    def _add_account(self, body: Json) -> Json:
        factory = FACTORIES[body.get("kind", "russian")]
        switches = dict(body.get("settings", {}))
        names = [body["subdomain"]] if "subdomain" in body else []
        return self._about(self._sim.add_account(lambda clock: factory(clock, *names, **switches)))

    def _state(self, query: Json) -> Json:
        one = self._one(query)
        with one.lock:
            if str(one.version) == query.get("known_version"):
                return {"version": one.version, "unchanged": True}
            return {
                "version": one.version,
                "now": one.clock.now(),
                "account": {"id": one.id, "subdomain": one.subdomain, "name": one.name, "lang": one.lang},
                "chats": [self._chat(one, c) for c in one.chats if query.get("chat") in {None, c}],
                "deals": [
                    leads.card(one, lead)
                    for lead in one.leads.values()
                    if not lead.is_deleted and query.get("lead") in {None, str(lead.id)}
                ],
                "webhooks": [render.hook(one, hook) for hook in one.hooks.values()],
                "bot_runs": [asdict(run) for run in one.bot_runs],
            }

    def _chat(self, one: Account, chat_id: str) -> Json:
        chat = one.chats[chat_id]
        talk = chats.current_talk(one, chat_id)
        return {
            "chat_id": chat.id,
            "contact": one.contacts[chat.contact_id].name,
            "origin": chat.origin,
            "talk_id": talk.talk_id,
            "lead": talk.entity_id,
            "is_in_work": talk.is_in_work,
            "lines": [line_json(line) for line in chat.lines],
        }

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
        options = {key: body[key] for key in ("contact", "origin", "kind", "lead_name") if key in body}
        chat_id, lead_id = self._sim.open_chat(body["account"], **options)
        return {"chat": chat_id, "lead": lead_id}

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

    def _token(self, body: Json) -> Json:
        options = {key: body[key] for key in ("user_id", "scopes", "seconds") if key in body}
        return {"token": self._sim.token(body["account"], **options)}

    def _integration(self, body: Json) -> Json:
        one = self._one(body)
        with one.lock:
            made = oauth.add_integration(
                one, body.get("name", "Dealtalk"), body.get("redirect_uri", "https://example.test/oauth")
            )
            code = oauth.authorization_code(one, made.client_id, body.get("scopes", ALL_SCOPES))
        return asdict(made) | {"code": code}

    def _save_webhook(self, body: Json) -> Json:
        status, hook = self._sim.ui_save_webhook(body["account"], body["destination"], list(body["settings"]))
        return {"probe_status": status, "saved": hook is not None}


def line_json(line: ChatLine) -> Json:
    """Return a chat line for a page: who (customer, employee, bot), the author's name, text and time."""
    who = {"external": "customer", "internal": "employee", "bot": "bot"}[line.author.type]
    return asdict(line) | {"who": who, "author": line.author.name}
