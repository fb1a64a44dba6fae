"""An account of a CRM in memory, for flow tests. It passes the same contract suite as the real adapters.

crm = FakeCrm(schema, [deal], clock=clock)
crm.fail("send", RateLimited("slow down", after=2))     # the next send raises, before it acts
crm.drop_answer("send")                                 # the next send acts and then raises OutcomeUnknown
assert [sent.text for sent in crm.sent] == ["Hello"]
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dealtalk.clock import SystemClock
from dealtalk.crm.readback import holds, judge
from dealtalk.deals import (
    AddNote,
    AddTag,
    AddTask,
    Assign,
    ChangeResult,
    Deal,
    DealAddition,
    DealSchema,
    DealUpdate,
    MoveStage,
    RemoveTag,
    SetField,
    SetPrice,
    same_name,
)
from dealtalk.errors import DealGone, OutcomeUnknown
from dealtalk.messages import normalised_hash
from dealtalk.ports import Certainty, ReadMessages, Receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from dealtalk.messages import Chat, InboundMessage
    from dealtalk.ports import Clock

NOT_WRITTEN = "Not written, because the CRM refused another change of the same request."


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as the customer got it."""

    chat_id: str
    deal_id: str | None
    text: str
    at: datetime
    message_id: str


@dataclass
class FakeCrm:
    """See `ports.Crm`.

    Switches: `reply_limit`; `returns_ids` (a send returns its message id, as talks do) or not (as a Salesbot);
    `sees_texts` (false: `was_sent` can never say NO, as where only events can be read); `deal_of` maps a chat id to
    its deal for chats whose message names none; `employee_messages` maps a chat id to the times when an employee
    wrote; `said` maps a message id to what `read_messages` tells of it, `comments` are ids of what was said to nobody;
    `refusals` maps an update to the sentence that refuses it; `on_call` is run at the start of every method
    with its name, so that a test can let something happen in between.
    """

    schema: DealSchema
    initial: Iterable[Deal] = ()
    clock: Clock = field(default_factory=SystemClock)
    reply_limit: int = 1000
    returns_ids: bool = True
    sees_texts: bool = True
    deal_of: dict[str, str] = field(default_factory=dict)
    employee_messages: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    refusals: dict[DealUpdate, str] = field(default_factory=dict)
    on_call: Callable[[str], None] | None = None
    said: dict[str, InboundMessage] = field(default_factory=dict)
    comments: set[str] = field(default_factory=set)

    deals: dict[str, Deal] = field(init=False)
    calls: list[str] = field(init=False, default_factory=list)
    sent: list[Sent] = field(init=False, default_factory=list)
    changes: list[tuple[str, DealUpdate]] = field(init=False, default_factory=list)
    notes: list[tuple[str, AddNote]] = field(init=False, default_factory=list)
    tasks: list[tuple[str, AddTask]] = field(init=False, default_factory=list)
    left_to_people: list[str] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.deals = {deal.id: deal for deal in self.initial}
        self._failures: dict[str, list[Exception]] = defaultdict(list)
        self._dropped: dict[str, list[Exception]] = defaultdict(list)
        self._marks: dict[tuple[str, str], datetime] = {}

    def fail(self, method: str, *errors: Exception) -> None:
        """Let the next calls of `method` raise these errors, one each, without acting."""
        self._failures[method].extend(errors)

    def drop_answer(self, method: str, error: Exception | None = None) -> None:
        """Let the next call of `method` act and then raise `error`; by default OutcomeUnknown, as a lost response."""
        self._dropped[method].append(error or OutcomeUnknown("the answer was lost"))

    def employee_writes(self, chat_id: str, at: datetime | None = None) -> None:
        """Let an employee write in the chat (`at`: default now)."""
        self.employee_messages.setdefault(chat_id, []).append(at or self.clock.now())

    def find_deal(self, chat: Chat) -> str | None:
        """Return the deal that the chat names, or that `deal_of` gives it."""
        self._enter("find_deal")
        return chat.deal_id or self.deal_of.get(chat.chat_id)

    def read_schema(self) -> DealSchema:
        """Return the schema as the test set it."""
        self._enter("read_schema")
        return self.schema

    def read_deal(self, deal_id: str, *, with_contact: bool = False) -> Deal:
        """Return the deal; its contact only when asked for. Raises DealGone."""
        self._enter("read_deal")
        deal = self._deal(deal_id)
        return deal if with_contact else replace(deal, contact=None)

    def update_deal(self, deal: Deal, updates: Sequence[DealUpdate], schema: DealSchema) -> list[ChangeResult]:
        """Apply all updates, or none where one of them is in `refusals`."""
        self._enter("update_deal")
        current = self._deal(deal.id)
        refused = {i: self.refusals[update] for i, update in enumerate(updates) if update in self.refusals}
        if refused:
            sentences = {i: refused.get(i, NOT_WRITTEN) for i in range(len(updates))}
            return judge(deal, current, updates, schema, sentences)
        for update in updates:
            current = _applied(current, update, schema)
            self.changes.append((deal.id, update))
        self.deals[deal.id] = current
        self._leave("update_deal")
        return judge(deal, current, updates, schema)

    def add(self, deal_id: str, addition: DealAddition) -> ChangeResult:
        """Keep the note or task."""
        self._enter("add")
        self._deal(deal_id)
        match addition:
            case AddNote():
                self.notes.append((deal_id, addition))
            case AddTask():
                self.tasks.append((deal_id, addition))
        self._marks[deal_id, addition.marker] = self.clock.now()
        self._leave("add")
        created = f"{type(addition).__name__}-{len(self.notes) + len(self.tasks)}"
        return ChangeResult(change=addition, applied=True, new=addition.text, created_id=created)

    def was_added(self, deal_id: str, addition: DealAddition, since: datetime) -> Certainty:
        """Return whether an addition with this marker is kept."""
        self._enter("was_added")
        at = self._marks.get((deal_id, addition.marker))
        return Certainty.YES if at is not None and at >= since else Certainty.NO

    def send(self, chat: Chat, deal_id: str | None, text: str) -> Receipt:
        """Keep the message as sent."""
        self._enter("send")
        message_id = f"out-{len(self.sent) + 1}"
        self.sent.append(Sent(chat.chat_id, deal_id, text, self.clock.now(), message_id))
        self._leave("send")
        if self.returns_ids:
            return Receipt(message_id, confirmed=True, way="talks")
        return Receipt(None, confirmed=False, way="salesbot")

    def was_sent(self, chat: Chat, deal_id: str | None, text: str, since: datetime) -> Certainty:  # noqa: ARG002 (port)
        """Return whether this text was sent into the chat after `since`."""
        self._enter("was_sent")
        wanted = normalised_hash(text)
        if any(
            sent.chat_id == chat.chat_id and sent.at >= since and normalised_hash(sent.text) == wanted
            for sent in self.sent
        ):
            return Certainty.YES
        return Certainty.NO if self.sees_texts else Certainty.UNKNOWN

    def employee_wrote(self, chat: Chat, since: datetime) -> bool:
        """Return whether `employee_writes` was called for this chat with a later time."""
        self._enter("employee_wrote")
        return any(at > since for at in self.employee_messages.get(chat.chat_id, ()))

    def leave_to_person(self, chat: Chat) -> None:
        """Remember that a person leads."""
        self._enter("leave_to_person")
        self.left_to_people.append(chat.chat_id)
        self._leave("leave_to_person")

    def read_messages(self, chat: Chat, ids: Sequence[str]) -> ReadMessages:  # noqa: ARG002 (port)
        """Return what `said` and `comments` know of these ids; what was sent by `send` is left out."""
        self._enter("read_messages")
        own = {sent.message_id for sent in self.sent}
        known = tuple(self.said[each] for each in ids if each in self.said)
        return ReadMessages(known, frozenset(each for each in ids if each in self.comments | own))

    def _enter(self, method: str) -> None:
        self.calls.append(method)
        if self.on_call:
            self.on_call(method)
        if self._failures[method]:
            raise self._failures[method].pop(0)

    def _leave(self, method: str) -> None:
        if self._dropped[method]:
            raise self._dropped[method].pop(0)

    def _deal(self, deal_id: str) -> Deal:
        if deal_id not in self.deals:
            msg = "no such deal"
            raise DealGone(msg)
        return self.deals[deal_id]


def _applied(deal: Deal, update: DealUpdate, schema: DealSchema) -> Deal:
    match update:
        case MoveStage(pipeline_id, stage_id):
            return replace(deal, pipeline_id=pipeline_id, stage_id=stage_id)
        case SetPrice(price):
            return replace(deal, price=price)
        case SetField(field_id, value):
            return replace(deal, fields={**deal.fields, field_id: value})
        case AddTag(tag):
            return deal if holds(deal, update, schema) else replace(deal, tags=(*deal.tags, tag))
        case RemoveTag(tag):
            return replace(deal, tags=tuple(each for each in deal.tags if not same_name(each, tag)))
        case Assign(person_id):
            return replace(deal, responsible_id=person_id)
