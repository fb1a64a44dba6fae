"""The simulator as a thing to hold: start it, be visitor and person in it, see what happened."""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING, Any, Self

from local.simulators.clock import ManualClock, Scheduler, SystemClock
from local.simulators.faults import Fault, FaultKind, Faults
from local.simulators.hubspot import api_conversations, api_objects, api_schema, people
from local.simulators.hubspot.cards import deal_card, thread_card
from local.simulators.hubspot.control import Control
from local.simulators.hubspot.delivery import Courier
from local.simulators.hubspot.gate import Gate, simulated
from local.simulators.hubspot.portal import ALL_SCOPES
from local.simulators.hubspot.web import Router
from local.simulators.journal import Call, Delivery, Journal
from local.simulators.serving import CONTROL, Front, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from local.simulators.clock import Clock
    from local.simulators.hubspot.entities import Json
    from local.simulators.hubspot.portal import Portal

    Factory = Callable[[Clock], Portal]


class HubspotSimulator:
    """Many portals on one loopback port, each at `account_url(subdomain)`, below which the paths are the vendor's.

    `time_factor` divides the day over which a failed delivery is retried. Methods take the portal's short name.
    """

    def __init__(
        self, portals: Iterable[Factory] = (), *, clock: Clock | None = None, time_factor: float = 1.0, port: int = 0
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.journal = Journal()
        self.faults = Faults()
        self.scheduler = Scheduler(self.clock)
        self._courier = Courier(self.scheduler, self.journal, self.faults, time_factor)
        self._portals: dict[str, Portal] = {}
        router = Router()
        for part in (api_conversations, api_objects, api_schema):
            part.routes(router)
        gate = Gate(router, self._portals.get)
        self._front = Front(self.journal, self.faults, self.clock.now, gate.serve, simulated)
        self._server = Server(port, self._front, Control(self).answer)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="hubspot", daemon=True)
        for factory in portals:
            self.add_account(factory)

    def start(self) -> Self:
        """Begin to serve."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and end all threads."""
        self._front.stopped.set()
        self._courier.stop()
        self._server.shutdown()
        self._server.server_close()
        self.scheduler.stop()
        self._thread.join(timeout=5)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
        """Return the address that stands for https://api.hubapi.com."""
        return f"{self.base_url}/a/{account}"

    def add_account(self, factory: Factory) -> Portal:
        """Add a portal. Raises ValueError where its name is taken."""
        one = factory(self.clock)
        if one.subdomain in self._portals:
            msg = f"there is a portal {one.subdomain} already"
            raise ValueError(msg)
        one.base_url = self.account_url(one.subdomain)
        one.emit = lambda event: self._courier.emit(one, event)
        self._portals[one.subdomain] = one
        return one

    def accounts(self) -> list[Portal]:
        """Return all portals."""
        return list(self._portals.values())

    def account(self, account: str) -> Portal:
        """Return a portal; hold its `lock`. Raises KeyError."""
        return self._portals[account]

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

    def fault(self, kind: str | FaultKind, account: str | None = None, **options: Any) -> Fault:
        """Switch a fault on (see faults.Fault)."""
        return self.faults.add(Fault(FaultKind(kind), account, **options))

    def calls(self, account: str | None = None, **filters: Any) -> list[Call]:
        """Return the recorded calls: method, path_regex, since."""
        return self.journal.calls(account, **filters)

    def deliveries(self, account: str | None = None, **filters: Any) -> list[Delivery]:
        """Return the recorded deliveries: code, since."""
        return self.journal.deliveries(account, **filters)

    def settle(self, timeout: float = 10.0) -> bool:
        """Wait until nothing is under way or due."""
        return self.scheduler.settle(timeout)

    def advance(self, seconds: float) -> None:
        """Move a hand-set time and let what is due happen. Raises TypeError with the machine's clock."""
        if not isinstance(self.clock, ManualClock):
            msg = "only a ManualClock can be moved"
            raise TypeError(msg)
        self.clock.advance(seconds)
        self.settle()
