"""A conversation as the table holds it: the keys of its items, and its META item as an object."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dealtalk.connections import Mode
from dealtalk.messages import Chat, ConversationKey, short_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dealtalk.conversation.table import Item, Key

TIMELINE = "T#"
TURNS = "TURN#"
DUE_SHARDS = 8
DAY_SECONDS = 86_400
KEEP_CONVERSATION_DAYS = 180
KEEP_SEEN_DAYS = 30
"""Longer than any `max_age_to_answer` and any CRM's resend horizon: a message that comes again is known that long."""


def meta_key(conversation: ConversationKey) -> Key:
    """Return the key of the conversation's state."""
    return (conversation.partition, "META")


def seen_key(conversation: ConversationKey, message_id: str) -> Key:
    """Return the key of the record that a message of the CRM is known: ours, the customer's or anybody's.

    It carries a hash, so that the record may outlive a conversation that was forgotten.
    """
    return (conversation.partition, f"SEEN#{short_hash(message_id)}")


def turn_key(conversation: ConversationKey, turn: int) -> Key:
    """Return the key of a turn's journal."""
    return (conversation.partition, f"{TURNS}{turn:08d}")


def message_key(conversation: ConversationKey, arrival: int) -> Key:
    """Return the key of a message in the timeline: messages stand in the order of their arrival."""
    return (conversation.partition, f"{TIMELINE}{arrival:012d}")


def entry_key(conversation: ConversationKey, arrival: int, turn: int, step: str) -> Key:
    """Return the key of what the bot did (a change, a reply, a handoff): behind the newest message that it had seen."""
    return (conversation.partition, f"{TIMELINE}{arrival:012d}#{turn:08d}#{step}")


def due_shard(conversation: ConversationKey) -> str:
    """Return the shard of the `due` index that holds this conversation."""
    return str(int(short_hash(conversation.partition)[:8], 16) % DUE_SHARDS)


def milliseconds(moment: datetime) -> int:
    """Return a moment as whole milliseconds since 1970: how the table holds times."""
    return round(moment.timestamp() * 1000)


def moment(milliseconds_: int) -> datetime:
    """Return the moment that `milliseconds` stored."""
    return datetime.fromtimestamp(milliseconds_ / 1000, UTC)


def expiry(now: datetime, days: int) -> int:
    """Return the TTL value (epoch seconds) for something that is kept `days` from now."""
    return int(now.timestamp()) + days * DAY_SECONDS


@dataclass(frozen=True, slots=True)
class OpenReply:
    """A reply that was begun and not committed, or sent by a way that returns no id and not yet seen in the chat.

    `hashes` are of the normalised texts of its parts; `since` is when its first part was begun. `text` is that of the
    first part where the CRM will have to be asked whether it stands in the chat.
    """

    turn: int
    hashes: tuple[str, ...]
    since: datetime
    text: str = ""

    def as_item(self) -> Item:
        """Return the attribute's value."""
        item: Item = {"turn": self.turn, "hashes": list(self.hashes), "since": milliseconds(self.since)}
        return {**item, "text": self.text} if self.text else item

    @classmethod
    def from_item(cls, item: Mapping[str, Any] | None) -> OpenReply | None:
        """Return the reply of an attribute's value."""
        if item is None:
            return None
        return cls(int(item["turn"]), tuple(item["hashes"]), moment(item["since"]), item.get("text", ""))


