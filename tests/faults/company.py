"""One run: accounts with customers and employees, and the whole of Dealtalk between them, from one seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from dealtalk.agent.profile import Profile, parse_profile
from dealtalk.connection_store import ConnectionStore, connection_item, connection_key
from dealtalk.connections import Connection, ConnectionState, Mode, UncertainSend, connection_id
from dealtalk.conversation.doorbell import Ring
from dealtalk.conversation.intake import Intake
from dealtalk.conversation.state import State, meta_key
from dealtalk.conversation.table import Put, Update
from dealtalk.crm.schema_cache import SchemaCache
from dealtalk.deals import Deal
from dealtalk.doorbell_handler import DoorbellHandler
from dealtalk.errors import Retryable
from dealtalk.messages import Author, Chat, ConversationKey, InboundMessage, short_hash
from dealtalk.recovery.redrive import Redriver
from dealtalk.recovery.sweep import Sweeper
from dealtalk.responder import Responder
from dealtalk.services import Services
from tests.contract.crm.fake import FakeCrm
from tests.fakes.world import SCHEMA, OneProfile, Silence
from tests.faults.accounts import KINDS, Account, Edited, ProcessCrm
from tests.faults.bells import DEFAULT_VISIBILITY, Bell, Queue
from tests.faults.faults import Dice, Fault, Port
from tests.faults.outside import Outside
from tests.faults.scheduler import Container, Ended, Process, Scheduler, SimClock
from tests.faults.seller import Minds, Seller
from tests.faults.storage import ProcessTable, Storage
from tests.faults.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dealtalk.ports import Crm

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
"""
TOLD = "handoff: {customer_message: {ru: Коллега ответит вам скоро.}}\n"
CANNED = "Коллега ответит вам скоро."
SLOTS = 4
RESPONDER_SECONDS = 90.0
OTHER_SECONDS = 120.0
QUIET_SECONDS = 4.0
SWEEP_EVERY = 60.0
REDRIVE_EVERY = 900.0
ALARM_AFTER = 90.0
LETTERS_HIDDEN = 120.0
LETTERS_PER_RUN = 25
AFTER_FAULTS = 6 * 3600.0
CALM_AFTER = 1000.0
"""Seconds after the last fault from which on a customer is answered as on any other day."""


@dataclass(eq=False)
class Talk:
    """One conversation: the account's chat, its deal, and what was written by whom and when."""

    label: str
    account: Account
    chat: Chat
    key: ConversationKey
    said: list[tuple[str, str, float]] = field(default_factory=list)
    """Marker, message id and time of each customer's message."""

    employee: list[tuple[str, float, str]] = field(default_factory=list)
    """Message id, time and text of each employee's message."""


@cache
def profile_of(resume: int, told: bool, mode: str, quiet: int) -> Profile:
    """Return a profile."""
    timing = f"timing: {{quiet_seconds: {quiet}, max_wait_seconds: 20}}\n"
    extra = f"{timing}takeover: {{resume_after_minutes: {resume}}}\nmode: {mode}\n{TOLD if told else ''}"
    return parse_profile(PROFILE + extra, source="faults.yaml")


