"""The contract's world on amoCRM's and Kommo's simulator."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from dealtalk.connections import Connection
from dealtalk.crm.registry import Opening, open_crm
from dealtalk.crm.reply_ways import ReplyWays
from dealtalk.messages import Chat
from local.simulators.amocrm.simulator import AmocrmSimulator
from local.simulators.clock import ManualClock
from tests.contract.crm.world import START, GivenSecrets, SimulatorClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from dealtalk.crm.amocrm.client import AmocrmCrm
    from local.simulators.amocrm.state import Account


LOST_ON = {
    "send": ("POST", r"send_message|salesbot/run|/run$"),
    "update_deal": ("PATCH", r"/leads/\d+$"),
    "add": ("POST", r"/(notes|tasks)$"),
}


@dataclass
class AmocrmWorld:
    """One account of the simulator, with a second account beside it."""

    simulator: AmocrmSimulator
    account: Account
    stranger: Account
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Open a chat with a deal and the adapter for it."""
        sub = self.account.subdomain
        self.clock = SimulatorClock(self.simulator)
        self.token = self.simulator.token(sub)
        self.chat_id, lead = self.simulator.open_chat(sub)
        _, other = self.simulator.open_chat(self.stranger.subdomain)
        self.deal_id, self.strangers_deal = str(lead), str(other)
        talk = next(t for t in self.account.talks.values() if t.chat_id == self.chat_id)
        self.chat = Chat(self.chat_id, str(talk.talk_id), self.deal_id, str(talk.contact_id), talk.origin)
        self.secrets = GivenSecrets({"token": {"token": self.token}})
        self.left: list[tuple[str, str]] = []
        self.ways = ReplyWays(self.clock)
        self.crm: AmocrmCrm = self.open()
        self.shows_texts = self.account.settings.chats_api

    def connection(self, **options: Any) -> Connection:
        """Return the account's connection, its reply field and bot set up."""
        bot = next(iter(self.account.bots.values()))
        platform = {"platform": self.account.settings.platform.value}
        reply = {"reply_field_id": bot.field_id, "bot_id": bot.id}
        return Connection(
            crm="amocrm",
            id="c1",
            account=str(self.account.id),
            api_base=self.account.base_url,
            secret="token",
            profile="windows",
            options={**platform, **reply, **self.options, **options},
        )

    def open(self, seconds_left: Callable[[], float] = lambda: 60.0, **options: Any) -> AmocrmCrm:
        """Open the adapter as a new turn does."""
        opening = Opening(
            table=cast("Any", None),
            secrets=self.secrets,
            clock=self.clock,
            seconds_left=seconds_left,
            channel=self.chat.channel,
            reply_ways=self.ways,
            on_fallback=lambda way, reason: self.left.append((way, reason)),
        )
        return cast("AmocrmCrm", open_crm(self.connection(**options), opening))

    def calls(self) -> list[tuple[str, str]]:
        """Return method and path of every call that the account received."""
        return [(call.method, call.path) for call in self.simulator.calls(self.account.subdomain)]

    def now(self) -> datetime:
        """Return the simulator's time."""
        return self.clock.now()

    def pass_time(self, seconds: float) -> None:
        """Move the simulator's time and let its bots run."""
        self.simulator.advance(seconds)

    def received(self) -> list[str]:
        """Return our side's lines."""
        lines = self.simulator.chat(self.account.subdomain, self.chat_id)
        return [line.text for line in lines if line.outgoing]

    def employee_writes(self, text: str) -> None:
        """Let the second user write."""
        self.simulator.employee_says(self.account.subdomain, self.chat_id, text)

    def refuse_requests(self) -> None:
        """Answer the next call with 429."""
        self.simulator.fault("status", self.account.subdomain, status=429, count=1)

    def kill_token(self) -> None:
        """Revoke the token."""
        self.simulator.revoke(self.account.subdomain, self.token)

    def lose_answer(self, method: str) -> None:
        """Cut the connection after the call acted."""
        verb, path = LOST_ON[method]
        self.simulator.fault("drop_after", self.account.subdomain, method=verb, path=path, count=1)

    def delete_deal(self) -> None:
        """Delete the lead."""
        self.simulator.delete_lead(self.account.subdomain, int(self.deal_id))

    def card(self) -> dict[str, Any]:
        """Return the lead as a person sees it."""
        return self.simulator.deal_card(self.account.subdomain, int(self.deal_id))

    def notes(self) -> list[str]:
        """Return the lead's notes."""
        return [str(note["text"]) for note in self.card()["notes"]]

    def tasks(self) -> list[tuple[str, str]]:
        """Return the lead's tasks."""
        return [(str(task["text"]), str(task["responsible"])) for task in self.card()["tasks"]]


def amocrm_simulator(*accounts: tuple[Callable[..., Account], dict[str, Any]]) -> AmocrmSimulator:
    """Return a simulator with a hand-set clock and these accounts; the rate limit rests unless a switch wakes it."""
    simulator = AmocrmSimulator(clock=ManualClock(START.timestamp()))
    for make, switches in accounts:
        simulator.add_account(partial(make, **{"requests_per_second": 100_000, **switches}))
    return simulator
