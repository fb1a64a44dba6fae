"""The simulator as a thing to hold: start it, be customer and manager in it, see what happened."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from local.simulators.control import ControlApi
from local.simulators.custom import receiving
from local.simulators.custom.company import Chat, Deal, Line, Webhook
from local.simulators.custom.control import control_calls
from local.simulators.custom.posting import Poster
from local.simulators.serving import Front
from local.simulators.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from local.simulators.clock import Clock
    from local.simulators.custom.company import Company, Json
    from local.simulators.serving import Request, Response

    Factory = Callable[[Clock], Company]


class CustomSimulator(Simulation["Company"]):
    """Several companies with a CRM of their own on one loopback port; every method takes the company's subdomain."""

    def __init__(
        self,
        companies: Iterable[Factory] = (),
        *,
        clock: Clock | None = None,
        time_factor: float = 1.0,
        port: int = 0,
    ) -> None:
        super().__init__(clock)
        self._poster = Poster(self.scheduler, self.journal, self.faults, time_factor)
        front = Front(
            self.journal, self.faults, self.clock.now, self._serve, lambda status: {"error": f"simulated {status}"}
        )
        self._listen("custom", port, front, ControlApi(control_calls(self)).answer)
        for factory in companies:
            self.add_account(factory)

    def callback_url(self, account: str) -> str:
        """Return where a company takes events."""
        return f"{self.account(account).base_url}{receiving.PATH}"

    def add_account(self, factory: Factory) -> Company:
        """Add a company. Raises ValueError where its subdomain is taken."""
        one = self._admit(factory(self.clock))
        one.token = one.token or secrets.token_hex(16)
        return one

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

    def events(self, account: str, kind: str | None = None) -> list[Json]:
        """Return the events that were posted to a company, taken or not."""
        return [call.body for call in self.calls(account) if kind in {None, call.body.get("event_type")}]

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
        return receiving.serve(self._accounts.get(account), request)
