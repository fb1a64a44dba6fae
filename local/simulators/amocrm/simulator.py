"""The simulator as a thing to hold: start it, be customer and manager in it, see what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.simulators.amocrm import (
    api_account,
    api_activities,
    api_leads,
    api_talks,
    chats,
    leads,
    oauth,
    webhooks,
    widgets,
)
from local.simulators.amocrm.bots import BotEngine
from local.simulators.amocrm.control import Control
from local.simulators.amocrm.delivery import Courier, probe
from local.simulators.amocrm.entities import Actor, Author, Bot, BotRun, ChatLine, Hook, HookEvent, Json, Lead
from local.simulators.amocrm.limits import RateLimiter
from local.simulators.amocrm.problems import Issues, Item
from local.simulators.amocrm.server import AmocrmFront, Gate, simulated
from local.simulators.amocrm.settings import Platform
from local.simulators.amocrm.validation import check_lead
from local.simulators.amocrm.web import Router
from local.simulators.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from local.simulators.amocrm.state import Account
    from local.simulators.clock import Clock
    from local.simulators.journal import Call

    Factory = Callable[[Clock], Account]


class AmocrmSimulator(Simulation["Account"]):
    """Many accounts of amoCRM and Kommo on one loopback port.

    An account is served at `account_url(subdomain)`, below which the paths are the vendor's. `time_factor` divides the
    vendor's long waits (webhook retries, the two-hour window). Every method takes the account's subdomain.
    """

    def __init__(
        self,
        accounts: Iterable[Factory] = (),
        *,
        clock: Clock | None = None,
        time_factor: float = 1.0,
        port: int = 0,
    ) -> None:
        super().__init__(clock)
        self._courier = Courier(self.scheduler, self.journal, self.faults, time_factor)
        self._bots = BotEngine(self.scheduler)
        self._limiters: dict[str, RateLimiter] = {}
        router = Router()
        for part in (api_account, api_activities, api_leads, api_talks, webhooks, widgets):
            part.routes(router)
        self._bots.routes(router)
        gate = Gate(router, self._served)
        front = AmocrmFront(self.journal, self.faults, self.clock.now, gate.serve, simulated)
        self._listen("amocrm", port, front, Control(self).answer, stop=[self._courier])
        for factory in accounts:
            self.add_account(factory)

    # What is set up: accounts, access, subscriptions.

    def add_account(self, factory: Factory) -> Account:
        """Add an account. Raises ValueError where its subdomain is taken."""
        one = self._admit(factory(self.clock))
        one.emit = lambda event: self._courier.emit(one, event)
        self._limiters[one.subdomain] = RateLimiter()
        return one

    def _served(self, subdomain: str) -> tuple[Account, RateLimiter] | None:
        one, limiter = self._accounts.get(subdomain), self._limiters.get(subdomain)
        return None if one is None or limiter is None else (one, limiter)

    def token(self, account: str, **options: Any) -> str:
        """Return a new long-lived token: `user_id`, `scopes`, `seconds`, `integration` (see oauth.long_lived_token)."""
        one = self.account(account)
        with one.lock:
            return oauth.long_lived_token(one, **options).value

    def revoke(self, account: str, token: str) -> None:
        """Make an access token invalid from now on."""
        one = self.account(account)
        with one.lock:
            one.tokens[token].revoked = True

    def switch(self, account: str, **switches: Any) -> None:
        """Set switches of an account by name (see settings.AccountSettings)."""
        one = self.account(account)
        with one.lock:
            one.settings.change(switches)
            one.touch()

    def ui_save_webhook(self, account: str, destination: str, settings: list[str]) -> tuple[int, Hook | None]:
        """Save a webhook as the settings page does: it sends a GET first and refuses what does not answer with 2xx."""
        one = self.account(account)
        status = probe(destination)
        if not 200 <= status <= 299:  # noqa: PLR2004 - HTTP's success
            return status, None
        with one.lock:
            admin = next(u.id for u in one.users.values() if u.is_admin)
            return status, webhooks.save(one, {"destination": destination, "settings": settings}, admin)

    def enable_webhook(self, account: str, destination: str) -> None:
        """Switch a webhook on again, as an administrator does after an automatic switch-off."""
        one = self.account(account)
        with one.lock:
            hook = next(h for h in one.hooks.values() if h.destination == destination)
            hook.disabled, hook.invalid = False, []
            one.touch()

    # What people do.

    def open_chat(
        self,
        account: str,
        *,
        contact: str | None = None,
        origin: str | None = None,
        kind: str = "lead",
        lead_name: str | None = None,
    ) -> tuple[str, int | None]:
        """Open a chat and return its id and its lead's: `kind` is lead, unsorted or contact (no lead)."""
        one = self.account(account)
        with one.lock:
            chat, lead = chats.open_chat(
                one,
                contact_name=contact or ("Иван Петров" if one.lang == "ru" else "John Carter"),
                origin=origin or ("telegram" if one.settings.platform is Platform.AMOCRM else "waba"),
                kind=kind,
                lead_name=lead_name,
            )
            return chat.id, lead.id if lead else None

    def customer_says(
        self,
        account: str,
        chat_id: str,
        text: str = "",
        *,
        attachment: Json | None = None,
        created_at: int | None = None,
    ) -> str:
        """Write as the customer and deliver it; return the message's id. `attachment` is {type, link, file_name}."""
        return self.deliver_burst(account, chat_id, [text], attachment=attachment, created_at=created_at)[0]

    def deliver_burst(
        self,
        account: str,
        chat_id: str,
        texts: list[str],
        *,
        attachment: Json | None = None,
        created_at: int | None = None,
    ) -> list[str]:
        """Write several lines as the customer and deliver all of them in one body; return the messages' ids."""
        one = self.account(account)
        with one.lock:
            lines = [chats.customer_line(one, chat_id, text, attachment, created_at) for text in texts]
            chats.announce(one, lines)
            return [line.id for line in lines]

    def employee_says(self, account: str, chat_id: str, text: str, *, user: str | None = None) -> str:
        """Write as a person of the company (by name; default: the second user); return the message's id."""
        one = self.account(account)
        with one.lock:
            people = list(one.users.values())
            author = next((u for u in people if u.name == user), people[1] if user is None else None)
            if author is None:
                raise KeyError(user)
            talk = chats.current_talk(one, chat_id)
            return chats.outgoing_line(one, talk, chats.employee_author(one, author.id), text, via="employee")[0].id

    def bot_says(self, account: str, chat_id: str, text: str, *, name: str = "Welcome bot") -> str:
        """Write as another automation of the account; return the message's id."""
        one = self.account(account)
        with one.lock:
            talk = chats.current_talk(one, chat_id)
            return chats.outgoing_line(one, talk, Author("bot", one.new_uuid(), name), text, via="other bot")[0].id

    def move_talk(self, account: str, chat_id: str, lead_id: int | None = None) -> int:
        """Tie a chat to another lead (default: a new one of the same contact); return that lead's id."""
        one = self.account(account)
        with one.lock:
            chat = one.chats[chat_id]
            if lead_id is None:
                contact = one.contacts[chat.contact_id]
                lead_id = chats.new_lead(one, contact, f"{contact.name} 2").id
            chat.unsorted_uid = None
            chats.move_talk(one, chat_id, lead_id)
            return lead_id

    def close_talk(self, account: str, chat_id: str) -> None:
        """Close the chat's conversation, as a manager does."""
        one = self.account(account)
        with one.lock:
            chats.close_talk(one, chats.current_talk(one, chat_id))

    def edit_lead(self, account: str, lead_id: int, patch: Json, *, user: str | None = None) -> None:
        """Change a lead by hand, with the body of a v4 PATCH, as a person (by name). Raises Problem."""
        one = self.account(account)
        with one.lock:
            people = list(one.users.values())
            person = next(u for u in people if u.name == user) if user else people[1]
            lead, issues = one.leads[lead_id], Issues()
            values = check_lead(one, lead, patch, Item(issues, "0"))
            issues.raise_if_any()
            edit = leads.LeadEdit(one, lead, Actor(person.name, person.id))
            edit.apply(patch, values)
            edit.publish()

    def delete_lead(self, account: str, lead_id: int) -> None:
        """Delete a lead by hand."""
        one = self.account(account)
        with one.lock:
            one.leads[lead_id].is_deleted = True
            one.touch()
            one.emit(HookEvent("delete_lead", "leads", "delete", [{"id": lead_id}]))

    def add_bot(self, account: str, name: str, *, field: str | None = None, text: str | None = None) -> Bot:
        """Add a one-step bot that sends the lead field of this name, or a fixed text."""
        one = self.account(account)
        with one.lock:
            bot = Bot(one.new_id("bot"), name, one.field_named(field).id if field else None, text)
            one.bots[bot.id] = bot
            return bot

    def hang_bot(self, account: str, lead_id: int) -> BotRun:
        """Let a bot wait on this lead for ever: later launches are silently dropped. Set `outcome` to end it."""
        one = self.account(account)
        with one.lock:
            return self._bots.hang(one, lead_id)

    # What goes wrong, and what happened.

    def wait_for_call(self, account: str, *, timeout: float = 5.0, **filters: Any) -> Call:
        """Return the first recorded call that fits, waiting for it in real time. Raises TimeoutError."""
        return self.journal.wait_for_call(account, timeout, **filters)

    def chat(self, account: str, chat_id: str) -> list[ChatLine]:
        """Return all lines of a chat as the customer sees them, oldest first."""
        one = self.account(account)
        with one.lock:
            return list(one.chats[chat_id].lines)

    def lead(self, account: str, lead_id: int) -> Lead:
        """Return a lead. Raises KeyError."""
        return self.account(account).leads[lead_id]

    def deal_card(self, account: str, lead_id: int) -> Json:
        """Return a lead as a person sees it."""
        one = self.account(account)
        with one.lock:
            return leads.card(one, one.leads[lead_id])

    def lead_history(self, account: str, lead_id: int) -> list[Json]:
        """Return who changed what of a lead, old and new."""
        one = self.account(account)
        with one.lock:
            return leads.history(one, lead_id)
