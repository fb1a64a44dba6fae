"""Accounts, customers and workers in simulated time: the real intake, responder and sweeper, each call taking its time.

Nothing is left to chance and no time passes on the clock: a run is the same whenever it is run.
"""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from dealtalk.agent.profile import Profile, parse_profile
from dealtalk.connection_store import ConnectionStore
from dealtalk.connections import Connection, connection_id
from dealtalk.conversation.doorbell import Ring
from dealtalk.conversation.intake import Intake
from dealtalk.conversation.rate import Throttle
from dealtalk.conversation.turnstile import slots_of
from dealtalk.crm.schema_cache import SchemaCache
from dealtalk.deals import Deal
from dealtalk.doorbell_handler import DoorbellHandler
from dealtalk.errors import CrmUnavailable, ModelUnavailable, RateLimited, Retryable
from dealtalk.messages import Author, Chat, ConversationKey, InboundMessage, short_hash
from dealtalk.ports import ModelAnswer, Usage
from dealtalk.recovery.sweep import Sweeper
from dealtalk.responder import Responder
from dealtalk.services import Services
from tests.contract.crm.fake import FakeCrm
from tests.fakes.table import MemoryTable
from tests.fakes.world import PROFILE, SCHEMA, OneProfile, Silence
from tests.faults.bells import DEFAULT_VISIBILITY, Queue
from tests.faults.scheduler import Container, Ended, Process, Scheduler, SimClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dealtalk.conversation.table import Item, Key, Update, Write
    from dealtalk.ports import Crm, PromptMessage, Tool

QUEUE_DELAY = 4.0
SWEEP_EVERY = 60.0
RESPONDER_SECONDS = 90.0
TABLE_SECONDS = 0.005
VENDOR_LIMIT = 7
"""Calls of one account within a second, of which amoCRM refuses the eighth."""

LONGEST_CALL = 10.0
"""Seconds after which the adapters give up waiting for an answer (`crm.http.READ_TIMEOUT`)."""

CALLS_OF = {"find_deal": 0, "leave_to_person": 0, "read_schema": 3, "update_deal": 2}
"""Requests that a method of the CRM's port makes; 1 where not named."""

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Question:
    """What a customer asked, and when; `chat` is asked in once."""

    account: str
    chat: str
    at: float


@dataclass
class Account:
    """One account: how long a call to it takes, when it is slow or down, and what was called when.

    `slow`: calls take `slow_seconds` then. `requests_per_send`: 1 by talks, 2 by Salesbot. `polls`: no webhook tells of
    employees, so the CRM is asked.
    """

    name: str
    seconds_per_call: float = 0.25
    slow_seconds: float = 30.0
    slow: Span = (0.0, 0.0)
    down: Span = (0.0, 0.0)
    requests_per_send: int = 1
    polls: bool = False
    connection: Connection = field(init=False)
    crm: FakeCrm = field(init=False)
    calls: list[float] = field(default_factory=list)
    refused: int = 0

    def __post_init__(self) -> None:
        self.connection = Connection(
            crm="amocrm",
            id=connection_id(self.name),
            account=self.name,
            api_base=f"https://{self.name}.amocrm.ru",
            secret="s",
            profile="profiles/load.yaml",
            outgoing_seen=not self.polls,
        )

    def is_down(self, at: float) -> bool:
        """Return whether the CRM does not answer at this time."""
        return self.down[0] <= at < self.down[1]

    def takes(self, at: float) -> float:
        """Return how long a call takes that is made at this time."""
        return self.slow_seconds if self.slow[0] <= at < self.slow[1] else self.seconds_per_call

    def called(self, at: float) -> None:
        """Count a call. Raises RateLimited where the vendor's limit is passed."""
        if sum(1 for each in self.calls[-VENDOR_LIMIT:] if each > at - 1) >= VENDOR_LIMIT:
            self.refused += 1
            message = "the CRM answered 429"
            raise RateLimited(message, after=1.5)
        self.calls.append(at)


