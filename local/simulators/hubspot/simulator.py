"""The simulator as a thing to hold: start it, be visitor and person in it, see what happened."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from local.simulators.hubspot import api_conversations, api_objects, api_schema, people
from local.simulators.hubspot.cards import deal_card, thread_card
from local.simulators.hubspot.control import Control
from local.simulators.hubspot.delivery import Courier
from local.simulators.hubspot.gate import Gate, simulated
from local.simulators.hubspot.portal import ALL_SCOPES
from local.simulators.hubspot.web import Router
from local.simulators.serving import Front
from local.simulators.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from local.simulators.clock import Clock
    from local.simulators.hubspot.entities import Json
    from local.simulators.hubspot.portal import Portal

    Factory = Callable[[Clock], Portal]


class HubspotSimulator(Simulation["Portal"]):
    """Many portals on one loopback port, each at `account_url(subdomain)`, below which the paths are the vendor's.

    `time_factor` divides the day over which a failed delivery is retried. Methods take the portal's short name.
    """

    def __init__(
        self, portals: Iterable[Factory] = (), *, clock: Clock | None = None, time_factor: float = 1.0, port: int = 0
    ) -> None:
        super().__init__(clock)
        self._courier = Courier(self.scheduler, self.journal, self.faults, time_factor)
        router = Router()
        for part in (api_conversations, api_objects, api_schema):
            part.routes(router)
        gate = Gate(router, self._accounts.get)
        front = Front(self.journal, self.faults, self.clock.now, gate.serve, simulated)
        self._listen("hubspot", port, front, Control(self).answer, stop=[self._courier])
        for factory in portals:
            self.add_account(factory)

    def add_account(self, factory: Factory) -> Portal:
        """Add a portal. Raises ValueError where its name is taken."""
        one = self._admit(factory(self.clock))
        one.emit = lambda event: self._courier.emit(one, event)
        return one

    def token(self, account: str, *, scopes: Iterable[str] = ALL_SCOPES) -> str:
        """Return a new access token of the app."""
        one = self.account(account)
        token = f"pat-na1-{secrets.token_hex(16)}"
        with one.lock:
            one.app.tokens[token] = tuple(scopes)
        return token

    def revoke(self, account: str, token: str) -> None:
        """Make an access token invalid."""
        one = self.account(account)
        with one.lock:
            del one.app.tokens[token]

    def subscribe(self, account: str, target_url: str) -> None:
        """Set the app's webhook as a person does in its settings."""
        app = self.account(account).app
        app.target_url = target_url
        app.subscriptions = {25: "conversation.newMessage", 26: "conversation.propertyChange/assignedTo"}

    def switch(self, account: str, **switches: Any) -> None:
        """Set switches of a portal (see portal.Settings)."""
        one = self.account(account)
        with one.lock:
            one.settings.change(switches)
            one.touch()

    def open_chat(
        self, account: str, *, contact: str | None = None, origin: str = "chat", kind: str = "lead"
    ) -> tuple[str, str | None]:
        """Open a visitor's thread; return its id and its deal's (`kind` contact: no deal)."""
        one = self.account(account)
        with one.lock:
            name = contact or ("Иван Петров" if one.lang == "ru" else "John Carter")
            thread, deal = people.open_thread(one, name, origin, with_deal=kind == "lead")
            return thread.id, deal.id if deal else None

    def customer_says(self, account: str, chat: str, text: str, attachment: Json | None = None) -> str:
        """Write as the visitor; return the message's id."""
        one = self.account(account)
        with one.lock:
            return people.customer_says(one, chat, text, attachment).id

    def employee_says(self, account: str, chat: str, text: str, *, user: str | None = None) -> str:
        """Write as a person of the company; return the message's id."""
        one = self.account(account)
        with one.lock:
            return people.employee_says(one, chat, text, user).id

    def bot_says(self, account: str, chat: str, text: str, *, name: str = "Welcome bot") -> str:
        """Let a chatflow's bot speak; return the message's id."""
        one = self.account(account)
        with one.lock:
            return people.bot_says(one, chat, text, name).id

    def comment(self, account: str, chat: str, text: str) -> str:
        """Write an internal comment; return its id."""
        one = self.account(account)
        with one.lock:
            return people.comment(one, chat, text).id

    def delete_lead(self, account: str, deal_id: str) -> None:
        """Archive a deal."""
        one = self.account(account)
        with one.lock:
            one.objects["deals"][deal_id].archived = True
            one.touch()

    def edit_deal(self, account: str, deal_id: str, properties: dict[str, str]) -> None:
        """Change a deal by hand."""
        one = self.account(account)
        with one.lock:
            api_objects.write(one, one.objects["deals"][deal_id], properties, "Анна")

    def deal_card(self, account: str, deal_id: str) -> Json:
        """Return a deal as a person sees it."""
        one = self.account(account)
        with one.lock:
            return deal_card(one, one.objects["deals"][deal_id])

    def chat(self, account: str, chat: str) -> list[Json]:
        """Return the lines of a thread, oldest first."""
        one = self.account(account)
        with one.lock:
            lines: list[Json] = thread_card(one, one.threads[chat])["lines"]
            return lines
