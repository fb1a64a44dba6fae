"""One connected account with one deal, and everything around the real intake and responder as fakes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any

from dealtalk.agent.profile import Profile, parse_profile
from dealtalk.connection_store import ConnectionStore
from dealtalk.connections import Connection, connection_id
from dealtalk.conversation.intake import Intake, IntakeResult
from dealtalk.conversation.state import State, meta_key
from dealtalk.crm.schema_cache import SchemaCache
from dealtalk.deals import Deal, DealSchema, FieldKind, FieldSchema, Option, Outcome, Person, Pipeline, Stage
from dealtalk.messages import Attachment, Author, Chat, ConversationKey, InboundMessage
from dealtalk.recovery.reading import Reading
from dealtalk.recovery.sweep import Sweeper
from dealtalk.responder import Responder
from dealtalk.services import Services
from tests.contract.crm.fake import FakeCrm
from tests.fakes.clock import FakeClock
from tests.fakes.doorbell import FakeDoorbell
from tests.fakes.history import FakeHistory
from tests.fakes.model import ScriptedModel
from tests.fakes.table import MemoryTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from dealtalk.conversation.rules import Decision
    from dealtalk.conversation.table import Item
    from dealtalk.recovery.reading import Read

PROFILE = """
name: Анна
instructions: Помогайте выбрать окна.
works_in: [{pipeline: Продажи, stages: [Новый, Квалификация]}]
reads: [Товар, Город]
changes:
  stages: {Новый: [Квалификация]}
  fields:
    - {name: Товар}
    - {name: Количество}
    - {name: Город, policy: overwrite}
  tags: {add: [ии]}
  people: [Олег]
  tasks: {allowed: true}