@dataclass
class Town:
    """Accounts, `workers` responders at most, one model, and a sweeper each minute."""

    accounts: Sequence[Account]
    workers: int = 20
    model_seconds: float = 4.0
    model_down: Span = (0.0, 0.0)
    profile_text: str = PROFILE
    slots: int | None = None
    """Workers that one account may take; None: as the composition root decides."""

    questions: list[Question] = field(default_factory=list)
    answered: dict[tuple[str, str], float] = field(default_factory=dict)
    worked: list[tuple[str, Span]] = field(default_factory=list)
    """By which account a worker was held, and from when to when."""

    def __post_init__(self) -> None:
        random.seed(1)
        self.scheduler = Scheduler()
        self.table = MemoryTable()
        self.dead = Queue(self.scheduler)
        self.queue = Queue(self.scheduler, QUEUE_DELAY, self.dead)
        self.profile: Profile = parse_profile(self.profile_text, source="load.yaml")
        self.watch = Silence()
        self.invocations = 0
        self._by_name = {account.name: account for account in self.accounts}
        self._free = [Container(f"worker-{number}") for number in range(self.workers)]
        self._outside = Container("outside")
        clock = SimClock(self._outside, self.scheduler)
        for container in self._free:
            container.services = self._services(container)
        for account in self.accounts:
            account.crm = FakeCrm(SCHEMA, (), clock=clock)
            ConnectionStore(self.table, clock).save(account.connection)
        connections = ConnectionStore(self.table, clock)
        self._intake = Intake(self.table, connections, TownBell(self), clock)
        self._sweeper = Sweeper(self.table, TownBell(self), clock)
        self._ids = 0
        self._chats: dict[str, str] = {}

    def asks(self, account: str, chat: str, at: float) -> None:
        """Let a customer ask."""
        self.questions.append(Question(account, chat, at))
        self.scheduler.after(at - self.scheduler.time, partial(self._take, self._by_name[account], chat))

    def run(self, until: float) -> None:
        """Let time pass until everybody is answered, or until the time is over."""
        self.scheduler.after(SWEEP_EVERY, self._sweep)
        last = max(question.at for question in self.questions)
        while self.scheduler.time < until and (self.scheduler.time <= last or self.waiting):
            self.scheduler.run(min(until, self.scheduler.time + 10))

    @property
    def waiting(self) -> list[Question]:
        """The questions without an answer, in the order in which they were asked."""
        left = [each for each in self.questions if (each.account, each.chat) not in self.answered]
        return sorted(left, key=lambda each: each.at)

    def waits(self, account: str, since: float = 0.0) -> list[float]:
        """Return how long the customers of an account who asked from `since` on waited for their answers."""
        return [
            self.answered[each.account, each.chat] - each.at
            for each in self.questions
            if each.account == account and each.at >= since and (each.account, each.chat) in self.answered
        ]

    def _take(self, account: Account, chat_id: str) -> None:
        number = len(account.crm.deals) + 500
        deal = Deal(str(number), "Сделка", "10", "11", "7", price=Decimal(0))
        account.crm.deals[deal.id] = deal
        self._ids += 1
        key = ConversationKey.of_chat("amocrm", account.name, chat_id)
        self._chats[key.id] = chat_id
        message = InboundMessage(
            conversation=key,
            chat=Chat(chat_id, talk_id=str(number), deal_id=deal.id, contact_id=str(number), channel="telegram"),
            id=f"m{self._ids}",
            author=Author.CUSTOMER,
            text="Сколько стоит окно?",
            sent_at=self.scheduler.now(),
        )
        self._intake.take(account.connection, [message])

    def _sweep(self) -> None:
        self.scheduler.after(SWEEP_EVERY, self._sweep)
        self._sweeper.run()

    def _services(self, container: Container) -> Services:
        clock, table = SimClock(container, self.scheduler), TownTable(self.table, container)
        return Services(
            table=table,
            connections=ConnectionStore(table, clock),
            doorbell=TownBell(self),
            clock=clock,
            profiles=OneProfile(self.profile),
            schemas=SchemaCache(table, clock),
            open_crm=partial(self._open_crm, container, clock, table),
            open_model=lambda _: TownModel(self, container),
            watch=self.watch,  # type: ignore[arg-type]
            slots=slots_of(self.workers) if self.slots is None else self.slots,
        )

    def _open_crm(
        self,
        container: Container,
        clock: SimClock,
        table: TownTable,
        connection: Connection,
        _chat: Chat,
        seconds_left: Callable[[], float],
    ) -> Crm:
        """Return the account as one turn reaches it: paced, slow, at times down, and counted."""
        account = self._by_name[connection.account]
        throttle = Throttle(table, clock, connection)

        def before(method: str) -> None:
            requests = account.requests_per_send if method == "send" else CALLS_OF.get(method, 1)
            for _ in range(requests):
                throttle.wait()
                if seconds_left() < 1:
                    message = "no time left for a call to the CRM"
                    raise Retryable(message)
                account.called(self.scheduler.time)
                if account.is_down(self.scheduler.time):
                    container.running.park(min(LONGEST_CALL, seconds_left()))
                    message = "the CRM did not answer"
                    raise CrmUnavailable(message)
                container.running.park(account.takes(self.scheduler.time))
            if method == "send":
                self._sent(account, container.running.conversation)

        mine = copy.copy(account.crm)
        mine.on_call = before
        return mine

    def _sent(self, account: Account, chat: str) -> None:
        self.answered.setdefault((account.name, chat), self.scheduler.time)

    # Workers

    def poll(self) -> None:
        """Hand visible doorbells to free workers, as the event source mapping does."""
        while self._free:
            bell = self.queue.receive()
            if bell is None:
                return
            self._start(self._free.pop(), bell.receipt, bell.body, bell.receives)

    def poll_later(self, seconds: float) -> None:
        """Look at the queue again."""
        self.scheduler.after(seconds + 0.001, self.poll)

    def _start(self, container: Container, receipt: str, body: str, receives: int) -> None:
        self.invocations += 1
        began = self.scheduler.time
        ring = Ring.from_body(body)
        process = Process(self.scheduler, f"responder#{self.invocations}")
        process.deadline = self.scheduler.time + RESPONDER_SECONDS
        process.conversation = self._chats[ring.conversation.id]
        container.process = process
        record = {
            "messageId": receipt,
            "body": body,
            "receiptHandle": receipt,
            "attributes": {"ApproximateReceiveCount": str(receives)},
        }
        handler = DoorbellHandler(Responder(container.services), TownVisibility(self), "queue")  # type: ignore[arg-type]

        def over(outcome: Ended) -> None:
            container.process = None
            self._free.append(container)
            self.worked.append((ring.conversation.account, (began, self.scheduler.time)))
            if outcome.error is not None:
                raise outcome.error
            answer: Any = outcome.value
            if not outcome.killed and not answer["batchItemFailures"]:
                self.queue.delete(receipt)
            self.poll()
            if (next_at := self.queue.next_at()) is not None:
                self.poll_later(max(next_at - self.scheduler.time, 0.0))

        self.scheduler.after(RESPONDER_SECONDS, process.kill)
        self.scheduler.spawn(process, lambda: handler.handle({"Records": [record]}, TownContext(process)), over)
        self.poll_later(DEFAULT_VISIBILITY)


