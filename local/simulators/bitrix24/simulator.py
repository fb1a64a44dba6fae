"""The simulator as a thing to hold: start it, be customer and operator in it, see what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.simulators.bitrix24 import bots, cards, crm, dialogs, lines, oauth, portal
from local.simulators.bitrix24.control import control_api
from local.simulators.bitrix24.delivery import Courier
from local.simulators.bitrix24.entities import Access, Bot, Dialog, EntityType, Json, User
from local.simulators.bitrix24.problems import Refusal, simulated
from local.simulators.bitrix24.rest import Rest
from local.simulators.bitrix24.settings import ALL_SCOPES
from local.simulators.serving import Front, Response
from local.simulators.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from local.simulators.bitrix24.state import Portal
    from local.simulators.clock import Clock
    from local.simulators.serving import Request

    Factory = Callable[[Clock], Portal]

WELCOME_BOT = "welcome_bot"


class BitrixSimulator(Simulation["Portal"]):
    """Many portals on one loopback port; a portal is served at `account_url(subdomain)`.

    Below that the paths are the vendor's; /oauth/token/ stands for the authorization server. Nothing here waits for
    hours, so `time_factor` is taken and not used. Every method takes the portal's subdomain.
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
        self.time_factor = time_factor
        self._courier = Courier(self.scheduler, self.journal, self.faults)
        self._rest = Rest()
        for part in (portal, crm, bots, lines):
            part.routes(self._rest)
        front = Front(self.journal, self.faults, self.clock.now, self._serve, simulated)
        self._listen("bitrix24", port, front, control_api(self).answer, stop=[self._courier])
        for factory in accounts:
            self.add_account(factory)

    def _serve(self, subdomain: str, request: Request) -> Response:
        one = self._accounts.get(subdomain)
        if one is None:
            refusal = Refusal("PORTAL_DELETED")
            return Response(refusal.status, refusal.body)
        with one.lock:
            if one.settings.renamed_to:
                return Response(302, headers={"Location": f"{one.settings.renamed_to}{request.path}"})
            if request.path.rstrip("/") == oauth.PATH:
                return oauth.exchange(one, request)
            return self._rest.answer(one, request)

    def add_account(self, factory: Factory) -> Portal:
        """Add a portal. Raises ValueError where its subdomain is taken."""
        one = self._admit(factory(self.clock))
        one.post = lambda url, event, body: self._courier.post(one, url, event, body)
        one.after = self.scheduler.after
        return one

    def webhook(self, account: str, *, scopes: frozenset[str] = ALL_SCOPES, user_id: int = 1) -> tuple[str, str]:
        """Make an incoming webhook as a person does; return its user's id and its secret."""
        one = self.account(account)
        with one.lock:
            secret = one.new_secret()
            one.hooks[secret] = Access(user_id, frozenset(scopes), secret=secret)
            return str(user_id), secret

    def revoke(self, account: str, secret: str) -> None:
        """Delete an incoming webhook."""
        one = self.account(account)
        with one.lock:
            del one.hooks[secret]

    def switch(self, account: str, **switches: Any) -> None:
        """Set switches of a portal by name (see settings.PortalSettings)."""
        one = self.account(account)
        with one.lock:
            one.settings.change(switches)
            one.touch()

    def attach(self, account: str, bot: Bot, *, line: int = 1, left: str = "close", time: int = 0) -> None:
        """Put a bot into a line by hand, as a person does in the Contact Center."""
        one = self.account(account)
        with one.lock:
            found = one.lines[line]
            found.welcome_bot_enable, found.welcome_bot_id, found.welcome_bot_join = "Y", bot.id, "always"
            found.welcome_bot_time, found.welcome_bot_left = time, left

    # What people do.

    def open_chat(
        self,
        account: str,
        *,
        contact: str | None = None,
        origin: str | None = None,
        kind: str = "deal",
        lead_name: str | None = None,
        line: int = 1,
    ) -> tuple[str, int | None]:
        """Open a chat and return its id and its deal's: `kind` is deal, lead or none."""
        one = self.account(account)
        with one.lock:
            dialog = dialogs.open_dialog(
                one,
                contact=contact or "Иван Петров",
                connector=origin or "telegrambot",
                kind=kind,
                line_id=line,
                title=lead_name,
            )
            return str(dialog.chat_id), dialog.deal_id or None

    def customer_says(
        self,
        account: str,
        chat_id: str,
        text: str = "",
        *,
        attachment: Json | None = None,
        created_at: float | None = None,
    ) -> str:
        """Write as the customer; return the message's id. `attachment` is {type, name}."""
        one = self.account(account)
        with one.lock:
            files = [{"id": one.new_id("file"), "name": "file", **attachment}] if attachment else []
            return str(dialogs.customer_writes(one, self._dialog(one, chat_id), text, files, created_at).id)

    def employee_says(self, account: str, chat_id: str, text: str, *, user: str | None = None) -> str:
        """Write as a person of the company (by name; default: the second user); return the message's id."""
        one = self.account(account)
        with one.lock:
            return str(dialogs.employee_writes(one, self._dialog(one, chat_id), self._person(one, user), text).id)

    def bot_says(self, account: str, chat_id: str, text: str) -> str:
        """Write as another automation of the portal; return the message's id."""
        one = self.account(account)
        with one.lock:
            dialog = self._dialog(one, chat_id)
            bot = next((each for each in one.bots.values() if each.code == WELCOME_BOT), None)
            if bot is None:
                bot = Bot(one.new_id("user"), WELCOME_BOT, "v2", "openline", None, "another app")
                one.users[bot.id] = User(bot.id, "Welcome bot", is_bot=True)
                one.bots[bot.id] = bot
            dialog.members.add(bot.id)
            return str(dialogs.bot_writes(one, dialog, bot, text).id)

    def take(self, account: str, chat_id: str, *, user: str | None = None) -> None:
        """Take a dialog as an operator, without writing."""
        one = self.account(account)
        with one.lock:
            dialogs.take(one, self._dialog(one, chat_id), self._person(one, user))

    def close(self, account: str, chat_id: str) -> None:
        """Close a dialog as an operator; the customer's next message begins a new session."""
        one = self.account(account)
        with one.lock:
            dialogs.finish(one, self._dialog(one, chat_id))

    def edit(self, account: str, deal_id: int, patch: Json) -> None:
        """Change a deal by hand, with the `fields` of crm.item.update."""
        one = self.account(account)
        with one.lock:
            crm.change(one, one.items[EntityType.DEAL, deal_id], patch, original=True, user_id=3)

    def delete_deal(self, account: str, deal_id: int) -> None:
        """Delete a deal by hand."""
        one = self.account(account)
        with one.lock:
            one.items[EntityType.DEAL, deal_id].deleted = True
            one.touch()

    # What goes wrong, and what happened.

    def chat(self, account: str, chat_id: str) -> list[Json]:
        """Return a chat's lines, oldest first, system messages left out."""
        one = self.account(account)
        with one.lock:
            dialog = self._dialog(one, chat_id)
            return [cards.line(one, dialog, each) for each in dialog.messages if each.via != "system"]

    def deal_card(self, account: str, deal_id: int) -> Json:
        """Return a deal as a person sees it."""
        one = self.account(account)
        with one.lock:
            return cards.card(one, one.items[EntityType.DEAL, deal_id])

    @staticmethod
    def _dialog(one: Portal, chat_id: str) -> Dialog:
        return one.dialogs[int(chat_id)]

    @staticmethod
    def _person(one: Portal, name: str | None) -> User:
        people = one.people()
        found = people[1] if name is None else next((user for user in people if user.full_name == name), None)
        if found is None:
            raise KeyError(name)
        return found
