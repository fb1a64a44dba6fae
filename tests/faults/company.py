"""One run: accounts with customers and employees, and the whole of Dealtalk between them, from one seed."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

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
from dealtalk.messages import Chat, ConversationKey, InboundMessage
from dealtalk.recovery.redrive import Redriver
from dealtalk.recovery.sweep import Sweeper
from dealtalk.responder import Responder
from dealtalk.services import Services
from tests.contract.crm.fake import FakeCrm
from tests.fakes.world import SCHEMA, Silence
from tests.faults.accounts import KINDS, Account, ProcessCrm
from tests.faults.bells import DEFAULT_VISIBILITY, Bell, Queue
from tests.faults.edges import Context, ProcessBell, ProcessLetters, ProcessVisibility, Profiles
from tests.faults.faults import Dice, Fault
from tests.faults.outside import Outside
from tests.faults.people import CALM_AFTER, People
from tests.faults.scheduler import Container, Ended, Process, Scheduler, SimClock
from tests.faults.seller import Minds, Seller
from tests.faults.storage import ProcessTable, Storage
from tests.faults.talks import Talk, profile_of
from tests.faults.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable

    from dealtalk.agent.profile import Profile
    from dealtalk.ports import Crm

SLOTS = 4
RESPONDER_SECONDS = 90.0
OTHER_SECONDS = 120.0
QUIET_SECONDS = 4.0
SWEEP_EVERY = 60.0
REDRIVE_EVERY = 900.0
ALARM_AFTER = 90.0
AFTER_FAULTS = 6 * 3600.0
IDS_ONLY = 4
"""Of five runs, the one whose webhooks bring ids only, where the account's kind allows it."""


class Company:
    """All that there is in one run."""

    def __init__(self, seed: int, focus: tuple[str, ...] = ()) -> None:
        self.seed = seed
        self.random = random.Random(seed)  # noqa: S311 (a seed replays the run)
        random.seed(seed)
        self.scheduler = Scheduler()
        self.dice = Dice(self.random, focus)
        self.people = People(self)
        self.outside = Outside(self.scheduler, self.dice, interject=self.people.interject)
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
        self.slots = self.random.choice([1, 2])
        self.kept_slots: list[str] = []
        self._open_accounts()
        self.fault_seconds = self.random.choice([120.0, 240.0, 400.0])
        self.people.plan()

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
        return not busy and not waits and not broken and self.scheduler.time > self.people.last_word

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
        ids_only = self.seed % 5 == IDS_ONLY
        for number in range(self.random.choice([1, 2, 2, 3])):
            kind = self.random.choice(KINDS)
            if ids_only and kind.returns_ids and kind.tells_outgoing:
                kind = replace(kind, ids_only=True)
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
            account = Account(connection, key, kind, crm, self.scheduler, self.people.echo)
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
            profiles=Profiles(self.profiles),
            schemas=SchemaCache(table, clock),
            open_crm=open_crm,
            open_model=lambda _: Seller(self.minds, self.outside, container),
            watch=self.watch,  # type: ignore[arg-type]
            slots=self.slots if container.name == "responder" else 0,
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
            return handler.handle({"Records": [record]}, Context(process))

        def ended(outcome: Ended) -> None:
            answer: Any = outcome.value
            fine = outcome.error is None and not outcome.killed and not answer["batchItemFailures"]
            how = "ok" if fine else f"fails {outcome.error or ('killed' if outcome.killed else 'retryable')}"
            self.outside.note(process.name, talk.label, f"ends: {how}")
            if outcome.error is not None:
                self.faulty_exits.append(repr(outcome.error))
            if calm and not outcome.killed and self._keeps_a_slot(talk, process):
                self.kept_slots.append(f"{process.name} of {talk.label}")
            if fine:
                self.queue.delete(receipt)
            self.poll()
            if (next_at := self.queue.next_at()) is not None:
                self.poll_later(max(next_at - self.scheduler.time, 0.0))

        calm = not self.dice.open
        process = self._start("responder", "responder", work, ended, seconds=RESPONDER_SECONDS)
        process.conversation, process.scope = talk.label, self.scope(talk)
        self.outside.note(process.name, talk.label, f"rung: {ring.reason} {ring.arrival}, receive {receives}")

    def _keeps_a_slot(self, talk: Talk, process: Process) -> bool:
        """Return whether a worker that has ended still holds a slot that it took."""
        item = self.storage.memory.items.get((talk.account.connection.partition, "RATE"), {})
        return any(item.get(name) == value for name, value in process.slots)

    def scope(self, talk: Talk) -> str:
        """Return the partitions that a process may touch which works for this conversation."""
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
            return Redriver(services, letters, Responder(services).open_turn, Context(process).seconds_left).run()

        self._start(
            "other", "redriver", work, lambda outcome: self._unexpected("redriver", outcome), seconds=OTHER_SECONDS
        )

    def _unexpected(self, name: str, outcome: Ended) -> None:
        self.outside.note(name, "", f"ends: {outcome.error or outcome.value}")
        if outcome.error is not None and not isinstance(outcome.error, Retryable | ClientError):
            self.faulty_exits.append(f"{name}: {outcome.error!r}")


def is_draft(company: Company, talk: Talk) -> bool:
    """Return whether the bot only drafts here."""
    return company.profiles[talk.account.connection.profile].mode is Mode.DRAFT