class Company:
    """All that there is in one run."""

    def __init__(self, seed: int, focus: tuple[str, ...] = ()) -> None:
        self.seed = seed
        self.random = random.Random(seed)  # noqa: S311 (a seed replays the run)
        random.seed(seed)
        self.scheduler = Scheduler()
        self.dice = Dice(self.random, focus)
        self.outside = Outside(self.scheduler, self.dice, interject=self._interject)
        self.storage = Storage()
        self.queue_dead = Queue(self.scheduler)
        self.queue = Queue(self.scheduler, QUIET_SECONDS, self.queue_dead)
        self.minds = Minds(self.random)
        self.lost: list[str] = []
        self.traffic = Traffic(self.scheduler, self.dice, self._receive, self.outside.note, self.lost)
        self.watch = Silence()
        self.profiles: dict[str, Profile] = {}
        self.accounts: list[Account] = []
        self.talks: list[Talk] = []
        self.containers: dict[str, list[Container]] = {"webhook": [], "responder": [], "other": []}
        self.running: set[Process] = set()
        self.invocations = 0
        self.rings: list[tuple[float, ConversationKey, str, str]] = []
        self.faulty_exits: list[str] = []
        self.histories: dict[str, list[Any]] = {}
        self.busy_connections: set[str] = set()
        self._open_accounts()
        self.fault_seconds = self.random.choice([120.0, 240.0, 400.0])
        self._plan_people()

    def run(self) -> None:
        """Let it all happen: with faults, then without, until nothing moves."""
        self.scheduler.after(SWEEP_EVERY, self._sweep_tick)
        self.scheduler.after(REDRIVE_EVERY, self._redrive_tick)
        self.scheduler.run(self.fault_seconds)
        self.dice.open = False
        self.faults_ended = self.scheduler.time
        end = self.fault_seconds + AFTER_FAULTS
        while self.scheduler.time < end and not self.is_quiet:
            self.scheduler.run(min(self.scheduler.time + 30.0, end))
        for process in list(self.running):
            process.kill()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing will move any more."""
        busy = self.running or self.traffic.under_way or self.queue.bells or self.queue_dead.bells
        broken = any(self.connection(account).state is not ConnectionState.ACTIVE for account in self.accounts)
        waits = any(due is not None for due in [self.storage.due_at()])
        return not busy and not waits and not broken and self.scheduler.time > self.last_word

    def state(self, talk: Talk) -> State:
        """Return META as it is now."""
        return State.from_item(talk.key, self.storage.memory.items.get(meta_key(talk.key)))

    def connection(self, account: Account) -> Connection:
        """Return the connection as the table has it."""
        return replace(
            account.connection,
            state=ConnectionState(self._connection_item(account)["state"]),
            outgoing_seen=bool(self._connection_item(account)["outgoing_seen"]),
        )

    def told_from(self, account: Account) -> float | None:
        """Return from when on it was known that this account tells of outgoing messages; None: it never was."""
        if account.connection.outgoing_seen:
            return -60.0
        key = connection_key(account.connection.crm, account.connection.id)
        told = (
            written.time
            for written in self.storage.log
            for write in written.writes
            if write.key == key and isinstance(write, Update) and write.values.get("outgoing_seen")
        )
        return next(told, None)

    def _connection_item(self, account: Account) -> dict[str, Any]:
        return self.storage.memory.items[connection_key(account.connection.crm, account.connection.id)]

    def _open_accounts(self) -> None:
        for number in range(self.random.choice([1, 2, 2, 3])):
            kind = self.random.choice(KINDS)
            key = f"key-{number}"
            resume, told = self.random.choice([10, 10, -1]), self.random.random() < 0.4
            mode = "draft" if self.random.random() < 0.05 else "auto"
            name = f"profiles/{number}.yaml"
            self.profiles[name] = profile_of(resume, told, mode, self.random.choice([3, 3, 9]))
            connection = Connection(
                crm="amocrm",
                id=connection_id(key),
                account=str(31337 + number),
                api_base=f"https://account{number}.amocrm.ru",
                secret="s",
                profile=name,
                outgoing_seen=kind.tells_outgoing and self.random.random() < 0.7,
                uncertain_send=UncertainSend.RESEND if self.random.random() < 0.05 else UncertainSend.ASK_HUMAN,
            )
            clock = SimClock(Container("crm"), self.scheduler)
            deals = [Deal(str(500 + n), "Сделка", "10", "11", "7", price=Decimal(0)) for n in range(3)]
            crm = FakeCrm(SCHEMA, deals, clock=clock, returns_ids=True, sees_texts=kind.sees_texts)
            crm.reply_limit = self.random.choice([1000, 1000, 1000, 45])
            account = Account(connection, key, kind, crm, self.scheduler, self._echo)
            self.accounts.append(account)
            self.storage.memory.write(Put(connection_key(connection.crm, connection.id), connection_item(connection)))
            self._open_talks(account)

    def _open_talks(self, account: Account) -> None:
        for number in range(self.random.choice([1, 2, 3, 4])):
            label = f"c{len(self.talks)}"
            deal = str(500 + self.random.choice([0, 0, 1, 2]))
            named = deal if self.random.random() < 0.85 else None
            chat = Chat(f"chat-{number}", str(70 + number), named, str(900 + number), "telegram")
            account.crm.deal_of[chat.chat_id] = deal
            account.chats[chat.chat_id] = label
            key = ConversationKey.of_chat(account.connection.crm, account.connection.account, chat.chat_id)
            self.talks.append(Talk(label, account, chat, key))

    def _plan_people(self) -> None:
        """Let customers write in bursts, employees cut in, people edit deals."""
        self.last_word = 0.0
        for talk in self.talks:
            at = self.dice.between(0, self.fault_seconds / 2)
            for _ in range(self.random.choice([1, 1, 2, 3, 4])):
                self._plan(at, partial(self.customer_writes, talk))
                at += self.random.choice([0.3, 2.0, 6.0, 15.0, 60.0]) * self.dice.between(0.5, 1.5)
            if self.random.random() < 0.15:
                self._plan(self.dice.between(0, self.fault_seconds), partial(self.employee_writes, talk))
            if self.random.random() < 0.3:
                self._plan(self.dice.between(0, self.fault_seconds), partial(self.person_edits, talk))
        self.calm = self.random.choice(self.talks)
        at = self.fault_seconds + CALM_AFTER
        for _ in range(self.random.choice([0, 1, 2, 3])):
            self._plan(at, lambda: self.customer_writes(self.calm))
            at += self.random.choice([0.4, 2.0, 5.0, 9.0])

    def _plan(self, at: float, do: Callable[[], None]) -> None:
        self.last_word = max(self.last_word, at)
        self.scheduler.after(at, do)

    def customer_writes(self, talk: Talk, *, at_once: bool = False) -> None:
        """Let the customer write a message of its own marker."""
        marker = f"q{talk.label[1:]}x{len(talk.said) + 1}"
        message = self._message(talk, f"вопрос {marker}", Author.CUSTOMER)
        talk.said.append((marker, message.id, self.scheduler.time))
        self.outside.note("customer", talk.label, f"writes {marker}")
        self.traffic.bring(talk.account, message, at_once=at_once)

    def employee_writes(self, talk: Talk, text: str = "", *, at_once: bool = False) -> None:
        """Let an employee write; a webhook tells of it where this account has such."""
        message = self._message(talk, text or f"говорит человек {len(talk.employee) + 1}", Author.EMPLOYEE)
        talk.employee.append((message.id, self.scheduler.time, message.text))
        talk.account.crm.employee_writes(talk.chat.chat_id)
        self.outside.note("employee", talk.label, "writes")
        if talk.account.kind.tells_outgoing:
            self.traffic.bring(talk.account, message, at_once=at_once)

    def person_edits(self, talk: Talk) -> None:
        """Let a person set a field of the deal."""
        account, deal_id = talk.account, talk.account.crm.deal_of[talk.chat.chat_id]
        deal = account.crm.deals.get(deal_id)
        if deal is None:
            return
        field_id, value = self.random.choice(["101", "103", "103"]), f"человек{self.minds.number()}"
        account.crm.deals[deal_id] = replace(deal, fields={**deal.fields, field_id: value})
        account.edited.append(Edited(self.scheduler.time, deal_id, field_id, value))
        self.outside.note("employee", talk.label, f"sets {field_id} of {deal_id} to {value}")

    def _message(self, talk: Talk, text: str, author: Author, message_id: str | None = None) -> InboundMessage:
        number = len(talk.said) + len(talk.employee) + 1
        return InboundMessage(
            conversation=talk.key,
            chat=talk.chat,
            id=message_id or f"{talk.chat.chat_id}-m{number}-{author.value}",
            author=author,
            text=text,
            sent_at=self.scheduler.now(),
            outgoing=author is not Author.CUSTOMER,
        )

    def _echo(self, account: Account, chat_id: str, text: str, message_id: str) -> None:
        """Let the CRM tell of our own message: early, late, twice."""
        talk = next(t for t in self.talks if t.account is account and t.chat.chat_id == chat_id)
        self.outside.note("crm", talk.label, f"customer gets {text!r}")
        if not account.kind.tells_outgoing:
            return
        author = Author.EMPLOYEE if account.kind.echo_by_owner else Author.BOT
        message = self._message(talk, text, author, message_id)
        self.traffic.bring(account, message, at_once=self.dice.coin(0.2))

    def _interject(self, fault: Fault, process: Process, what: str) -> None:
        """Let a person act; an employee who writes while a reply goes out may write the very same words."""
        talk = next((t for t in self.talks if t.label == process.conversation), None)
        if talk is None:
            return
        if fault is Fault.CUSTOMER:
            self.scheduler.after(0, lambda: self.customer_writes(talk, at_once=True))
        elif fault is Fault.EMPLOYEE:
            same = what[6:-1] if what.startswith("send ") and self.dice.coin() else ""
            self.scheduler.after(0, lambda: self.employee_writes(talk, same, at_once=True))
        elif fault is Fault.EDIT:
            self.scheduler.after(0, lambda: self.person_edits(talk))

    # Processes

    def _container(self, pool: str) -> Container:
        free = [each for each in self.containers[pool] if each.is_free]
        if free and not self.dice.coin(0.1):
            return self.random.choice(free)
        container = Container(pool, timedelta(seconds=round(self.dice.between(-1, 1), 3)))
        container.services = self._services(container)
        self.containers[pool].append(container)
        return container

    def _services(self, container: Container) -> Services:
        clock = SimClock(container, self.scheduler)
        table = ProcessTable(self.storage, self.outside, container)

        def open_crm(connection: Connection, chat: Chat, _seconds_left: Callable[[], float]) -> Crm:
            account = next(a for a in self.accounts if a.connection.id == connection.id)
            process = container.running
            talk = next(t for t in self.talks if t.account is account and t.label == process.conversation)
            return ProcessCrm(account, self.outside, process, chat, lambda: f"TURN#{self.state(talk).turn or 0:08d}")

        return Services(
            table=table,
            connections=ConnectionStore(table, clock),
            doorbell=ProcessBell(self, container),
            clock=clock,
            profiles=_Profiles(self.profiles),
            schemas=SchemaCache(table, clock),
            open_crm=open_crm,
            open_model=lambda _: Seller(self.minds, self.outside, container),
            watch=self.watch,  # type: ignore[arg-type]
        )

    def _start(
        self,
        pool: str,
        name: str,
        work: Callable[[Services, Process], object],
        ended: Callable[[Ended], None],
        *,
        seconds: float,
        instant: bool = False,
    ) -> Process:
        container = self._container(pool)
        self.invocations += 1
        process = Process(self.scheduler, f"{name}#{self.invocations}", instant=instant)
        process.deadline = self.scheduler.time + seconds
        container.process = process
        self.running.add(process)

        def over(outcome: Ended) -> None:
            self.running.discard(process)
            container.process = None
            if outcome.killed:
                self.containers[pool].remove(container)
            ended(outcome)

        def time_is_up() -> None:
            if process.is_over or process.deadline is None:
                return
            if process.deadline > self.scheduler.time:
                self.scheduler.after(process.deadline - self.scheduler.time, time_is_up)
                return
            self.outside.note(process.name, process.conversation, "killed: its time is over")
            process.kill()

        self.scheduler.after(seconds, time_is_up)
        self.scheduler.spawn(process, lambda: work(container.services, process), over)
        return process

    def _receive(
        self, account: Account, messages: tuple[InboundMessage, ...], at_once: bool, ended: Callable[[Ended], None]
    ) -> Process:
        """Run the webhook: find the connection, store, ring."""

        def work(services: Services, process: Process) -> object:
            process.scope = f"{account.connection.partition} CONV#amocrm#{account.connection.account}#*"
            connection = services.connections.find("amocrm", account.key)
            if connection is None:
                msg = "the connection is there"
                raise AssertionError(msg)
            intake = Intake(services.table, services.connections, services.doorbell, services.clock)
            return intake.take(connection, messages)

        process = self._start("webhook", "webhook", work, ended, seconds=10, instant=at_once)
        process.conversation = account.chats[messages[0].chat.chat_id]
        return process

    def poll_for_copy(self, queue: Queue, bell: Bell) -> None:
        """Deliver a bell once more, though its first delivery is still worked on."""
        queue.copy(bell)
        self.poll()

    def poll(self) -> None:
        """Hand visible doorbells to free workers, as the event source mapping does."""
        responders = [each for each in self.containers["responder"] if not each.is_free]
        for _ in range(SLOTS - len(responders)):
            bell = self.queue.receive()
            if bell is None:
                break
            self.poll_later(DEFAULT_VISIBILITY)
            self._respond(bell.receipt, bell.body, bell.receives)
        self._note_dead_letters()

    def poll_later(self, seconds: float) -> None:
        """Look at the queue again."""
        self.scheduler.after(seconds + 0.001, self.poll)

    def _respond(self, receipt: str, body: str, receives: int) -> None:
        ring = Ring.from_body(body)
        talk = next(t for t in self.talks if t.key == ring.conversation)
        attributes = {"ApproximateReceiveCount": str(receives)}
        record = {"messageId": receipt, "body": body, "receiptHandle": receipt, "attributes": attributes}

        def work(services: Services, process: Process) -> object:
            sqs: Any = ProcessVisibility(self, process)
            handler = DoorbellHandler(Responder(services), sqs, "queue")
            return handler.handle({"Records": [record]}, _Context(process))

        def ended(outcome: Ended) -> None:
            answer: Any = outcome.value
            fine = outcome.error is None and not outcome.killed and not answer["batchItemFailures"]
            how = "ok" if fine else f"fails {outcome.error or ('killed' if outcome.killed else 'retryable')}"
            self.outside.note(process.name, talk.label, f"ends: {how}")
            if outcome.error is not None:
                self.faulty_exits.append(repr(outcome.error))
            if fine:
                self.queue.delete(receipt)
            self.poll()
            if (next_at := self.queue.next_at()) is not None:
                self.poll_later(max(next_at - self.scheduler.time, 0.0))

        process = self._start("responder", "responder", work, ended, seconds=RESPONDER_SECONDS)
        process.conversation, process.scope = talk.label, self._scope(talk)
        self.outside.note(process.name, talk.label, f"rung: {ring.reason} {ring.arrival}, receive {receives}")

    def _scope(self, talk: Talk) -> str:
        account = talk.account.connection
        return f"{account.partition} {talk.key.partition} DEAL#{account.crm}#{account.account}#* MODEL#*"

    def _note_dead_letters(self) -> None:
        if self.queue_dead.bells and not self._alarmed:
            self._alarmed = True
            self.scheduler.after(ALARM_AFTER, self._redrive)
        elif not self.queue_dead.bells:
            self._alarmed = False

    _alarmed = False

    def _sweep_tick(self) -> None:
        self.scheduler.after(SWEEP_EVERY, self._sweep_tick)
        self._mend_connections()
        due = self.storage.due_at()
        if due is None or due > self.scheduler.now().timestamp():
            return
        sweepers = 2 if self.dice.open and self.dice.coin(0.1) else 1
        if sweepers > 1:
            self.dice.happened(Fault.SWEPT_TWICE)
        for _ in range(sweepers):
            self._start(
                "other",
                "sweeper",
                lambda services, _: Sweeper(services.table, services.doorbell, services.clock).run(),
                lambda outcome: self._unexpected("sweeper", outcome),
                seconds=OTHER_SECONDS,
            )

    def _mend_connections(self) -> None:
        """Let the integrator mend a broken connection within minutes; remember those that were not well in the calm."""
        for account in self.accounts:
            resting = self.storage.memory.items.get((account.connection.partition, "BREAKER"), {})
            broken = self._connection_item(account)["state"] != ConnectionState.ACTIVE or "failures" in resting
            if broken and self.scheduler.time > self.fault_seconds + CALM_AFTER - 120:
                self.busy_connections.add(account.connection.id)
            item = self._connection_item(account)
            if item["state"] == ConnectionState.NEEDS_ATTENTION and self.dice.coin(0.3):
                key = connection_key(account.connection.crm, account.connection.id)
                self.storage.memory.write(Update(key, {"state": "active", "state_reason": ""}))

    def _redrive_tick(self) -> None:
        self.scheduler.after(REDRIVE_EVERY, self._redrive_tick)
        if self.queue_dead.bells:
            self._redrive()

    def _redrive(self) -> None:
        def work(services: Services, process: Process) -> object:
            letters = ProcessLetters(self, process)
            return Redriver(services, letters, Responder(services).open_turn, _Context(process).seconds_left).run()

        self._start(
            "other", "redriver", work, lambda outcome: self._unexpected("redriver", outcome), seconds=OTHER_SECONDS
        )

    def _unexpected(self, name: str, outcome: Ended) -> None:
        self.outside.note(name, "", f"ends: {outcome.error or outcome.value}")
        if outcome.error is not None and not isinstance(outcome.error, Retryable | ClientError):
            self.faulty_exits.append(f"{name}: {outcome.error!r}")


@dataclass
class _Profiles:
    """See `Profiles`."""

    profiles: dict[str, Profile]

    def get(self, name: str) -> Profile:
        """Return the profile of this name."""
        return OneProfile(self.profiles[name]).get(name)


@dataclass(frozen=True)
class _Context:
    """Lambda's context."""

    process: Process

    def seconds_left(self) -> float:
        """Return the time that is left."""
        return (self.process.deadline or 0.0) - self.process.scheduler.time

    def get_remaining_time_in_millis(self) -> int:
        """See Lambda's context object."""
        return int(self.seconds_left() * 1000)


