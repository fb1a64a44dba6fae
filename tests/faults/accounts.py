"""CRM accounts: what they keep, how their webhooks and bots behave, and how one process reaches them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from dealtalk.deals import AddTask, SetField
from dealtalk.errors import CrmUnavailable, LimitedAfterWrite, NeedsAttention, OutcomeUnknown, RateLimited
from dealtalk.messages import Chat
from dealtalk.ports import Certainty, ReadMessages, Receipt
from tests.faults.faults import Fault, Port

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from dealtalk.connections import Connection
    from dealtalk.deals import ChangeResult, Deal, DealAddition, DealSchema, DealUpdate, FieldValue
    from tests.contract.crm.fake import FakeCrm
    from tests.faults.outside import Outside
    from tests.faults.scheduler import Process, Scheduler

T = TypeVar("T")
SKEW = timedelta(seconds=5)
"""How far the CRM's clock may be behind ours: the adapters ask from so much earlier."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How an account behaves.

    `returns_ids`: a send returns its message's id, else a bot is queued. `sees_texts`: what was said can be read.
    `tells_outgoing`: webhooks of outgoing messages are sent. `echo_by_owner`: our replies carry a person as author.
    `ids_only`: webhooks bring ids, and what was said is read by them.
    """

    name: str
    returns_ids: bool = True
    sees_texts: bool = True
    tells_outgoing: bool = True
    echo_by_owner: bool = False
    ids_only: bool = False


KINDS = (
    Kind("talks"),
    Kind("talks, echoes by the token's owner", echo_by_owner=True),
    Kind("talks, no outgoing webhooks", tells_outgoing=False),
    Kind("bot, events only", returns_ids=False, sees_texts=False),
    Kind("bot, texts", returns_ids=False),
    Kind("bot, nothing to be seen", returns_ids=False, sees_texts=False, tells_outgoing=False),
)


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message that the customer got from the bot; `turn` and `step` are those that began it."""

    time: float
    chat_id: str
    text: str
    turn: str
    step: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Landed:
    """A change that the CRM carried out. `read_at`: when this process last read the deal; `late`: nobody waited.

    `replaced`: the field's value until then.
    """

    time: float
    deal_id: str
    change: DealUpdate | DealAddition
    conversation: str
    turn: str
    step: str
    read_at: float
    late: bool
    replaced: FieldValue | None = None


@dataclass(frozen=True, slots=True)
class Edited:
    """A person's change of a field."""

    time: float
    deal_id: str
    field_id: str
    value: str


@dataclass(eq=False)
class Account:
    """One account: the CRM's own state and what its people and customers saw."""

    connection: Connection
    key: str
    kind: Kind
    crm: FakeCrm
    scheduler: Scheduler
    echo: Callable[[Account, str, str, str], None]
    chats: dict[str, str] = field(default_factory=dict)
    delivered: list[Delivered] = field(default_factory=list)
    launched: list[Delivered] = field(default_factory=list)
    landed: list[Landed] = field(default_factory=list)
    edited: list[Edited] = field(default_factory=list)
    dropped_launches: int = 0
    trespasses: list[str] = field(default_factory=list)
    _running: dict[str, float] = field(default_factory=dict)

    def deliver(self, chat_id: str, deal_id: str | None, text: str, step: tuple[str, str]) -> Receipt:
        """Bring a message to the customer now, or queue the bot that will; a second bot on a lead is dropped."""
        chat = Chat(chat_id)
        if self.kind.returns_ids:
            receipt = self.crm.send(chat, deal_id, text)
            self._shown(chat_id, text, step, receipt.message_id or "")
            return receipt
        now, lead = self.scheduler.time, deal_id or ""
        self.launched.append(Delivered(now, chat_id, text, *step, ""))
        if self._running.get(lead, -1.0) > now:
            self.dropped_launches += 1
            return Receipt(None, confirmed=False, way="salesbot")
        seconds = 1.0 + (len(self.launched) * 7) % 13
        self._running[lead] = now + seconds

        def arrive() -> None:
            sent = self.crm.send(chat, deal_id, text)
            self._shown(chat_id, text, step, sent.message_id or "")

        self.scheduler.after(seconds, arrive)
        return Receipt(None, confirmed=False, way="salesbot")

    def _shown(self, chat_id: str, text: str, step: tuple[str, str], message_id: str) -> None:
        self.delivered.append(Delivered(self.scheduler.time, chat_id, text, *step, message_id))
        self.echo(self, chat_id, text, message_id)