@dataclass
class TownBell:
    """See `ports.Doorbell`."""

    town: Town

    def ring(self, conversation: ConversationKey, *, connection: str, arrival: int, dedup: str, reason: str) -> None:
        """Put a ring into the queue."""
        body = Ring(conversation, connection, arrival, reason).body()
        self.town.queue.send(short_hash(conversation.partition), dedup, body)
        self.town.poll_later(QUEUE_DELAY)


@dataclass
class TownTable:
    """See `table.Table`: each request takes some milliseconds, in which others go on."""

    memory: MemoryTable
    container: Container

    def read(self, keys: Sequence[Key]) -> dict[Key, Item]:
        """See `table.Table`."""
        self._go()
        return self.memory.read(keys)

    def newest(self, partition: str, prefix: str, limit: int) -> list[Item]:
        """See `table.Table`."""
        self._go()
        return self.memory.newest(partition, prefix, limit)

    def due(self, shard: str, until: int, limit: int) -> list[Item]:
        """See `table.Table`."""
        self._go()
        return self.memory.due(shard, until, limit)

    def write(self, *writes: Write) -> None:
        """See `table.Table`."""
        self._go()
        self.memory.write(*writes)

    def update(self, change: Update) -> Item:
        """See `table.Table`."""
        self._go()
        return self.memory.update(change)

    def _go(self) -> None:
        self.container.running.park(TABLE_SECONDS)


@dataclass
class TownModel:
    """See `ports.Model`: it greets, or fails while it is down."""

    town: Town
    container: Container

    def answer(self, prompt: Sequence[PromptMessage], tools: Sequence[Tool], *, timeout: float) -> ModelAnswer:
        """Answer after the model's time."""
        del prompt, tools
        begin, end = self.town.model_down
        if begin <= self.town.scheduler.time < end:
            self.container.running.park(min(timeout, 2.0))
            message = "the model answered 503"
            raise ModelUnavailable(message)
        self.container.running.park(self.town.model_seconds)
        return ModelAnswer("Здравствуйте!", (), Usage(100, 0, 20), "scripted")


@dataclass
class TownVisibility:
    """The one call of the SQS client that the doorbell's handler makes."""

    town: Town

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: N803 (boto3's names)
        """Set a received doorbell's visibility."""
        del QueueUrl
        self.town.queue.hide(ReceiptHandle, VisibilityTimeout)
        self.town.poll_later(VisibilityTimeout)


@dataclass(frozen=True)
class TownContext:
    """Lambda's context."""

    process: Process

    def get_remaining_time_in_millis(self) -> int:
        """See Lambda's context object."""
        return int(((self.process.deadline or 0.0) - self.process.scheduler.time) * 1000)
