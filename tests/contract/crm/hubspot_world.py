"""The contract's world on HubSpot's simulator."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from dealtalk.connections import Connection
from dealtalk.crm.hubspot.routes import Route
from dealtalk.crm.registry import Opening, open_crm
from dealtalk.messages import Chat
from local.simulators.clock import ManualClock
from local.simulators.hubspot import HubspotSimulator
from local.simulators.hubspot.cards import TAGS
from tests.contract.crm.world import START, GivenSecrets, SimulatorClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from dealtalk.crm.hubspot.client import HubspotCrm
    from dealtalk.deals import DealSchema
    from local.simulators.hubspot.portal import Portal

LOST_ON = {
    "send": ("POST", r"/threads/\d+/messages$"),
    "update_deal": ("PATCH", r"/deals/\d+$"),
    "add": ("POST", r"/objects/(notes|tasks)$"),
}


@dataclass
class HubspotWorld:
    """One portal of the simulator, with a second one beside it."""

    simulator: HubspotSimulator
    portal: Portal
    stranger: Portal
    options: dict[str, Any] = field(default_factory=dict)
    shows_texts: bool = True
    known: DealSchema | None = None

    def __post_init__(self) -> None:
        """Open a thread with a deal and the adapter for it."""
        name = self.portal.subdomain
        self.clock = SimulatorClock(self.simulator)
        self.token = self.simulator.token(name)
        self.thread, deal = self.simulator.open_chat(name)
        _, other = self.simulator.open_chat(self.stranger.subdomain)
        assert deal is not None
        assert other is not None
        self.deal_id, self.strangers_deal = deal, other
        thread = self.portal.threads[self.thread]
        route = Route(thread.channel_id, thread.account_id, thread.visitor)
        self.chat = Chat(self.thread, contact_id=thread.contact_id, channel=thread.channel_id, route=route.as_text())
        self.secrets = GivenSecrets({"token": {"token": self.token}})
        self.bot_user = max(self.portal.users)
        self.crm: HubspotCrm = self.open()

    def connection(self, **options: Any) -> Connection:
        """Return the portal's connection."""
        own = {"app_id": self.portal.app.id, "bot_user_id": self.bot_user, "tags_property": TAGS}
        return Connection(
            crm="hubspot",
            id="c1",
            account=str(self.portal.id),
            api_base=self.portal.base_url,
            secret="token",
            profile="windows",
            options={**own, **self.options, **options},
        )

    def open(self, seconds_left: Callable[[], float] = lambda: 60.0, **options: Any) -> HubspotCrm:
        """Open the adapter as a new turn does."""
        opening = Opening(
            table=cast("Any", None),
            secrets=self.secrets,
            clock=self.clock,
            seconds_left=seconds_left,
            known_schema=lambda: self.known,
        )
        return cast("HubspotCrm", open_crm(self.connection(**options), opening))

    def customer_says(self, text: str, **options: Any) -> str:
        """Write as the visitor; return the message's id."""
        return self.simulator.customer_says(self.portal.subdomain, self.thread, text, **options)

    def calls(self) -> list[tuple[str, str]]:
        """Return method and path of every call that the portal received."""
        return [(call.method, call.path) for call in self.simulator.calls(self.portal.subdomain)]

    def now(self) -> datetime:
        """Return the simulator's time."""
        return self.clock.now()

    def pass_time(self, seconds: float) -> None:
        """Move the simulator's time."""
        self.simulator.advance(seconds)

    def received(self) -> list[str]:
        """Return our side's lines."""
        lines = self.simulator.chat(self.portal.subdomain, self.thread)
        return [str(line["text"]) for line in lines if line["outgoing"]]

    def employee_writes(self, text: str) -> None:
        """Let the second user write."""
        self.simulator.employee_says(self.portal.subdomain, self.thread, text)

    def refuse_requests(self) -> None:
        """Answer the next call with 429."""
        self.simulator.fault("status", self.portal.subdomain, status=429, count=1)

    def kill_token(self) -> None:
        """Revoke the token."""
        self.simulator.revoke(self.portal.subdomain, self.token)

    def lose_answer(self, method: str) -> None:
        """Cut the connection after the call acted."""
        verb, path = LOST_ON[method]
        self.simulator.fault("drop_after", self.portal.subdomain, method=verb, path=path, count=1)

    def delete_deal(self) -> None:
        """Archive the deal."""
        self.simulator.delete_lead(self.portal.subdomain, self.deal_id)

    def card(self) -> dict[str, Any]:
        """Return the deal as a person sees it."""
        return self.simulator.deal_card(self.portal.subdomain, self.deal_id)

    def notes(self) -> list[str]:
        """Return the deal's notes."""
        return [str(note["text"]) for note in self.card()["notes"]]

    def tasks(self) -> list[tuple[str, str]]:
        """Return the deal's tasks."""
        return [(str(task["text"]), str(task["responsible"])) for task in self.card()["tasks"]]


def hubspot_simulator(*portals: tuple[Callable[..., Portal], dict[str, Any]]) -> HubspotSimulator:
    """Return a simulator with a hand-set clock and these portals; the limit rests unless a switch wakes it."""
    simulator = HubspotSimulator(clock=ManualClock(START.timestamp()))
    for make, switches in portals:
        simulator.add_account(partial(make, **{"per_ten_seconds": 100_000, **switches}))
    return simulator