@dataclass
class ProcessCrm:
    """See `ports.Crm`: an account as one process's turn reaches it."""

    account: Account
    outside: Outside
    process: Process
    chat: Chat
    open_turn: Callable[[], str]

    @property
    def reply_limit(self) -> int:
        """See `ports.Crm`."""
        return self.account.crm.reply_limit

    def find_deal(self, chat: Chat) -> str | None:
        """See `ports.Crm`."""
        self._own_chat(chat)
        return self._ask("find_deal", lambda: self.account.crm.find_deal(chat))

    def read_schema(self) -> DealSchema:
        """See `ports.Crm`."""
        return self._ask("read_schema", self.account.crm.read_schema)

    def read_deal(self, deal_id: str, *, with_contact: bool = False) -> Deal:
        """See `ports.Crm`."""

        def effect() -> Deal:
            deal = self.account.crm.read_deal(deal_id, with_contact=with_contact)
            self.process.deal_read[deal_id] = self.outside.scheduler.time
            return deal

        return self._ask(f"read_deal {deal_id}", effect)

    def update_deal(self, deal: Deal, updates: Sequence[DealUpdate], schema: DealSchema) -> list[ChangeResult]:
        """See `ports.Crm`."""
        step, read_at = self._step(), self.process.deal_read.get(deal.id, -1.0)

        def effect() -> list[ChangeResult]:
            before, stood = len(self.account.crm.changes), self.account.crm.deals.get(deal.id, deal)
            results = self.account.crm.update_deal(deal, updates, schema)
            for deal_id, change in self.account.crm.changes[before:]:
                replaced = stood.fields.get(change.field_id) if isinstance(change, SetField) else None
                self._landed(deal_id, change, step, read_at, replaced)
            return results

        return self._act(f"update_deal {deal.id} {[str(u) for u in updates]}", effect)

    def add(self, deal_id: str, addition: DealAddition) -> ChangeResult:
        """See `ports.Crm`."""
        step = self._step()

        def effect() -> ChangeResult:
            result = self.account.crm.add(deal_id, addition)
            self._landed(deal_id, addition, step, 0.0)
            return result

        kind = "task" if isinstance(addition, AddTask) else "note"
        return self._act(f"add {kind} {deal_id} {addition.marker} {addition.text!r}", effect)

    def was_added(self, deal_id: str, addition: DealAddition, since: datetime) -> Certainty:
        """See `ports.Crm`."""
        return self._ask("was_added", lambda: self.account.crm.was_added(deal_id, addition, since - SKEW))

    def send(self, chat: Chat, deal_id: str | None, text: str) -> Receipt:
        """See `ports.Crm`."""
        self._own_chat(chat)
        step = self._step()
        return self._act(f"send {text!r}", lambda: self.account.deliver(chat.chat_id, deal_id, text, step))

    def was_sent(self, chat: Chat, deal_id: str | None, text: str, since: datetime) -> Certainty:
        """See `ports.Crm`."""
        self._own_chat(chat)
        return self._ask("was_sent", lambda: self.account.crm.was_sent(chat, deal_id, text, since - SKEW))

    def employee_wrote(self, chat: Chat, since: datetime) -> bool:
        """See `ports.Crm`."""
        self._own_chat(chat)
        return self._ask("employee_wrote", lambda: self.account.crm.employee_wrote(chat, since))

    def read_messages(self, chat: Chat, ids: Sequence[str]) -> ReadMessages:
        """See `ports.MessageReader`."""
        self._own_chat(chat)
        return self._ask(f"read_messages {list(ids)}", lambda: self.account.crm.read_messages(chat, ids))

    def leave_to_person(self, chat: Chat) -> None:
        """See `ports.Crm`."""
        self._own_chat(chat)
        self._ask("leave_to_person", lambda: self.account.crm.leave_to_person(chat))

    def _landed(
        self,
        deal_id: str,
        change: DealUpdate | DealAddition,
        step: tuple[str, str],
        read_at: float,
        replaced: FieldValue | None = None,
    ) -> None:
        late = self.process.step != step or self.process.effect_until is None or self.process.dead
        now, conversation = self.outside.scheduler.time, self.process.conversation
        self.account.landed.append(Landed(now, deal_id, change, conversation, *step, read_at, late, replaced))

    def _step(self) -> tuple[str, str]:
        """Return turn and step that this effect belongs to; the turn is the open one where no start was noted."""
        return self.process.step or (self.open_turn(), "")

    def _own_chat(self, chat: Chat) -> None:
        if self.account.chats.get(chat.chat_id) != self.process.conversation:
            self.account.trespasses.append(f"{self.process.name} reached chat {chat.chat_id}")

    def _ask(self, what: str, effect: Callable[[], T]) -> T:
        return self.outside.call(self.process, Port.CRM, what, effect, errors=asking_error)

    def _act(self, what: str, effect: Callable[[], T]) -> T:
        try:
            return self.outside.call(self.process, Port.CRM_WRITE, what, effect, errors=acting_error)
        finally:
            self.process.effect_until = None


def asking_error(fault: Fault) -> Exception:
    """Return what a question to the CRM raises."""
    if fault is Fault.LIMITED:
        return RateLimited("the CRM answered 429", after=3)
    if fault is Fault.BROKEN:
        return NeedsAttention("the CRM answered 401")
    return CrmUnavailable("the CRM answered 503")


def acting_error(fault: Fault) -> Exception:
    """Return what a change or a send raises: only what surely had no effect is a plain Retryable."""
    if fault is Fault.NOT_READ_BACK:
        return LimitedAfterWrite("the CRM answered 429 to what followed the change", after=3)
    if fault in {Fault.ANSWER_LOST, Fault.LATE}:
        return OutcomeUnknown("no answer came")
    return asking_error(fault)
