"""Finding out who wrote what: a webhook that brings ids only stores messages as pending, and this reads them.

What is learnt is written in one transaction, by the rules that a webhook follows for whole messages: our own echo is
dropped, a person sets the conversation to `human`, a customer waits for an answer. The write is conditional on nobody
having read them before, so that two workers, or one that died in the middle, come to the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dealtalk.connections import Mode
from dealtalk.conversation.intake import DUE_AFTER_SECONDS
from dealtalk.conversation.learnt import Learnt
from dealtalk.conversation.state import (
    KEEP_SEEN_DAYS,
    TIMELINE,
    State,
    chat_from_item,
    due_shard,
    expiry,
    message_key,
    meta_key,
    moment,
    seen_key,
)
from dealtalk.conversation.table import Compare, ConditionFailed, Delete, Put, Table, TableBusy, Update, Write, equals
from dealtalk.conversation.timeline import message_item
from dealtalk.errors import NeedsAttention, Retryable
from dealtalk.messages import Author
from dealtalk.ports import MessageReader, ReadMessages

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime

    from dealtalk.conversation.journal import Journal
    from dealtalk.conversation.table import Item
    from dealtalk.messages import InboundMessage
    from dealtalk.ports import Clock, Crm

NEWEST = 100
"""Entries of the timeline that are looked through; what is pending further back is of the past."""

AT_ONCE = 40
"""Each message is two writes of a transaction of at most 100."""

TRIES = 5
LISTED_WITHIN = timedelta(seconds=60)
"""A CRM may list a message a little later than it tells of it; what it does not know after that was deleted."""

ASK_AGAIN_SECONDS = 5.0


@dataclass(slots=True)
class Hydrator:
    """Reads the pending messages of one conversation.

    `said_outgoing`: one of them was written by our side. `person_leads`: the CRM shows that a person has it in hand.
    """

    table: Table
    clock: Clock
    crm: Callable[[], Crm]
    said_outgoing: bool = False
    person_leads: bool = False

    def hear_now(self, journal: Journal) -> State:
        """Do as `hear` in the middle of a turn: META and what the turn has sent have changed since it was claimed."""
        return self.hear(self._now(journal.claim.state), journal.sent_ids)

    def hear(self, state: State, own_ids: Collection[str] = ()) -> State:
        """Return the conversation with the author of each message known; META is written so.

        `own_ids` are of messages that this worker has sent and not yet committed. Raises Retryable where the CRM does
        not list a message yet, TableBusy, and what the CRM raises.
        """
        known: dict[str, InboundMessage | None] = {}
        tries = 0
        while state.is_unread:
            entries = self.table.newest(state.conversation.partition, TIMELINE, NEWEST)
            sent = {*own_ids, *(own for entry in entries for own in entry.get("own_ids", ()))}
            after = max(state.read_no, state.forgotten)
            pending = [e for e in entries if e.get("pending") and after < e["arrival"] <= state.pending_no][:AT_ONCE]
            self._read(state, [e for e in pending if e["message_id"] not in sent], known)
            read_no = pending[-1]["arrival"] if len(pending) == AT_ONCE else state.pending_no
            try:
                state = self._write(state, pending, known, read_no)
            except ConditionFailed:
                tries += 1
                if tries == TRIES:
                    msg = "the conversation is contended"
                    raise TableBusy(msg) from None
                state = self._now(state)
        return state

    def _read(self, state: State, pending: Sequence[Item], known: dict[str, InboundMessage | None]) -> None:
        """Fill `known` from the CRM: None for what nobody said, or what is not there any more."""
        ids = [entry["message_id"] for entry in pending if entry["message_id"] not in known]
        if not ids:
            return
        crm = self.crm()
        if not isinstance(crm, MessageReader):
            msg = "this CRM's adapter cannot read messages by their ids"
            raise NeedsAttention(msg)
        read: ReadMessages = crm.read_messages(state.chat, ids)
        found = {message.id: message for message in read.messages}
        stored = {entry["message_id"]: moment(entry["arrived_at"]) for entry in pending}
        for message_id in ids:
            is_known = message_id in found or message_id in read.left_out
            if not is_known and self.clock.now() - stored[message_id] < LISTED_WITHIN:
                msg = "a message cannot be read yet"
                raise Retryable(msg, after=ASK_AGAIN_SECONDS)
            known[message_id] = found.get(message_id)
        self.person_leads = read.person_leads
        self.said_outgoing = self.said_outgoing or any(message.outgoing for message in read.messages)

    def _write(
        self, state: State, pending: Sequence[Item], known: dict[str, InboundMessage | None], read_no: int
    ) -> State:
        now, learnt = self.clock.now(), Learnt(state)
        writes: list[Write] = []
        for entry in pending:
            message = known.get(entry["message_id"])
            if message is None or (message.outgoing and learnt.is_echo(message)):
                writes += _left_out(state, entry, now)
                continue
            stored_at = moment(entry["arrived_at"])
            learnt.hear(entry["arrival"], message, stored_at)
            if self.person_leads and message.author is Author.CUSTOMER:
                learnt.take_over(entry["arrival"], stored_at)
            item = message_item(entry["arrival"], replace(message, pending=False), stored_at=stored_at, now=now)
            writes.append(Put(_key(state, entry), item, where=_PENDING))
        self.table.write(_meta_update(learnt, read_no, now), *writes)
        return _after(state, learnt.values, read_no)

    def _now(self, state: State) -> State:
        """Return what others have written meanwhile of what this reads and writes; all else stays as it was claimed."""
        key = meta_key(state.conversation)
        now = State.from_item(state.conversation, self.table.read([key]).get(key))
        return replace(
            state,
            chat=now.chat,
            mode=now.mode,
            arrived=now.arrived,
            customer_no=now.customer_no,
            employee_no=now.employee_no,
            employee_at=now.employee_at,
            answered=now.answered,
            pending_no=now.pending_no,
            read_no=now.read_no,
            confirmed=now.confirmed,
            provisional=now.provisional,
            open_reply=now.open_reply,
            unconfirmed=now.unconfirmed,
            resumed_at=now.resumed_at,
            forgotten=now.forgotten,
        )


_PENDING = (Compare("pending", "=", True),)  # noqa: FBT003 (a value to compare with)


def _key(state: State, entry: Item) -> tuple[str, str]:
    return message_key(state.conversation, entry["arrival"])


def _left_out(state: State, entry: Item, now: datetime) -> list[Write]:
    """Return the writes that take out of the timeline what nobody said; it stays known, for when it comes again."""
    record = {"own": True, "expires_at": expiry(now, KEEP_SEEN_DAYS)}
    return [
        Delete(_key(state, entry), where=_PENDING),
        Put(seen_key(state.conversation, entry["message_id"]), record),
    ]


def _meta_update(learnt: Learnt, read_no: int, now: datetime) -> Update:
    state = learnt.state
    values: dict[str, Any] = {"read_no": read_no, **learnt.values}
    defaults: dict[str, Any] = {}
    if learnt.takeovers:
        # A webhook that read META before the takeover finds the number taken and looks again.
        values["arrived"] = state.arrived + 1
    if "mode" in values:
        values["expires_at"] = None
    if "customer_no" in values:
        # `waiting_since` stands there already: since the first of them was stored.
        due = int(now.timestamp()) + DUE_AFTER_SECONDS
        defaults = {"due_at": due, "due_shard": due_shard(state.conversation)}
    where = [
        equals("read_no", state.read_no or None),
        equals("customer_no", state.customer_no or None),
        equals("employee_no", state.employee_no or None),
        equals("mode", state.mode.value if state.mode else None),
        equals("forgotten", state.forgotten or None),
    ]
    if learnt.takeovers:
        where.append(equals("arrived", state.arrived or None))
    if learnt.judges_the_reply:
        where += [equals("turn", state.turn), equals("provisional", list(state.provisional) or None)]
    return Update(meta_key(state.conversation), values, defaults=defaults, where=tuple(where))


def _after(state: State, values: dict[str, Any], read_no: int) -> State:
    """Return the conversation as the write left it."""
    return replace(
        state,
        read_no=read_no,
        chat=chat_from_item(values["chat"]) if "chat" in values else state.chat,
        customer_no=values.get("customer_no", state.customer_no),
        employee_no=values.get("employee_no", state.employee_no),
        employee_at=moment(values["employee_at"]) if "employee_at" in values else state.employee_at,
        mode=Mode(values["mode"]) if "mode" in values else state.mode,
        arrived=values.get("arrived", state.arrived),
        confirmed=values.get("confirmed", state.confirmed),
        provisional=tuple(values.get("provisional", state.provisional)),
    )