@dataclass(frozen=True, slots=True)
class State:
    """The META item.

    Numbers are arrival numbers: `arrived` counts all stored messages, `customer_no` and `employee_no` are the newest of
    their kind, `answered` is the newest that a reply covered. `fence` rises with every claim; `turn` is the open turn,
    None where all turns are closed, and `turn_seen` the newest customer's message that it answers. Webhooks raise
    `arrived`, `customer_no`, `employee_no`, `confirmed` and set the mode to human; responders raise `fence` and
    `answered`. `pending_no` is the newest message that came without author and text; `read_no` up to which of them the
    CRM was asked: then the responder raises `customer_no` and `employee_no` as a webhook would have. `paused`: an
    operator said so, and only an operator ends it; `resumed_at` is when one did. `polled_at`: then an answered turn
    asked the CRM, and no employee had written. `waiting_since`: when the oldest unanswered message was stored; while
    nobody waits it means nothing. `model_failed_at`: when the model first failed for what is unanswered. Entries of
    the timeline up to `forgotten` were erased, or are about to be: nobody reads them; what was written until
    `forgotten_at` is not found again.
    """

    conversation: ConversationKey
    connection: str = ""
    chat: Chat = field(default_factory=lambda: Chat(""))
    mode: Mode | None = None
    arrived: int = 0
    customer_no: int = 0
    employee_no: int = 0
    employee_at: datetime | None = None
    answered: int = 0
    pending_no: int = 0
    read_no: int = 0
    fence: int = 0
    turn: int | None = None
    turn_seen: int = 0
    deal_id: str | None = None
    due_at: int | None = None
    due_tries: int = 0
    rings: int = 0
    redrives: int = 0
    dropped: bool = False
    open_reply: OpenReply | None = None
    unconfirmed: OpenReply | None = None
    confirmed: int = 0
    provisional: tuple[str, ...] = ()
    paused: bool = False
    resumed_at: datetime | None = None
    polled_at: datetime | None = None
    waiting_since: datetime | None = None
    model_failed_at: datetime | None = None
    forgotten: int = 0
    forgotten_at: datetime | None = None
    day: str = ""
    day_tokens: int = 0
    day_replies: int = 0

    @property
    def unanswered_after(self) -> int:
        """The newest arrival number that needs no answer: it was answered, or a person wrote after it."""
        return max(self.answered, self.employee_no)

    @property
    def is_waiting(self) -> bool:
        """Whether a customer's message stands unanswered."""
        return self.customer_no > self.unanswered_after

    @property
    def is_unread(self) -> bool:
        """Whether something was said of which neither author nor text are known yet."""
        return self.pending_no > self.read_no

    @property
    def is_asked(self) -> bool:
        """Whether a customer's message stands unanswered, or may: it is not known yet who wrote."""
        return self.is_waiting or self.is_unread

    @property
    def is_unfinished(self) -> bool:
        """Whether a wake-up would find something: a question, an open turn, a reply not yet seen in the chat."""
        return self.is_asked or self.turn is not None or self.unconfirmed is not None

    @classmethod
    def from_item(cls, conversation: ConversationKey, item: Item | None) -> State:
        """Return the state of a META item; of a conversation that is not there yet, an empty one."""
        if not item:
            return cls(conversation)
        return cls(
            conversation,
            connection=item.get("connection", ""),
            chat=chat_from_item(item.get("chat") or {}),
            mode=Mode(item["mode"]) if "mode" in item else None,
            arrived=item.get("arrived", 0),
            customer_no=item.get("customer_no", 0),
            employee_no=item.get("employee_no", 0),
            employee_at=_moment(item, "employee_at"),
            answered=item.get("answered", 0),
            pending_no=item.get("pending_no", 0),
            read_no=item.get("read_no", 0),
            fence=item.get("fence", 0),
            turn=item.get("turn"),
            turn_seen=item.get("turn_seen", 0),
            deal_id=item.get("deal_id"),
            due_at=item.get("due_at"),
            due_tries=item.get("due_tries", 0),
            rings=item.get("rings", 0),
            redrives=item.get("redrives", 0),
            dropped=item.get("dropped", False),
            open_reply=OpenReply.from_item(item.get("open_reply")),
            unconfirmed=OpenReply.from_item(item.get("unconfirmed")),
            confirmed=item.get("confirmed", 0),
            provisional=tuple(item.get("provisional", ())),
            paused=item.get("paused", False),
            resumed_at=_moment(item, "resumed_at"),
            polled_at=_moment(item, "polled_at"),
            waiting_since=_moment(item, "waiting_since"),
            model_failed_at=_moment(item, "model_failed_at"),
            forgotten=item.get("forgotten", 0),
            forgotten_at=_moment(item, "forgotten_at"),
            day=item.get("day", ""),
            day_tokens=item.get("day_tokens", 0),
            day_replies=item.get("day_replies", 0),
        )


def _moment(item: Item, name: str) -> datetime | None:
    value = item.get(name)
    return None if value is None else moment(value)


def chat_item(chat: Chat) -> Item:
    """Return a chat as an attribute's value."""
    ids = {
        "chat_id": chat.chat_id,
        "talk_id": chat.talk_id,
        "deal_id": chat.deal_id,
        "contact_id": chat.contact_id,
        "channel": chat.channel,
        "route": chat.route,
    }
    return {name: value for name, value in ids.items() if value is not None}


def chat_from_item(item: Mapping[str, Any]) -> Chat:
    """Return the chat of an attribute's value."""
    names = ("talk_id", "deal_id", "contact_id", "channel", "route")
    return Chat(item.get("chat_id", ""), *(item.get(name) for name in names))
