"""The same small world in every CRM: one deal with a chat, an employee, a clock, and things that go wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, cast

from dealtalk.connections import Connection
from dealtalk.crm.registry import Opening, open_crm
from dealtalk.crm.reply_ways import ReplyWays
from dealtalk.deals import Deal, DealSchema, FieldKind, FieldSchema, Option, Outcome, Person, Pipeline, Stage
from dealtalk.errors import NeedsAttention, RateLimited
from dealtalk.messages import Chat
from local.simulators.amocrm.simulator import AmocrmSimulator
from local.simulators.clock import ManualClock
from tests.contract.crm.fake import FakeCrm

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dealtalk.crm.amocrm.client import AmocrmCrm
    from dealtalk.ports import Crm
    from local.simulators.amocrm.state import Account

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


class World(Protocol):
    """What the contract suite needs besides the adapter."""

    crm: Crm
    deal_id: str
    strangers_deal: str
    chat: Chat
    shows_texts: bool
    """Whether the CRM lets us see what was said, so that "not sent" can be known."""

    def now(self) -> datetime:
        """Return the world's time."""
        ...

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and what is due happen."""
        ...

    def received(self) -> list[str]:
        """Return the texts that reached the customer from our side."""
        ...

    def employee_writes(self, text: str) -> None:
        """Let a person of the company write into the chat."""
        ...

    def refuse_requests(self) -> None:
        """Let the CRM say "too many requests" to the next call."""
        ...

    def kill_token(self) -> None:
        """Let the account's owner withdraw the token."""
        ...

    def lose_answer(self, method: str) -> None:
        """Let the next call of this method of the port act and its answer get lost."""
        ...

    def delete_deal(self) -> None:
        """Delete the deal by hand."""
        ...

    def notes(self) -> list[str]:
        """Return the deal's notes."""
        ...

    def tasks(self) -> list[tuple[str, str]]:
        """Return the deal's tasks as text and the name of the responsible person."""
        ...


class GivenSecrets:
    """Secrets in memory; `reads` counts the reads past the cache."""

    def __init__(self, values: dict[str, dict[str, str]]) -> None:
        self.values = values
        self.reads = 0

    def read(self, name: str, *, fresh: bool = False) -> Mapping[str, str]:
        """Return the secret."""
        self.reads += fresh
        return self.values[name]


@dataclass
class SimulatorClock:
    """The simulator's hand-set time as the port's clock; to sleep is to move it."""

    simulator: AmocrmSimulator

    def now(self) -> datetime:
        """Return the simulator's time."""
        return datetime.fromtimestamp(self.simulator.clock.now(), UTC)

    def sleep(self, seconds: float) -> None:
        """Move the simulator's time."""
        self.simulator.advance(seconds)


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


@dataclass
class FakeClock:
    """A clock that stands still until it sleeps."""

    at: datetime = START

    def now(self) -> datetime:
        """Return the time."""
        return self.at

    def sleep(self, seconds: float) -> None:
        """Move the time."""
        self.at += timedelta(seconds=seconds)


FAKE_SCHEMA = DealSchema(
    pipelines=(
        Pipeline(
            "10",
            "Sales",
            (Stage("11", "New"), Stage("12", "Measurement"), Stage("142", "Won", Outcome.WON)),
        ),
        Pipeline("20", "Support", (Stage("21", "Request"), Stage("142", "Won", Outcome.WON))),
    ),
    fields=(
        FieldSchema("1", "City", FieldKind.TEXT),
        FieldSchema("2", "Quantity", FieldKind.NUMBER),
        FieldSchema("3", "Frame", FieldKind.SELECT, (Option("31", "Vinyl"), Option("32", "Wood"))),
        FieldSchema("4", "Options", FieldKind.MULTISELECT, (Option("41", "Sill"), Option("42", "Screen"))),
        FieldSchema("5", "Needs installation", FieldKind.CHECKBOX),
        FieldSchema("6", "Visit date", FieldKind.DATE),
        FieldSchema("7", "Visit time", FieldKind.DATETIME),
    ),
    people=(Person("100", "Alice"), Person("101", "Oliver"), Person("102", "Peter", active=False)),
)


class FakeWorld:
    """The fake account, through the same handles."""

    shows_texts = True
    deal_id = "500"
    strangers_deal = "900"

    def __init__(self) -> None:
        deal = Deal("500", "Windows", "10", "11", "100")
        self.clock = FakeClock()
        self.crm = FakeCrm(FAKE_SCHEMA, [deal], clock=self.clock)
        self.chat = Chat("chat-1", "7", "500", "600", "telegram")

    def now(self) -> datetime:
        """Return the fake time."""
        return self.clock.now()

    def pass_time(self, seconds: float) -> None:
        """Move the fake time."""
        self.clock.sleep(seconds)

    def received(self) -> list[str]:
        """Return what was sent, and nothing of the employee, whose words the fake does not keep."""
        return [sent.text for sent in self.crm.sent]

    def employee_writes(self, text: str) -> None:  # noqa: ARG002 (the fake keeps times only)
        """Let an employee write."""
        self.crm.employee_writes(self.chat.chat_id)

    def refuse_requests(self) -> None:
        """Refuse the next call of every method once."""
        self._fail_next(RateLimited("too many requests", after=1.0))

    def kill_token(self) -> None:
        """Refuse the next call of every method for good."""
        self._fail_next(NeedsAttention("the token is dead"))

    def _fail_next(self, error: Exception) -> None:
        for method in ("read_deal", "send", "update_deal", "read_schema"):
            self.crm.fail(method, error)

    def lose_answer(self, method: str) -> None:
        """Act, then lose the answer."""
        self.crm.drop_answer(method)

    def delete_deal(self) -> None:
        """Forget the deal."""
        del self.crm.deals[self.deal_id]

    def notes(self) -> list[str]:
        """Return the notes' texts."""
        return [note.text for _, note in self.crm.notes]

    def tasks(self) -> list[tuple[str, str]]:
        """Return the tasks' texts with their person, the deal's where none was named."""
        responsible = self.crm.deals[self.deal_id].responsible_id
        people = {person.id: person.name for person in FAKE_SCHEMA.people}
        return [(task.text, people[task.person_id or responsible or ""]) for _, task in self.crm.tasks]


def amocrm_simulator(*accounts: tuple[Callable[..., Account], dict[str, Any]]) -> AmocrmSimulator:
    """Return a simulator with a hand-set clock and these accounts; the rate limit rests unless a switch wakes it."""
    simulator = AmocrmSimulator(clock=ManualClock(START.timestamp()))
    for make, switches in accounts:
        simulator.add_account(partial(make, **{"requests_per_second": 100_000, **switches}))
    return simulator
