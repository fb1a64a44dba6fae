"""The simulator as a thing to hold: start it, be customer and operator in it, see what happened."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Self

from local.simulators.bitrix24 import bots, cards, crm, dialogs, lines, oauth, portal
from local.simulators.bitrix24.control import control_api
from local.simulators.bitrix24.delivery import Courier
from local.simulators.bitrix24.entities import Access, Bot, Dialog, EntityType, Json, User
from local.simulators.bitrix24.problems import Refusal, simulated
from local.simulators.bitrix24.rest import Rest
from local.simulators.bitrix24.settings import ALL_SCOPES
from local.simulators.clock import ManualClock, Scheduler, SystemClock
from local.simulators.faults import Fault, FaultKind, Faults
from local.simulators.journal import Call, Delivery, Journal
from local.simulators.serving import CONTROL, Front, Response, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from local.simulators.bitrix24.state import Portal
    from local.simulators.clock import Clock
    from local.simulators.serving import Request

    Factory = Callable[[Clock], Portal]

WELCOME_BOT = "welcome_bot"


class BitrixSimulator:
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
        self.clock: Clock = clock or SystemClock()
        self.time_factor = time_factor
        self.journal = Journal()
        self.faults = Faults()
        self.scheduler = Scheduler(self.clock)
        self._courier = Courier(self.scheduler, self.journal, self.faults)
        self._accounts: dict[str, Portal] = {}
        self._rest = Rest()
        for part in (portal, crm, bots, lines):
            part.routes(self._rest)
        self._front = Front(self.journal, self.faults, self.clock.now, self._serve, simulated)
        self._server = Server(port, self._front, control_api(self).answer)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="bitrix24", daemon=True)
        for factory in accounts:
            self.add_account(factory)

    def start(self) -> Self:
        """Begin to serve."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and end all threads."""
        self._front.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self.scheduler.stop()
        self._courier.stop()
        self._thread.join(timeout=5)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        """The simulator's own address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def control_url(self) -> str:
        """The control API's address."""
        return self.base_url + CONTROL

    def account_url(self, account: str) -> str:
        """Return the address that stands for https://{subdomain}.bitrix24.ru."""
        return f"{self.base_url}/a/{account}"

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
        one = factory(self.clock)
        if one.subdomain in self._accounts:
            msg = f"there is a portal {one.subdomain} already"
            raise ValueError(msg)
        one.base_url = self.account_url(one.subdomain)
        one.post = lambda url, event, body: self._courier.post(one, url, event, body)
        one.after = self.scheduler.after
        self._accounts[one.subdomain] = one
        return one

    def accounts(self) -> list[Portal]:
        """Return all portals."""
        return list(self._accounts.values())

    def account(self, account: str) -> Portal:
        """Return a portal's data; hold its `lock` while reading or changing it. Raises KeyError."""
        return self._accounts[account]

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

    def fault(self, kind: str | FaultKind, account: str | None = None, **options: Any) -> Fault:
        """Switch a fault on (see faults.Fault); `path` of a call is /rest/…, of a delivery the event's name."""
        return self.faults.add(Fault(FaultKind(kind), account, **options))

    def calls(self, account: str | None = None, **filters: Any) -> list[Call]:
        """Return the recorded calls: method, path_regex, since."""
        return self.journal.calls(account, **filters)

    def deliveries(self, account: str | None = None, **filters: Any) -> list[Delivery]:
        """Return the recorded deliveries of events: code, since."""
        return self.journal.deliveries(account, **filters)

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

    def advance(self, seconds: float) -> None:
        """Move a manual clock and wait until what became due is done. Raises TypeError for the machine's clock."""
        if not isinstance(self.clock, ManualClock):
            msg = "only a ManualClock can be advanced"
            raise TypeError(msg)
        self.clock.advance(seconds)
        self.settle()

    def settle(self, timeout: float = 10.0) -> bool:
        """Wait until no delivery is under way and nothing is due."""
        return self.scheduler.settle(timeout)

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
