"""The contract's world on RetailCRM's simulator."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from dealtalk.connections import Connection
from dealtalk.crm.registry import Opening, open_crm
from dealtalk.messages import Chat
from local.simulators.clock import ManualClock
from local.simulators.retailcrm import RetailcrmSimulator, russian_account
from tests.contract.crm.world import START, GivenSecrets, SimulatorClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from dealtalk.crm.retailcrm.client import RetailcrmCrm
    from dealtalk.deals import DealSchema
    from local.simulators.retailcrm.entities import Order
    from local.simulators.retailcrm.state import Account


LOST_ON = {
    "send": ("POST", r"/bot/v1/messages$"),
    "update_deal": ("POST", r"/orders/\d+/edit$"),
    "add": ("POST", r"/(orders/\d+/edit|notes/create|tasks/create)$"),
}


@dataclass
class RetailcrmWorld:
    """One account of the simulator, with a second account beside it."""

    simulator: RetailcrmSimulator
    account: Account
    stranger: Account
    options: dict[str, Any] = field(default_factory=dict)
    shows_texts: bool = True

    def __post_init__(self) -> None:
        """Open a chat with an order and the adapter for it."""
        sub = self.account.subdomain
        self.clock = SimulatorClock(self.simulator)
        self.bot = self.simulator.register_bot(sub)
        self.key = self.simulator.api_key(sub)
        self.chat_id, order = self.simulator.open_chat(sub)
        _, other = self.simulator.open_chat(self.stranger.subdomain)
        self.deal_id, self.strangers_deal = str(order), str(other)
        self.chat = self.chat_of(self.chat_id)
        self.secrets = GivenSecrets({"keys": {"api_key": self.key, "bot_token": self.bot.token}})
        self.known: DealSchema | None = None
        self.opened_at = self.now()
        self.crm: RetailcrmCrm = self.open()

    @property
    def order(self) -> Order:
        """The order as the account holds it."""
        return self.account.orders[int(self.deal_id)]

    def chat_of(self, chat_id: str) -> Chat:
        """Return a chat as its customer's message names it."""
        chat = self.account.chats[int(chat_id)]
        channel = self.account.channels[chat.channel_id].type
        return Chat(chat_id, str(chat.dialog_ids[-1]), None, str(chat.mg_customer_id), channel)

    def connection(self, **options: Any) -> Connection:
        """Return the account's connection."""
        own = {"mg_url": self.account.mg_url, "bot_id": str(self.bot.id), "timezone": self.account.timezone}
        return Connection(
            crm="retailcrm",
            id="c1",
            account=self.account.subdomain,
            api_base=self.account.base_url,
            secret="keys",
            profile="windows",
            options={**own, **self.options, **options},
        )

    def opening(self, seconds_left: Callable[[], float] = lambda: 60.0) -> Opening:
        """Return what an adapter is opened with."""
        return Opening(
            table=cast("Any", None),
            secrets=self.secrets,
            clock=self.clock,
            seconds_left=seconds_left,
            channel=self.chat.channel,
            known_schema=lambda: self.known,
        )

    def open(self, **options: Any) -> RetailcrmCrm:
        """Open the adapter as a new turn does."""
        return cast("RetailcrmCrm", open_crm(self.connection(**options), self.opening()))

    def calls(self) -> list[tuple[str, str]]:
        """Return method and path of every call that the account received."""
        return [(call.method, call.path) for call in self.simulator.calls(self.account.subdomain)]

    def now(self) -> datetime:
        """Return the simulator's time."""
        return self.clock.now()

    def pass_time(self, seconds: float) -> None:
        """Move the simulator's time."""
        self.simulator.advance(seconds)

    def received(self) -> list[str]:
        """Return our side's lines."""
        return [line["text"] for line in self.simulator.chat(self.account.subdomain, self.chat_id) if line["outgoing"]]

    def employee_writes(self, text: str) -> None:
        """Let the second user write."""
        self.simulator.employee_says(self.account.subdomain, self.chat_id, text)

    def refuse_requests(self) -> None:
        """Answer the next call with 503."""
        self.simulator.fault("status", self.account.subdomain, status=503, count=1)

    def kill_token(self) -> None:
        """Revoke both secrets."""
        self.simulator.revoke(self.account.subdomain, self.key)
        self.simulator.revoke(self.account.subdomain, self.bot.token)

    def lose_answer(self, method: str) -> None:
        """Cut the connection after the call acted."""
        verb, path = LOST_ON[method]
        self.simulator.fault("drop_after", self.account.subdomain, method=verb, path=path, count=1)

    def delete_deal(self) -> None:
        """Delete the order."""
        self.simulator.delete_lead(self.account.subdomain, int(self.deal_id))

    def card(self) -> dict[str, Any]:
        """Return the order as a person sees it."""
        return self.simulator.deal_card(self.account.subdomain, int(self.deal_id))

    def notes(self) -> list[str]:
        """Return the paragraphs of the order's comment and its customer's notes."""
        return [str(note["text"]) for note in self.card()["notes"]]

    def tasks(self) -> list[tuple[str, str]]:
        """Return the order's tasks."""
        return [(str(task["text"]), str(task["responsible"])) for task in self.card()["tasks"]]


def retailcrm_simulator(**switches: Any) -> RetailcrmSimulator:
    """Return a simulator with a hand-set clock, an account and a stranger's; limits rest unless a switch wakes them."""
    simulator = RetailcrmSimulator(clock=ManualClock(START.timestamp()))
    limits: dict[str, Any] = {"requests_per_second": 100_000, "mg_requests_per_second": 100_000}
    simulator.add_account(partial(russian_account, **{**limits, **switches}))
    simulator.add_account(partial(russian_account, subdomain="other", **limits))
    return simulator
