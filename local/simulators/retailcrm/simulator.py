"""The simulator as a thing to hold: start it, be customer and manager in it, see what happened."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import requests

from local.simulators.retailcrm import api_mg, api_v5, chats, orders
from local.simulators.retailcrm.control import Control
from local.simulators.retailcrm.entities import ApiKey, Bot, Sender
from local.simulators.retailcrm.gate import Gate, Router
from local.simulators.retailcrm.problems import simulated
from local.simulators.retailcrm.state import ALL_SCOPES
from local.simulators.serving import Front
from local.simulators.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from local.simulators.clock import Clock
    from local.simulators.retailcrm.entities import Json, Order, User
    from local.simulators.retailcrm.state import Account

    Factory = Callable[[Clock], Account]


CALLBACK_SECONDS = 10


class RetailcrmSimulator(Simulation["Account"]):
    """Many accounts of RetailCRM on one loopback port. Every method takes the account's subdomain."""

    def __init__(self, accounts: Iterable[Factory] = (), *, clock: Clock | None = None, port: int = 0) -> None:
        super().__init__(clock)
        v5, mg = Router(), Router()
        api_v5.routes(v5)
        api_mg.routes(mg)
        gate = Gate(v5, mg, self._accounts.get)
        front = Front(self.journal, self.faults, self.clock.now, gate.serve, simulated)
        self._listen("retailcrm", port, front, Control(self).answer)
        for factory in accounts:
            self.add_account(factory)

    def add_account(self, factory: Factory) -> Account:
        """Add an account. Raises ValueError where its subdomain is taken."""
        return self._admit(factory(self.clock))

    def api_key(self, account: str, scopes: Iterable[str] = ALL_SCOPES) -> str:
        """Return a new API key with these rights."""
        one = self.account(account)
        with one.lock:
            key = ApiKey(one.new_uuid().replace("-", ""), frozenset(scopes))
            one.keys[key.value] = key
            return key.value

    def register_bot(self, account: str, name: str = "Dealtalk") -> Bot:
        """Return a registered chat bot, as the module's registration makes it."""
        one = self.account(account)
        with one.lock:
            token = f"{one.new_uuid()}{one.new_uuid()}".replace("-", "")
            bot = Bot(one.new_id("bot"), name, token, one.new_uuid(), f"module-{len(one.bots)}", ["responsible"])
            one.bots[bot.id] = bot
            return bot

    def revoke(self, account: str, secret: str) -> None:
        """Make an API key or a bot's token invalid from now on."""
        one = self.account(account)
        with one.lock:
            if secret in one.keys:
                one.keys[secret].revoked = True
            for bot in one.bots.values():
                bot.active = bot.active and bot.token != secret

    def switch_module(self, account: str, *, active: bool, freeze: bool = False) -> tuple[int, Any]:
        """Switch the account's module as its owner does, tell its callback, and return what that answered.

        Without a callback nobody is told: (0, None).
        """
        one = self.account(account)
        with one.lock:
            (module,) = one.modules.values()
            module.active, module.frozen = active, freeze
            for bot in one.bots.values():
                bot.active = active and not freeze
        if not module.base_url or not module.activity:
            return 0, None
        form = {
            "clientId": module.client_id,
            "activity": json.dumps({"active": active, "freeze": freeze}),
            "systemUrl": one.base_url,
        }
        answer = requests.post(module.base_url + module.activity, data=form, timeout=CALLBACK_SECONDS)
        return answer.status_code, answer.json() if answer.ok else None

    def switch(self, account: str, **switches: Any) -> None:
        """Set switches of an account by name (see settings.AccountSettings)."""
        one = self.account(account)
        with one.lock:
            one.settings.change(switches)
            one.touch()

    def open_chat(
        self, account: str, *, contact: str | None = None, origin: str | None = None, kind: str = "lead"
    ) -> tuple[str, int | None]:
        """Open a chat and return its id and its order's: `kind` is lead (with an order) or contact (without)."""
        one = self.account(account)
        with one.lock:
            name = contact or ("Иван Петров" if one.lang == "ru" else "John Carter")
            chat, order = chats.open_chat(one, contact=name, channel_type=origin, kind=kind)
            return str(chat.id), order.id if order else None

    def customer_says(
        self,
        account: str,
        chat_id: str,
        text: str = "",
        *,
        attachment: Json | None = None,
        created_at: int | None = None,
    ) -> str:
        """Write as the customer; return the message's id. `attachment` is an item: kind, transcription, ..."""
        one = self.account(account)
        with one.lock:
            sender = chats.of_customer(one.chats[int(chat_id)])
            items = [{"id": one.new_uuid(), **attachment}] if attachment else []
            kind = str(attachment["kind"]) if attachment else "text"
            return str(chats.write(one, int(chat_id), sender, text, items=items, kind=kind, at=created_at).id)

    def employee_says(
        self, account: str, chat_id: str, text: str, *, user: str | None = None, scope: str = "public"
    ) -> str:
        """Write as a person of the company (by name; default: the second); `private`: a note for colleagues."""
        one = self.account(account)
        with one.lock:
            sender = chats.of_user(self._person(account, user))
            return str(chats.write(one, int(chat_id), sender, text, scope=scope).id)

    def bot_says(self, account: str, chat_id: str, text: str, *, name: str = "Welcome bot") -> str:
        """Write as another automation of the account."""
        one = self.account(account)
        with one.lock:
            sender = Sender("bot", one.new_id("bot"), name)
            return str(chats.write(one, int(chat_id), sender, text).id)

    def channel_says(self, account: str, chat_id: str, text: str) -> str:
        """Let a message appear that was written in the messenger itself, past the CRM."""
        one = self.account(account)
        with one.lock:
            channel = one.channels[one.chats[int(chat_id)].channel_id]
            return str(chats.write(one, int(chat_id), Sender("channel", channel.id, channel.name), text).id)

    def take_dialog(self, account: str, chat_id: str, *, user: str | None = None) -> None:
        """Let a person take the chat's dialog, without a word."""
        one = self.account(account)
        with one.lock:
            dialog = chats.current_dialog(one, one.chats[int(chat_id)])
            chats.assign(one, dialog, "user", self._person(account, user).mg_id)

    def close_talk(self, account: str, chat_id: str) -> None:
        """Close the chat's dialog."""
        one = self.account(account)
        with one.lock:
            chats.close(one, chats.current_dialog(one, one.chats[int(chat_id)]))

    def edit_lead(self, account: str, order_id: int, patch: Json, *, user: str | None = None) -> None:
        """Change an order by hand, with the body of an edit, as a person (by name). Raises Problem."""
        one = self.account(account)
        with one.lock:
            orders.Edit(one, one.orders[order_id], patch, self._person(account, user).name).run()

    def delete_lead(self, account: str, order_id: int) -> None:
        """Delete an order by hand."""
        one = self.account(account)
        with one.lock:
            one.orders[order_id].deleted = True
            one.touch()

    def chat(self, account: str, chat_id: str) -> list[Json]:
        """Return all lines of a chat as the customer sees them, oldest first."""
        one = self.account(account)
        with one.lock:
            return [chats.line(one, each) for each in chats.shown(one, one.chats[int(chat_id)])]

    def order(self, account: str, order_id: int) -> Order:
        """Return an order. Raises KeyError."""
        return self.account(account).orders[order_id]

    def deal_card(self, account: str, order_id: int) -> Json:
        """Return an order as a person sees it."""
        one = self.account(account)
        with one.lock:
            return orders.card(one, one.orders[order_id])

    def _person(self, account: str, name: str | None) -> User:
        people = list(self.account(account).users.values())
        found = next((each for each in people if each.name == name), people[1] if name is None else None)
        if found is None:
            raise KeyError(name)
        return found
