"""The end of a turn: one transaction that says what was answered, what was spent and when to look again.

After a reply was sent it is never abandoned: what came meanwhile changes what it says, not whether it is written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dealtalk.connections import Mode, connection_partition
from dealtalk.conversation.journal import FenceLost
from dealtalk.conversation.state import (
    KEEP_SEEN_DAYS,
    OpenReply,
    State,
    due_shard,
    expiry,
    meta_key,
    milliseconds,
    seen_key,
)
from dealtalk.conversation.table import Condition, ConditionFailed, Key, Put, Table, TableBusy, Update, Write, equals

if TYPE_CHECKING:
    from datetime import datetime

    from dealtalk.conversation.journal import Claim, Journal, Step
    from dealtalk.conversation.timeline import Done
    from dealtalk.ports import Clock

TRIES = 5
CONFIRM_AFTER = timedelta(seconds=60)
NEWER_DUE_AFTER = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class Spent:
    """What a turn cost."""

    tokens: int = 0
    input: int = 0
    cached: int = 0
    output: int = 0
    micro_usd: int = 0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a turn ends.

    `status` is a fixed word. `last` is a step that is finished by this commit. `own_ids` are the vendor's ids of the
    messages that were sent. `unconfirmed`: the reply went by a way that returns no id and must yet be seen in the chat.
    `person`: the bot pauses, a person was asked for. `replied`: a reply counts against the day's budget.
    """

    status: str
    done: tuple[Done, ...] = ()
    last: Step | None = None
    own_ids: tuple[str, ...] = ()
    unconfirmed: OpenReply | None = None
    person: bool = False
    replied: bool = False
    spent: Spent = field(default_factory=Spent)


def day_key(crm: str, connection: str, now: datetime) -> Key:
    """Return the key of what a connection spent on a day (UTC)."""
    return (connection_partition(crm, connection), f"DAY#{now:%Y-%m-%d}")


def commit(table: Table, clock: Clock, journal: Journal, connection: str, ending: Ending) -> None:
    """Write the end of the turn. Raises TableBusy where the table stays out of reach; then the next wake-up settles."""
    claim = journal.claim
    current = claim.state
    owned = True
    for _ in range(TRIES):
        update = _meta_update(journal, current, ending, clock.now(), owned=owned)
        others = _beside(journal, connection, ending, clock.now(), owned=owned)
        try:
            table.write(update, *others)
        except ConditionFailed as failure:
            current = State.from_item(claim.state.conversation, failure.old)
            owned = current.fence == claim.fence
            if current.answered >= claim.seen and not owned:
                if own := _own_messages(journal, ending, clock.now()):
                    table.write(*own)
                return
        else:
            return
    msg = "the conversation is contended"
    raise TableBusy(msg)


def abandon(table: Table, clock: Clock, journal: Journal, connection: str, ending: Ending, *, superseded: bool) -> None:
    """End the turn without an answer; `superseded`: the next one is not dropped again. Raises FenceLost, TableBusy."""
    claim, now = journal.claim, clock.now()
    values = {"turn": None, "turn_seen": None, "open_reply": None, **_day(claim.state, ending, now)}
    if superseded:
        values["dropped"] = True
    meta = Update(meta_key(claim.state.conversation), values, where=(equals("fence", claim.fence),))
    try:
        table.write(meta, *_beside(journal, connection, ending, now, owned=True))
    except ConditionFailed:
        raise FenceLost from None


def _meta_update(journal: Journal, current: State, ending: Ending, now: datetime, *, owned: bool) -> Update:
    """Return META's write, given META as it was last seen."""
    claim = journal.claim
    key = meta_key(claim.state.conversation)
    if not owned:
        # Another worker holds the conversation: it must learn what was answered; turn and timer are its own now.
        return Update(key, {"answered": claim.seen}, where=(equals("answered", current.answered or None),))
    values: dict[str, Any] = {
        "answered": max(claim.seen, current.answered),
        "turn": None,
        "turn_seen": None,
        "open_reply": None,
        "provisional": None,
        "dropped": None,
        "redrives": None,
        "due_tries": None,
        "waiting_since": milliseconds(now) if current.customer_no > claim.seen or current.is_unread else None,
        "model_failed_at": None,
        **_timer(claim, current, ending, now),
        **_day(claim.state, ending, now),
    }
    if journal.polled_at is not None:
        values["polled_at"] = milliseconds(journal.polled_at)
    values["unconfirmed"] = ending.unconfirmed.as_item() if ending.unconfirmed is not None else None
    where: list[Condition] = [
        equals("fence", claim.fence),
        equals("customer_no", current.customer_no or None),
        equals("pending_no", current.pending_no or None),
        equals("provisional", list(current.provisional) or None),
    ]
    if ending.person or _a_person_wrote(current, ending):
        # An operator may have switched the bot off meanwhile: that is not to be softened.
        mode = Mode.OFF if current.mode is Mode.OFF else Mode.HUMAN
        values |= {"mode": mode.value, "employee_at": milliseconds(now), "expires_at": None}
        where.append(equals("mode", current.mode.value if current.mode else None))
    return Update(key, values, where=tuple(where))


def _timer(claim: Claim, current: State, ending: Ending, now: datetime) -> dict[str, Any]:
    """Return when to look again: to confirm the reply, or because more has arrived; else nobody needs to."""
    if ending.unconfirmed is not None:
        due = now + CONFIRM_AFTER
    elif current.customer_no > claim.seen or current.is_unread:
        due = now + NEWER_DUE_AFTER
    else:
        return {"due_at": None, "due_shard": None}
    return {"due_at": int(due.timestamp()), "due_shard": due_shard(claim.state.conversation)}


def _day(state: State, ending: Ending, now: datetime) -> dict[str, Any]:
    today = f"{now:%Y-%m-%d}"
    same = state.day == today
    return {
        "day": today,
        "day_tokens": (state.day_tokens if same else 0) + ending.spent.tokens,
        "day_replies": (state.day_replies if same else 0) + int(ending.replied),
    }


def _a_person_wrote(current: State, ending: Ending) -> bool:
    """Judge the provisional messages by id: a person's message with our very text that is not the one we sent."""
    return bool(ending.own_ids) and any(message not in ending.own_ids for message in current.provisional)


def _beside(journal: Journal, connection: str, ending: Ending, now: datetime, *, owned: bool) -> list[Write]:
    claim = journal.claim
    conversation = claim.state.conversation
    spent = ending.spent
    closed = {
        "status": ending.status if owned else f"{ending.status}_late",
        "closed_at": milliseconds(now),
        "tokens_in": spent.input,
        "tokens_cached": spent.cached,
        "tokens_out": spent.output,
        "cost_micro_usd": spent.micro_usd,
    }
    writes: list[Write] = [journal.closing(ending.last, closed), *journal.entries(ending.done)]
    writes += _own_messages(journal, ending, now)
    if spent.tokens:
        day = day_key(conversation.crm, connection, now)
        increments = {"tokens": spent.tokens, "replies": int(ending.replied), "cost_micro_usd": spent.micro_usd}
        writes.append(Update(day, defaults={"expires_at": expiry(now, 90)}, increments=increments))
    return writes


def _own_messages(journal: Journal, ending: Ending, now: datetime) -> list[Write]:
    """Return the records by which the echoes of what was sent are known."""
    conversation = journal.claim.state.conversation
    return [
        Put(seen_key(conversation, message), {"own": True, "expires_at": expiry(now, KEEP_SEEN_DAYS)})
        for message in ending.own_ids
    ]
