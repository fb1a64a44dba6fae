"""What the core needs of the world, as protocols: a CRM, a model, a doorbell, a clock.

Each has a fake that passes the same contract suite.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from dealtalk.deals import ChangeResult, Deal, DealAddition, DealSchema, DealUpdate
    from dealtalk.messages import Chat, ConversationKey, InboundMessage


class Clock(Protocol):
    """The time, so that tests can choose it."""

    def now(self) -> datetime:
        """Return the current time, aware, UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Certainty(StrEnum):
    """The answer to "did this effect happen?".

    `NO` is to be believed only when asked a minute after the effect was started.
    """

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a CRM said to a send.

    `message_id` is the vendor's id of the outgoing message where it returns one. `confirmed` is false where the CRM
    only queued the message (a Salesbot): it is done when its outgoing message is seen. `way` names how it was sent.
    """

    message_id: str | None
    confirmed: bool
    way: str


class Crm(Protocol):
    """One connected CRM account.

    Every method may raise Retryable, RateLimited, OutcomeUnknown and NeedsAttention; nothing else leaves an adapter but
    what a method's docstring names.
    """

    @property
    def reply_limit(self) -> int:
        """Characters that one outgoing message may hold in this chat's channel."""
        ...

    def find_deal(self, chat: Chat) -> str | None:
        """Return the id of the deal that this chat belongs to now, asking the CRM where the message named none.

        None: it has no deal.
        """
        ...

    def read_schema(self) -> DealSchema:
        """Return the live pipelines, stages, fields with options and people."""
        ...

    def read_deal(self, deal_id: str, *, with_contact: bool = False) -> Deal:
        """Return the deal as it is now; `with_contact` also reads its main contact's fields. Raises DealGone."""
        ...

    def update_deal(self, deal: Deal, updates: Sequence[DealUpdate], schema: DealSchema) -> list[ChangeResult]:
        """Write the updates in one request, read the deal back and compare: one result per update, in order.

        All or nothing where the CRM validates whole requests: a refusal is given to each update that caused it, and the
        others say that they were not written because of it. `deal` is the state that the caller saw last.
        """
        ...

    def add(self, deal_id: str, addition: DealAddition) -> ChangeResult:
        """Create the note or task."""
        ...

    def was_added(self, deal_id: str, addition: DealAddition, since: datetime) -> Certainty:
        """Return whether the addition, begun at `since`, is in the CRM (by its marker)."""
        ...

    def send(self, chat: Chat, deal_id: str | None, text: str) -> Receipt:
        """Send one message, at most `reply_limit` characters, into the chat's channel.

        Raises Permanent where this chat cannot be written to.
        """
        ...

    def was_sent(self, chat: Chat, deal_id: str | None, text: str, since: datetime) -> Certainty:
        """Return whether a message with this text, begun at `since`, stands in the chat."""
        ...

    def employee_wrote(self, chat: Chat, since: datetime) -> bool:
        """Return whether an employee wrote in this chat after `since` (asked only where no webhook tells it)."""
        ...

    def leave_to_person(self, chat: Chat) -> None:
        """Tell the CRM that a person leads this chat from now on: a transfer, an assignment.

        Nothing happens where the CRM knows no such thing, or where a person leads already: it may be called again.
        """
        ...


@runtime_checkable
class SharesReplies(Protocol):
    """A `Crm` in which replies of several chats pass through one place; an adapter without such has no such method."""

    def reply_lane(self, chat: Chat, deal_id: str | None) -> str | None:
        """Return the name of the place that the next reply to this chat passes, None where it has a way of its own.

        Chats with the same name are answered one after the other. No request is sent.
        """
        ...


@runtime_checkable
class NotesWithoutDeal(Protocol):
    """A `Crm` that keeps notes and tasks for a chat without a deal too, with its contact for instance."""

    def place_for_notes(self, chat: Chat) -> str | None:
        """Return what `add` and `was_added` take in the place of a deal's id; None where the chat has no such place.

        No request is sent.
        """
        ...


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A part of what was said in an account, oldest first, and the cursor from which the next part is read.

    `cursor` is the adapter's own, JSON-like; it is stored once all `messages` were. `more`: there is another page now.
    """

    messages: tuple[InboundMessage, ...]
    cursor: Mapping[str, Any]
    more: bool


class History(Protocol):
    """One account's own record of what was said: what brings messages that no webhook brought.

    Methods may raise what `Crm`'s may.
    """

    def read(self, cursor: Mapping[str, Any] | None, since: datetime) -> HistoryPage:
        """Return the next page after `cursor`; None: from `since` on. Nothing older than `since` is returned.

        A message has the id that the CRM's webhook gives it, so that it is one message however it came. A page may
        repeat messages of the page before.
        """
        ...


@runtime_checkable
class IdsFirst(Protocol):
    """A `History` whose pages hold ids: what the messages say is asked only of those that nobody has brought yet."""

    def complete(self, messages: Sequence[InboundMessage]) -> Sequence[InboundMessage]:
        """Return these pending messages with author and text.

        `unread` where the CRM shows no text; left out are those that nobody needs to know of, and those of which it is
        too early to say. Raises as `Crm`.
        """
        ...


@dataclass(frozen=True, slots=True)
class ReadMessages:
    """What a CRM says about messages of which only the ids were known.

    `messages` are those that were said in the chat. `left_out` are ids of what the CRM has but nobody said to the
    customer or to us: an internal comment, a message that this very app sent. An id in neither is not known there.
    `person_leads`: the CRM shows that a person has this chat in hand, whatever was said.
    """

    messages: tuple[InboundMessage, ...] = ()
    left_out: frozenset[str] = frozenset()
    person_leads: bool = False


@runtime_checkable
class MessageReader(Protocol):
    """A `Crm` whose webhooks bring ids only: it also reads what was said."""

    def read_messages(self, chat: Chat, ids: Sequence[str]) -> ReadMessages:
        """Return what these ids of the chat's newest messages are, each with the chat as it names it.

        Raises as `Crm`.
        """
        ...


class Role(StrEnum):
    """Who speaks in a prompt."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks for a tool; `arguments` is the JSON text exactly as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class PromptMessage:
    """A message of the prompt. `tool_calls` only with ASSISTANT, `tool_call_id` only with TOOL."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as the model sees it; `parameters` is a JSON schema (type object, additionalProperties false)."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one model call; `cached` is the part of `input` that the provider billed as cached."""

    input: int = 0
    cached: int = 0
    output: int = 0


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What the model said: a text, or tool calls (then `text` may be empty).

    `model` is the one that answered (the fallback, perhaps).
    """

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = field(default_factory=Usage)
    model: str = ""


class Model(Protocol):
    """An LLM.

    Raises Retryable (timeout, 429, 5xx of the model and of its fallback) or Permanent (refused request, bad key).
    """

    def answer(self, prompt: Sequence[PromptMessage], tools: Sequence[Tool], *, timeout: float) -> ModelAnswer:
        """Return the model's next message; `timeout` in seconds is for the whole call, fallback included."""
        ...


class Doorbell(Protocol):
    """Wakes the responder for a conversation. A ring carries keys only."""

    def ring(self, conversation: ConversationKey, *, connection: str, arrival: int, dedup: str, reason: str) -> None:
        """Ring the bell of a conversation.

        `dedup` must be new for every ring that has to arrive: SQS remembers an id for five minutes, even after its
        message was deleted. Raises Retryable where the queue did not take it.
        """
        ...
