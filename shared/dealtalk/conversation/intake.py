"""Store, then ring: what a webhook does with the messages that it was brought.

A message, its arrival number and the conversation's timer are stored in one transaction; an employee's message sets the
conversation to `human` in that same transaction, so that a running turn can start no further effect. A message that
came as a bare id is stored as `pending`: it too stops every effect, until the responder has read whose it is.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dealtalk.connections import Mode
from dealtalk.conversation.doorbell import message_dedup
from dealtalk.conversation.learnt import Learnt
from dealtalk.conversation.past import ENTRIES, Past
from dealtalk.conversation.state import (
    KEEP_CONVERSATION_DAYS,
    KEEP_SEEN_DAYS,
    TIMELINE,
    State,
    chat_item,
    due_shard,
    expiry,
    message_key,
    meta_key,
    milliseconds,
    seen_key,
)
from dealtalk.conversation.table import (
    MAX_READS,
    Compare,
    Condition,
    ConditionFailed,
    Item,
    Key,
    Put,
    Table,
    TableBusy,
    Update,
    Write,
    equals,
)
from dealtalk.conversation.timeline import message_item, read_entries
from dealtalk.messages import Author, InboundMessage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from dealtalk.connection_store import ConnectionStore
    from dealtalk.connections import Connection
    from dealtalk.messages import ConversationKey
    from dealtalk.ports import Clock, Doorbell

MESSAGES_AT_ONCE = 40
"""Each message is two writes of a transaction of at most 100."""

TRIES = 3
DUE_AFTER_SECONDS = 90


@dataclass(frozen=True, slots=True)
class IntakeResult:
    """How many messages were new, already known, echoes of our own, and how many bells were rung."""

    stored: int = 0
    known: int = 0
    echoes: int = 0
    rung: int = 0
    takeovers: int = 0

    def __add__(self, other: IntakeResult) -> IntakeResult:
        """Return the sums."""
        return IntakeResult(
            self.stored + other.stored,
            self.known + other.known,
            self.echoes + other.echoes,
            self.rung + other.rung,
            self.takeovers + other.takeovers,
        )


class Intake:
    """Takes messages in: each is stored once, however often it is delivered, and an unanswered one is rung for."""

    def __init__(self, table: Table, connections: ConnectionStore, doorbell: Doorbell, clock: Clock) -> None:
        self._table = table
        self._connections = connections
        self._doorbell = doorbell
        self._clock = clock

    def take(self, connection: Connection, messages: Sequence[InboundMessage], *, found: bool = False) -> IntakeResult:
        """Store the messages and ring once per conversation.

        `found`: they were read from the CRM's history, so newer ones may have been answered since; see `past`. Raises
        Retryable where something could not be stored or rung.
        """
        result = IntakeResult()
        if not connection.outgoing_seen and any(message.outgoing for message in messages):
            self._connections.saw_outgoing(connection)
        for conversation, group in _by_conversation(messages):
            for start in range(0, len(group), MESSAGES_AT_ONCE):
                chunk = group[start : start + MESSAGES_AT_ONCE]
                is_last = start + MESSAGES_AT_ONCE >= len(group)
                result += self._take_chunk(connection, conversation, chunk, ring=is_last, found=found)
        return result

    def _take_chunk(
        self,
        connection: Connection,
        conversation: ConversationKey,
        messages: list[InboundMessage],
        *,
        ring: bool,
        found: bool,
    ) -> IntakeResult:
        for _ in range(TRIES):
            seen_keys = {seen_key(conversation, message.id) for message in messages}
            items = self._table.read([meta_key(conversation), *seen_keys])
            state = State.from_item(conversation, items.get(meta_key(conversation)))
            past = self._past(state) if found and not seen_keys <= items.keys() else None
            batch = _Batch(connection, state, self._clock.now(), past)
            for message in messages:
                batch.sort_in(message, items.get(seen_key(conversation, message.id)))
            try:
                if writes := batch.writes():
                    self._table.write(*writes)
            except ConditionFailed:
                self._clock.sleep(random.uniform(0.01, 0.08))  # noqa: S311 (it only spreads the tries)
                continue
            return batch.result(self._ring(batch) if ring else 0)
        msg = "the conversation is contended"
        raise TableBusy(msg)

    def unknown(self, messages: Sequence[InboundMessage]) -> list[InboundMessage]:
        """Return those of the messages that nobody has brought yet. Raises TableBusy."""
        keys = list(dict.fromkeys(seen_key(message.conversation, message.id) for message in messages))
        known: set[Key] = set()
        for start in range(0, len(keys), MAX_READS):
            known |= self._table.read(keys[start : start + MAX_READS]).keys()
        return [message for message in messages if seen_key(message.conversation, message.id) not in known]

    def _past(self, state: State) -> Past:
        """Return what the conversation's found messages are placed among."""
        items = self._table.newest(state.conversation.partition, TIMELINE, ENTRIES)
        entries = read_entries(items, up_to=state.arrived, now=self._clock.now(), after=state.forgotten)
        return Past(entries, state.forgotten_at)

    def _ring(self, batch: _Batch) -> int:
        newest = batch.newest_waiting
        if newest is None:
            return 0
        message_id, arrival = newest
        conversation = batch.state.conversation
        self._doorbell.ring(
            conversation,
            connection=batch.connection.id,
            arrival=arrival,
            dedup=message_dedup(conversation, message_id),
            reason="message",
        )
        return 1


