"""The simulator as a thing to hold: start it, be customer and manager in it, see what happened."""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING, Any, Self

from local.simulators.clock import ManualClock, Scheduler, SystemClock
from local.simulators.control import ControlApi
from local.simulators.custom import receiving
from local.simulators.custom.company import Chat, Deal, Line, Webhook
from local.simulators.custom.control import control_calls
from local.simulators.custom.posting import Poster
from local.simulators.faults import Fault, FaultKind, Faults
from local.simulators.journal import Call, Delivery, Journal
from local.simulators.serving import CONTROL, Front, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from local.simulators.clock import Clock
    from local.simulators.custom.company import Company, Json
    from local.simulators.serving import Request, Response

    Factory = Callable[[Clock], Company]


class CustomSimulator:
    """Several companies with a CRM of their own on one loopback port; every method takes the company's subdomain."""

    def __init__(
        self,
        companies: Iterable[Factory] = (),
        *,
        clock: Clock | None = None,
        time_factor: float = 1.0,
        port: int = 0,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.journal = Journal()
        self.faults = Faults()
        self.scheduler = Scheduler(self.clock)
        self._poster = Poster(self.scheduler, self.journal, self.faults, time_factor)
        self._companies: dict[str, Company] = {}
        self._front = Front(
            self.journal, self.faults, self.clock.now, self._serve, lambda status: {"error": f"simulated {status}"}
        )
        self._server = Server(port, self._front, ControlApi(control_calls(self)).answer)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="custom", daemon=True)
        for factory in companies:
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

    def callback_url(self, account: str) -> str:
        """Return where a company takes events."""
        return f"{self.account(account).base_url}{receiving.PATH}"

    def add_account(self, factory: Factory) -> Company:
        """Add a company. Raises ValueError where its subdomain is taken."""
        one = factory(self.clock)
        if one.subdomain in self._companies:
            msg = f"there is a company {one.subdomain} already"
            raise ValueError(msg)
        one.base_url = f"{self.base_url}/a/{one.subdomain}"
        one.token = one.token or secrets.token_hex(16)
        self._companies[one.subdomain] = one
        return one

    def accounts(self) -> list[Company]:
        """Return all companies."""
        return list(self._companies.values())

    def account(self, account: str) -> Company:
        """Return a company. Raises KeyError."""
        return self._companies[account]

    def token(self, account: str) -> str:
        """Return the token that the company wants to be shown."""
        return self.account(account).token

    def revoke(self, account: str) -> None:
        """Change the token that the company wants to be shown."""
        self.account(account).token = secrets.token_hex(16)

    def switch(self, account: str, **switches: Any) -> None:
        """Set switches by name (see company.Settings)."""
        one = self.account(account)
        with one.lock:
            one.settings.change(switches)
            one.touch()

    def set_webhook(self, account: str, url: str, token: str) -> None:
        """Tell the company's program where its messages go, as its programmer does."""
        self.account(account).webhook = Webhook(url, token)

    def open_chat(
        self, account: str, *, contact: str | None = None, origin: str | None = None, kind: str = "lead"
    ) -> tuple[str, str | None]:
        """Open a chat and return its id and its deal's; `kind` contact: without a deal."""
        one = self.account(account)
        with one.lock:
            name = contact or "Иван Петров"
            deal = None
            if kind != "contact":
                pipeline = one.schema["pipelines"][0]
                deal = Deal(one.new_id("D-"), name, pipeline["id"], pipeline["stages"][1]["id"], "u1", contact=name)
                one.deals[deal.id] = deal
            chat = Chat(one.new_id("chat-"), name, origin or "telegram", deal.id if deal else None)
            one.chats[chat.id] = chat
            one.touch()
            return chat.id, chat.deal_id

    def customer_says(
        self, account: str, chat_id: str, text: str = "", *, attachment: Json | None = None, **more: Any
    ) -> str:
        """Write as the customer and post it; return the message's id. `more` adds fields to the body."""
        return self._say(account, chat_id, "customer", None, text, attachment, more)

    def employee_says(self, account: str, chat_id: str, text: str, *, user: str | None = None) -> str:
        """Write as a person of the company (default: the second); return the message's id."""
        people = [each["name"] for each in self.account(account).schema["people"]]
        author = people[1] if user is None else next(each for each in people if each == user)
        return self._say(account, chat_id, "employee", author, text, None, {})

    def message_body(self, account: str, chat_id: str, line: Line) -> Json:
        """Return a message as the protocol writes it."""
        one, chat = self.account(account), self.account(account).chats[chat_id]
        body: Json = {
            "api_version": 1,
            "message_id": line.id,
            "chat_id": chat_id,
            "message_sender": "customer" if line.who == "customer" else "employee",
            "source": chat.contact,
            "client_name": chat.contact,
        }
        if line.text:
            body["text"] = line.text
        if line.attachment:
            body["attachments"] = [line.attachment]
        deal = one.deals.get(chat.deal_id or "")
        if deal is not None and one.settings.sends_deals:
            body["deal"] = {"id": deal.id, "deleted": True} if deal.deleted else one.deal_json(deal)
            if one.settings.sends_schema:
                body["deal_schema"] = one.schema
        return body

    def edit_deal(self, account: str, deal_id: str, **values: Any) -> None:
        """Change a deal by hand, its values as `company.Deal` has them."""
        one = self.account(account)
        with one.lock:
            deal = one.deals[deal_id]
            for name, value in values.items():
                setattr(deal, name, value)
            deal.version += 1
            one.touch()

    def fault(self, kind: str | FaultKind, account: str | None = None, **options: Any) -> Fault:
        """Switch a fault on (see faults.Fault)."""
        return self.faults.add(Fault(FaultKind(kind), account, **options))

    def calls(self, account: str | None = None, **filters: Any) -> list[Call]:
        """Return the recorded calls: method, path_regex, since."""
        return self.journal.calls(account, **filters)

    def events(self, account: str, kind: str | None = None) -> list[Json]:
        """Return the events that were posted to a company, taken or not."""
        return [call.body for call in self.calls(account) if kind in {None, call.body.get("event_type")}]

    def deliveries(self, account: str | None = None, **filters: Any) -> list[Delivery]:
        """Return the recorded posts to the webhook: code, since."""
        return self.journal.deliveries(account, **filters)

    def advance(self, seconds: float) -> None:
        """Move a manual clock and wait until what became due is done. Raises TypeError for the machine's clock."""
        if not isinstance(self.clock, ManualClock):
            msg = "only a ManualClock can be advanced"
            raise TypeError(msg)
        self.clock.advance(seconds)
        self.settle()

    def settle(self, timeout: float = 10.0) -> bool:
        """Wait until no message is on its way and nothing is due."""
        return self.scheduler.settle(timeout)

    def _say(
        self, account: str, chat_id: str, who: str, author: str | None, text: str, attachment: Json | None, more: Json
    ) -> str:
        one = self.account(account)
        with one.lock:
            chat = one.chats[chat_id]
            line = Line(one.new_id("m"), who, author or chat.contact, text, int(self.clock.now()), attachment)
            chat.lines.append(line)
            one.touch()
            body = self.message_body(account, chat_id, line) | more
        self._poster.post(one, body)
        return line.id

    def _serve(self, account: str, request: Request) -> Response:
        return receiving.serve(self._companies.get(account), request)