takeover: {resume_after_minutes: 60}
timing: {quiet_seconds: 3, max_wait_seconds: 20}
"""

SCHEMA = DealSchema(
    pipelines=(
        Pipeline(
            "10",
            "Продажи",
            (
                Stage("11", "Новый"),
                Stage("12", "Квалификация"),
                Stage("13", "Договор"),
                Stage("142", "Успешно реализовано", Outcome.WON),
                Stage("143", "Закрыто и не реализовано", Outcome.LOST),
            ),
        ),
    ),
    fields=(
        FieldSchema("101", "Товар", FieldKind.TEXT),
        FieldSchema("102", "Количество", FieldKind.NUMBER),
        FieldSchema("103", "Город", FieldKind.TEXT),
        FieldSchema("104", "Профиль", FieldKind.SELECT, (Option("1", "Rehau"), Option("2", "KBE"))),
    ),
    people=(Person("7", "Олег"),),
)
CHAT = Chat("chat-1", talk_id="77", deal_id="500", contact_id="900", channel="telegram")


def bare(message: InboundMessage) -> InboundMessage:
    """Return what a webhook that brings ids only knows of a message."""
    chat = Chat(message.chat.chat_id)
    return replace(message, chat=chat, author=Author.UNKNOWN, text="", outgoing=False, pending=True)


class Silence:
    """A watch that remembers counts and errors."""

    def __init__(self) -> None:
        self.counts: dict[str, float] = {}
        self.errors: list[tuple[str, dict[str, object]]] = []

    def of(self, conversation: ConversationKey, connection: str) -> None:
        """See `Watch`."""

    def of_account(self, crm: str, connection: str) -> None:
        """See `Watch`."""

    def say(self, what: str, **facts: object) -> None:
        """See `Watch`."""

    def warn(self, what: str, **facts: object) -> None:
        """See `Watch`."""

    def error(self, what: str, **facts: object) -> None:
        """See `Watch`."""
        self.errors.append((what, facts))

    def count(self, metric: str, number: float = 1) -> None:
        """See `Watch`."""
        self.counts[metric] = self.counts.get(metric, 0) + number

    def took(self, metric: str, milliseconds: float) -> None:
        """See `Watch`."""
        self.counts[metric] = milliseconds


@dataclass
class OneProfile:
    """The one profile there is."""

    profile: Profile

    def get(self, _name: str) -> Profile:
        """See `Profiles`."""
        return self.profile


@dataclass
class World:
    """The account. `says` brings a customer's message, `work` lets the responder work off the bells that are due."""

    profile_text: str = PROFILE
    connection: Connection = field(
        default_factory=lambda: Connection(
            crm="amocrm",
            id=connection_id("key"),
            account="31337",
            api_base="https://oknaufa.amocrm.ru",
            secret="dealtalk/test/connections/amocrm/x",
            profile="profiles/test.yaml",
            outgoing_seen=True,
            connected_at=datetime(2026, 8, 1, tzinfo=UTC),
        )
    )
    deal: Deal = field(default_factory=lambda: Deal("500", "Сделка", "10", "11", "7", price=Decimal(0)))
    seconds_left: float = 85.0
    slots: int = 2

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self.table = MemoryTable()
        self.doorbell = FakeDoorbell(self.clock)
        self.crm = FakeCrm(SCHEMA, [self.deal], clock=self.clock)
        self.model = ScriptedModel()
        self.watch = Silence()
        self.connections = ConnectionStore(self.table, self.clock)
        self.connections.save(self.connection)
        self.intake = Intake(self.table, self.connections, self.doorbell, self.clock)
        self.services = Services(
            table=self.table,
            connections=self.connections,
            doorbell=self.doorbell,
            clock=self.clock,
            profiles=OneProfile(parse_profile(self.profile_text, source="test.yaml")),
            schemas=SchemaCache(self.table, self.clock),
            open_crm=lambda *_: self.crm,
            open_model=lambda _: self.model,
            watch=self.watch,  # type: ignore[arg-type]
            slots=self.slots,
        )
        self.responder = Responder(self.services)
        self.record = FakeHistory()
        self.reading = Reading(
            table=self.table,
            connections=self.connections,
            intake=self.intake,
            clock=self.clock,
            watch=self.watch,  # type: ignore[arg-type]
            open_history=self.record.opened,
        )
        self._ids = count(1)
        self.decisions: list[Decision] = []

    @property
    def conversation(self) -> ConversationKey:
        """The key of the one chat."""
        return ConversationKey.of_chat(self.connection.crm, self.connection.account, CHAT.chat_id)

    @property
    def state(self) -> State:
        """META as it is now."""
        key = meta_key(self.conversation)
        return State.from_item(self.conversation, self.table.items.get(key))

    @property
    def replies(self) -> list[str]:
        """What the customer got."""
        return [sent.text for sent in self.crm.sent]

    def message(self, text: str, author: Author = Author.CUSTOMER, **changes: Any) -> InboundMessage:
        """Return a message of the chat with an id of its own."""
        made = InboundMessage(
            conversation=self.conversation,
            chat=CHAT,
            id=f"m{next(self._ids)}",
            author=author,
            text=text,
            sent_at=self.clock.now(),
            outgoing=author is not Author.CUSTOMER,
        )
        return replace(made, **changes)

    def take(self, *messages: InboundMessage) -> IntakeResult:
        """Take messages in as the webhook does, the connection read anew."""
        connection = self.connections.load(self.connection.crm, self.connection.id)
        assert connection is not None
        return self.intake.take(connection, messages)

    def says(self, text: str, *attachments: Attachment) -> InboundMessage:
        """Bring a customer's message."""
        message = self.message(text, attachments=attachments)
        self.take(message)
        return message

    def tells_of(self, *messages: InboundMessage, listed: bool = True) -> IntakeResult:
        """Bring messages as bare ids; the CRM tells what they are when it is asked, unless it does not list them."""
        if listed:
            self.crm.said |= {message.id: message for message in messages}
        return self.take(*(bare(message) for message in messages))

    def employee_says(self, text: str) -> InboundMessage:
        """Bring an employee's message."""
        message = self.message(text, Author.EMPLOYEE)
        self.take(message)
        return message

    def reads(self, seconds_left: float = 60.0) -> Read:
        """Let the reader catch up with the account's record, the connection read anew."""
        connection = self.connections.load(self.connection.crm, self.connection.id)
        assert connection is not None
        return self.reading.catch_up(connection, self.countdown(seconds_left))

    def countdown(self, seconds: float) -> Callable[[], float]:
        """Return how an invocation of this length tells what is left of it."""
        end = self.clock.now() + timedelta(seconds=seconds)

        def left() -> float:
            return (end - self.clock.now()).total_seconds()

        return left

    def work(self, seconds: float = 5) -> list[Decision]:
        """Let time pass, then work off every bell that is due, and return what was decided."""
        self.clock.forward(seconds=seconds)
        done = []
        while (ring := self.doorbell.take()) is not None:
            done.append(self.responder.wake(ring, lambda: self.seconds_left))
        self.decisions += done
        return done

    def sweep(self) -> None:
        """Let the sweeper ring for what is due."""
        Sweeper(self.table, self.doorbell, self.clock).run()

    def at(self, method: str, do: Callable[[], object]) -> None:
        """Let something happen once, just before the CRM's next call of `method`."""

        def hook(name: str) -> None:
            if name == method:
                self.crm.on_call = None
                do()

        self.crm.on_call = hook

    def timeline(self) -> list[Item]:
        """Return the items of the timeline, in order."""
        partition = self.conversation.partition
        return [self.table.items[key] for key in sorted(self.table.items) if key[0] == partition and key[1][:2] == "T#"]

    def changes(self) -> list[str]:
        """Return the ledger's rows in words."""
        return [item["text"] for item in self.timeline() if item["kind"] == "change"]

    def wait(self, **duration: float) -> None:
        """Move the time."""
        self.clock.forward(**duration)

    def due_in(self) -> timedelta | None:
        """Return when the conversation's timer is due, from now."""
        due = self.state.due_at
        return None if due is None else datetime.fromtimestamp(due, self.clock.now().tzinfo) - self.clock.now()