class _Batch:
    """One conversation's messages, sorted into new, known and our own, and the transaction that stores them."""

    def __init__(self, connection: Connection, state: State, now: datetime, past: Past | None) -> None:
        self.connection = connection
        self._past = past
        self.state = state
        self._newest: tuple[str, int] | None = None
        self._now = now
        self._new: list[tuple[int, InboundMessage, Item]] = []
        self._seen: list[tuple[str, Item]] = []
        self._texts: list[Write] = []
        self._arrived = state.arrived
        self._ids: set[str] = set()
        self._known = 0
        self._echoes = 0
        self._learnt = Learnt(state, past)

    @property
    def newest_waiting(self) -> tuple[str, int] | None:
        """The id and arrival number of the newest message that needs an answer: no person wrote after it."""
        newest = self._newest
        return newest if newest is not None and newest[1] > self._learnt.employee_no else None

    def sort_in(self, message: InboundMessage, seen: Item | None) -> None:
        """Decide what a message is; `seen` is the record that it is known."""
        if message.id in self._ids or seen is not None:
            self._known += 1
            record = seen or {}
            if record.get("unread") and not (message.unread or message.pending):
                self._fill_in(message, record["arrival"])
            arrival = None if record.get("settled") else record.get("arrival")
            needs_an_answer = message.author is Author.CUSTOMER or message.pending
            if needs_an_answer and arrival is not None and arrival > self.state.unanswered_after:
                self._wait_for(message.id, arrival)
            return
        self._ids.add(message.id)
        if self._past is not None and self._past.is_forgotten(message):
            self._known += 1
            self._seen.append((message.id, {"forgotten": True}))
            return
        if message.outgoing and self._learnt.is_echo(message):
            self._echoes += 1
            self._seen.append((message.id, {"own": True}))
            return
        self._store(message)

    def _store(self, message: InboundMessage) -> None:
        self._arrived += 1
        values, marks = self._learnt.values, Item()
        if message.pending:
            values["pending_no"] = self._arrived
            if not self.state.chat.chat_id:
                values["chat"] = chat_item(message.chat)
        elif self._past is not None:
            marks = self._learnt.find(self._arrived, message, self._past, self._now)
        else:
            self._learnt.hear(self._arrived, message, self._now)
        self._new.append((self._arrived, message, marks))
        known = {"arrival": self._arrived, "settled": marks.get("settled"), "unread": message.unread or None}
        self._seen.append((message.id, known))
        if message.pending or (message.author is Author.CUSTOMER and not marks.get("settled")):
            self._wait_for(message.id, self._arrived)

    def _fill_in(self, message: InboundMessage, arrival: int) -> None:
        """Give a message whose text could not be read the text that its late webhook brings."""
        if arrival <= self.state.forgotten:
            return
        item = message_item(arrival, message, stored_at=self._now, now=self._now)
        values = {name: item[name] for name in ("text", "truncated", "attachments", "unread")}
        there = (Compare("message_id", "=", message.id),)
        self._texts += [
            Update(message_key(self.state.conversation, arrival), values, where=there),
            Update(seen_key(self.state.conversation, message.id), removals=("unread",)),
        ]

    def _wait_for(self, message_id: str, arrival: int) -> None:
        if self._newest is None or arrival > self._newest[1]:
            self._newest = (message_id, arrival)

    def writes(self) -> list[Write]:
        """Return the transaction; empty where nothing is new."""
        if not self._seen:
            return self._texts
        return [self._meta_update(), *self._seen_puts(), *(self._message_put(*new) for new in self._new), *self._texts]

    def _meta_update(self) -> Update:
        conversation = self.state.conversation
        values: dict[str, Any] = {"connection": self.connection.id, "arrived": self._arrived, **self._learnt.values}
        defaults: dict[str, Any] = {}
        if self.newest_waiting is not None and self._new:
            defaults["due_at"] = int(self._now.timestamp()) + DUE_AFTER_SECONDS
            defaults["due_shard"] = due_shard(conversation)
            if not self.state.is_asked:
                values["waiting_since"] = milliseconds(self._now)
        mode = values.get("mode", self.state.mode)
        # "Do not write to me" and "a person leads" must not expire.
        values["expires_at"] = expiry(self._now, KEEP_CONVERSATION_DAYS) if mode in (None, Mode.AUTO) else None
        seen: list[Condition] = [equals("arrived", self.state.arrived or None)]
        if self._learnt.judges_the_reply:
            # Our own reply may be committed in this instant: then the message is known by its id, so look again.
            seen.append(equals("turn", self.state.turn))
        return Update(meta_key(conversation), values=values, defaults=defaults, where=tuple(seen))

    def _seen_puts(self) -> Iterator[Put]:
        for message_id, record in self._seen:
            key: Key = seen_key(self.state.conversation, message_id)
            yield Put(key, {**record, "expires_at": expiry(self._now, KEEP_SEEN_DAYS)}, where=(equals("pk", None),))

    def _message_put(self, arrival: int, message: InboundMessage, marks: Item) -> Put:
        key = message_key(self.state.conversation, arrival)
        return Put(key, message_item(arrival, message, stored_at=self._now, now=self._now) | marks)

    def result(self, rung: int) -> IntakeResult:
        """Return the counts."""
        return IntakeResult(len(self._new), self._known, self._echoes, rung, self._learnt.takeovers)


def _by_conversation(messages: Sequence[InboundMessage]) -> Iterator[tuple[ConversationKey, list[InboundMessage]]]:
    groups: dict[ConversationKey, list[InboundMessage]] = {}
    for message in messages:
        groups.setdefault(message.conversation, []).append(message)
    yield from groups.items()