@dataclass
class ProcessBell:
    """See `ports.Doorbell`."""

    company: Company
    container: Container

    def ring(self, conversation: ConversationKey, *, connection: str, arrival: int, dedup: str, reason: str) -> None:
        """Put a ring into the queue."""
        company, process = self.company, self.container.running
        dice, queue = company.dice, company.queue
        body = Ring(conversation, connection, arrival, reason).body()
        fault = None if process.instant else _own_fault(dice)

        def effect() -> None:
            company.rings.append((company.scheduler.time, conversation, reason, process.name))
            if fault is Fault.BELL_LOST:
                return
            copies = 2 if fault is Fault.BELL_DOUBLED else 1
            extra = dice.between(10, 400) if fault is Fault.BELL_LATE else 0.0
            queue.send(short_hash(conversation.partition), dedup, body, extra=extra, copies=copies)
            if fault is Fault.BELL_TO_TWO:
                bell = queue.bells[-1]
                company.scheduler.after(dice.between(5, 30), partial(company.poll_for_copy, queue, bell))
            company.poll_later(queue.delay + extra)

        company.outside.call(
            process,
            Port.BELL,
            f"ring {reason} {arrival} {dedup[-12:]}{f' !! {fault.value.upper()}' if fault else ''}",
            effect,
            errors=lambda fault: Retryable(f"the queue answered {fault.name}"),
        )


