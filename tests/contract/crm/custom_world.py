"""A CRM of one's own in the contract: a company of the simulator, its messages taken in as the webhook does."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from dealtalk.connection_store import ConnectionStore
from dealtalk.connections import Connection
from dealtalk.conversation.intake import Intake
from dealtalk.crm.custom import inbound
from dealtalk.crm.custom.deal_store import DealKeeper
from dealtalk.crm.registry import Opening, open_crm
from dealtalk.ingress.body import decode_body
from local.simulators.clock import ManualClock
from local.simulators.custom.company import russian_company
from local.simulators.custom.simulator import CustomSimulator
from tests.contract.crm.world import START, GivenSecrets, SimulatorClock
from tests.fakes.doorbell import FakeDoorbell
from tests.fakes.table import MemoryTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from dealtalk.crm.custom.client import CustomCrm
    from dealtalk.messages import Chat

LOST_ON = {"send": "new_messages", "update_deal": "deal_changes", "add": "deal_changes"}


@dataclass
class CustomWorld:
    """One company of the simulator, with a second one beside it."""

    simulator: CustomSimulator
    options: dict[str, Any] = field(default_factory=dict)
    shows_texts = True

    def __post_init__(self) -> None:
        """Open a chat with a deal and let the customer write; then open the adapter."""
        self.clock = SimulatorClock(self.simulator)
        self.table = MemoryTable()
        self.company = self.simulator.account("okna")
        self.secrets = GivenSecrets({"token": {"token": self.simulator.token("okna")}})
        self.chat_id, deal = self.simulator.open_chat("okna")
        _, other = self.simulator.open_chat("other")
        self.deal_id, self.strangers_deal = str(deal), str(other)
        self.company.deals[self.deal_id].title = "Окна"
        self.chat: Chat = self.customer_writes("Здравствуйте")
        self.crm: CustomCrm = self.open()

    def connection(self, **options: Any) -> Connection:
        """Return the company's connection."""
        given = {"callback_url": self.simulator.callback_url("okna"), "supports": self.company.settings.supports}
        return Connection(
            crm="custom",
            id="c1",
            account="okna",
            api_base=self.simulator.base_url,
            secret="token",
            profile="windows",
            signing_secret=self.company.settings.signing_secret,
            options={**given, **self.options, **options},
        )

    def open(self, seconds_left: Callable[[], float] = lambda: 60.0, **options: Any) -> CustomCrm:
        """Open the adapter as a new turn does."""
        opening = Opening(table=self.table, secrets=self.secrets, clock=self.clock, seconds_left=seconds_left)
        return cast("CustomCrm", open_crm(self.connection(**options), opening))

    def take(self, body: dict[str, Any]) -> Chat:
        """Take a body in as the webhook does, and return the chat that it names."""
        connection = self.connection()
        payload = decode_body(json.dumps(body).encode())
        events = inbound.parse(connection, payload, self.now())
        assert events.refusal is None, events.refusal
        DealKeeper(self.table, self.clock).keep(connection, payload, events)
        doorbell = FakeDoorbell(self.clock)
        Intake(self.table, ConnectionStore(self.table, self.clock), doorbell, self.clock).take(
            connection, events.messages
        )
        return events.messages[0].chat

    def customer_writes(self, text: str, **more: Any) -> Chat:
        """Let the customer write."""
        self.simulator.customer_says("okna", self.chat_id, text)
        return self._bring(more)

    def _bring(self, more: dict[str, Any]) -> Chat:
        newest = self.company.chats[self.chat_id].lines[-1]
        return self.take(self.simulator.message_body("okna", self.chat_id, newest) | more)

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of a kind that were posted."""
        return self.simulator.events("okna", kind)

    def now(self) -> datetime:
        """Return the simulator's time."""
        return self.clock.now()

    def pass_time(self, seconds: float) -> None:
        """Move the simulator's time."""
        self.simulator.advance(seconds)

    def received(self) -> list[str]:
        """Return our side's lines."""
        return [line.text for line in self.company.chats[self.chat_id].lines if line.who != "customer"]

    def employee_writes(self, text: str) -> None:
        """Let the second person write."""
        self.simulator.employee_says("okna", self.chat_id, text)
        self._bring({})

    def refuse_requests(self) -> None:
        """Answer the next call with 429."""
        self.simulator.fault("status", "okna", status=429, count=1)

    def kill_token(self) -> None:
        """Let the company want another token."""
        self.simulator.revoke("okna")

    def lose_answer(self, method: str) -> None:
        """Cut the connection after the call acted."""
        assert method in LOST_ON
        self.simulator.fault("drop_after", "okna", count=1)

    def delete_deal(self) -> None:
        """Delete the deal, and say so with the next message."""
        self.company.deals[self.deal_id].deleted = True
        self.customer_writes("ещё вопрос")

    def notes(self) -> list[str]:
        """Return the deal's notes."""
        return [str(note["text"]) for note in self.company.deals[self.deal_id].notes]

    def tasks(self) -> list[tuple[str, str]]:
        """Return the deal's tasks."""
        return [(str(task["text"]), str(task["responsible"])) for task in self.company.deals[self.deal_id].tasks]


def custom_simulator(**switches: Any) -> CustomSimulator:
    """Return a simulator of two companies with a hand-set clock."""
    return CustomSimulator(
        [partial(russian_company, subdomain="okna", **switches), partial(russian_company, subdomain="other")],
        clock=ManualClock(START.timestamp()),
    )


def custom_world(**switches: Any) -> Iterator[CustomWorld]:
    """Yield the world while the simulator serves."""
    with custom_simulator(**switches) as simulator:
        yield CustomWorld(simulator)