def _own_fault(dice: Dice) -> Fault | None:
    if not dice.open or "bells" not in dice.families or not dice.coin(dice.rate * 8):
        return None
    fault = dice.random.choice([Fault.BELL_LOST, Fault.BELL_DOUBLED, Fault.BELL_LATE, Fault.BELL_TO_TWO])
    dice.happened(fault)
    return fault


@dataclass
class ProcessVisibility:
    """The one call of the SQS client that the doorbell's handler makes."""

    company: Company
    process: Process

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: ARG002, N803 (boto3's names)
        """Set a received doorbell's visibility. Raises ClientError."""

        def effect() -> None:
            if not self.company.queue.hide(ReceiptHandle, VisibilityTimeout):
                raise _client_error("ReceiptHandleIsInvalid")
            self.company.poll_later(VisibilityTimeout)

        self.company.outside.call(
            self.process,
            Port.VISIBILITY,
            f"hide {VisibilityTimeout}",
            effect,
            errors=lambda _: _client_error("ServiceUnavailable"),
        )


@dataclass
class ProcessLetters:
    """See `redrive.DeadLetters`."""

    company: Company
    process: Process

    def take(self) -> Iterator[tuple[str, str]]:
        """Yield dead doorbells."""
        for _ in range(LETTERS_PER_RUN):
            bell = self._call("receive", lambda: self.company.queue_dead.receive(LETTERS_HIDDEN))
            if bell is None:
                return
            ring = Ring.from_body(bell.body)
            talk = next(t for t in self.company.talks if t.key == ring.conversation)
            self.process.conversation, self.process.scope = talk.label, self.company._scope(talk)
            yield bell.receipt, bell.body

    def delete(self, receipt: str) -> None:
        """Remove a dead doorbell."""
        self._call("delete", lambda: self.company.queue_dead.delete(receipt))

    def _call(self, what: str, effect: Callable[[], Any]) -> Any:
        return self.company.outside.call(
            self.process, Port.LETTERS, f"letters: {what}", effect, errors=lambda _: _client_error("ServiceUnavailable")
        )


def _client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "Operation")


def is_draft(company: Company, talk: Talk) -> bool:
    """Return whether the bot only drafts here."""
    return company.profiles[talk.account.connection.profile].mode is Mode.DRAFT
