"""From the conversation to the reply's text: history, prompt, model, acts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dealtalk.agent.cost import cost_micro_usd
from dealtalk.agent.outcome import describe
from dealtalk.agent.profile import text_for
from dealtalk.agent.prompt import HistoryEntry, build_prompt
from dealtalk.agent.think import Thought, think
from dealtalk.agent.tools import build_tools, parse_call
from dealtalk.conversation.commit import Spent
from dealtalk.conversation.journal import StepKind
from dealtalk.conversation.timeline import Entry, EntryKind
from dealtalk.deals import AddNote
from dealtalk.errors import NeedsHuman
from dealtalk.ledger import REFUSED
from dealtalk.messages import AttachmentKind, Author
from dealtalk.ports import ModelAnswer, ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from dealtalk.acts import Acts
    from dealtalk.agent.profile import Profile
    from dealtalk.conversation.journal import Journal
    from dealtalk.conversation.state import State
    from dealtalk.ports import Model, PromptMessage, Tool

UNREADABLE = frozenset(AttachmentKind) - {AttachmentKind.LOCATION, AttachmentKind.CONTACT, AttachmentKind.STICKER}
UNREAD = "[a message that could not be read]"
LATE = (
    "A message marked new was written before things that stand above it; it reached you late. Answer what is still "
    "open in it, and do not repeat what you have said since."
)
LETTERS_OF_RUSSIAN = range(0x0400, 0x0500)


@dataclass(slots=True)
class Meter:
    """A model whose every call is checked against the profile's budgets before it is made.

    `before` is called before the first call, `worked` after the first answer: the model's breaker.
    """

    model: Model
    profile: Profile
    state: State
    today: str
    spent_by_connection: int
    before: Callable[[], None]
    worked: Callable[[], None]
    usages: list[Usage] = field(default_factory=list)

    def answer(self, prompt: Sequence[PromptMessage], tools: Sequence[Tool], *, timeout: float) -> ModelAnswer:
        """See `ports.Model`. Raises NeedsHuman where a budget is used up, and what `before` raises."""
        self.check()
        if not self.usages:
            self.before()
        answer = self.model.answer(prompt, tools, timeout=timeout)
        if not self.usages:
            self.worked()
        self.usages.append(answer.usage)
        return answer

    def check(self) -> None:
        """Raise NeedsHuman where a budget of the profile is used up."""
        budgets, tokens = self.profile.budgets, self._tokens()
        same_day = self.state.day == self.today
        if same_day and self.state.day_replies >= budgets.messages_per_conversation_per_day:
            msg = "the day's number of replies in this conversation is used up"
            raise NeedsHuman(msg)
        if (self.state.day_tokens if same_day else 0) + tokens >= budgets.tokens_per_conversation_per_day:
            msg = "the day's tokens of this conversation are used up"
            raise NeedsHuman(msg)
        if self.spent_by_connection + tokens >= budgets.tokens_per_day:
            msg = "the day's tokens of this account are used up"
            raise NeedsHuman(msg)

    def _tokens(self) -> int:
        return sum(usage.input + usage.output for usage in self.usages)


def spent_in(journal: Journal, profile: Profile) -> Spent:
    """Return what the turn's model calls cost, those of earlier wake-ups included."""
    usages = [
        Usage(step.data["tokens_in"], step.data["tokens_cached"], step.data["tokens_out"])
        for step in journal.steps(StepKind.ANSWER)
        if "tokens_in" in step.data
    ]
    total = Usage(sum(u.input for u in usages), sum(u.cached for u in usages), sum(u.output for u in usages))
    cost = sum(cost_micro_usd(profile, usage) for usage in usages)
    return Spent(total.input + total.output, total.input, total.cached, total.output, cost)


@dataclass(slots=True)
class Drafter:
    """Acts of the draft mode: nothing is done; what would have been done is written down for a person."""

    acts: Acts
    proposals: list[str] = field(default_factory=list)

    def act(self, _index: int, calls: tuple[ToolCall, ...]) -> list[str]:
        """Return one result text per call, as `Acts.act` does."""
        acts = self.acts
        texts = []
        for call in calls:
            plan = parse_call(call, profile=acts.profile, schema=acts.schema, deal=acts.deal, now=acts.clock.now())
            lines = [describe(change, acts.schema) for change in (*plan.updates, *plan.additions)]
            lines += [f"ask a person: {plan.handoff.reason}"] if plan.handoff else []
            self.proposals += lines
            texts.append(
                json.dumps({"proposed_to_a_person": lines, "not_done": list(plan.refusals)}, ensure_ascii=False)
            )
        return texts


def recorded_answer(journal: Journal, index: int) -> ModelAnswer | None:
    """Return the model's answer that the journal holds."""
    step = journal.step(f"a{index}")
    if step is None:
        return None
    calls = tuple(ToolCall(each["id"], each["name"], each["arguments"]) for each in step.data["calls"])
    return ModelAnswer(step.data["text"], calls, Usage(), step.data["model"])


def hold_answer(journal: Journal, index: int, answer: ModelAnswer) -> None:
    """Give the model's answer to the journal; it is written with the journal's next write."""
    calls = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in answer.tool_calls]
    data: dict[str, Any] = {
        "text": answer.text,
        "calls": calls,
        "model": answer.model,
        "tokens_in": answer.usage.input,
        "tokens_cached": answer.usage.cached,
        "tokens_out": answer.usage.output,
    }
    journal.hold(f"a{index}", StepKind.ANSWER, data)


def think_reply(
    *,
    acts: Acts,
    model: Meter,
    entries: Sequence[Entry],
    waiting: Sequence[Entry],
    seconds_left: Callable[[], float],
    draft: Drafter | None = None,
) -> Thought:
    """Return the model's final word, its actions carried out (or, for a draft, written down).

    The final answer is held by the journal, to be written with the reply's start.
    """
    profile, journal = acts.profile, acts.journal
    history = told(entries, waiting)
    prompt = build_prompt(profile, history, acts.deal, acts.schema, acts.clock.now(), notes=_remarks(waiting))

    def act(index: int, calls: tuple[ToolCall, ...]) -> list[str]:
        results = draft.act(index, calls) if draft else acts.act(index, calls)
        journal.flush()
        return results

    thought = think(
        model=model,
        prompt=prompt,
        tools=build_tools(profile, acts.schema, acts.deal),
        act=act,
        recorded=lambda index: recorded_answer(journal, index),
        record=lambda index, answer: hold_answer(journal, index, answer),
        budget=seconds_left,
    )
    if journal.step(f"a{thought.final_index}") is None:
        hold_answer(journal, thought.final_index, thought.final_answer)
    return thought


def told(entries: Sequence[Entry], waiting: Sequence[Entry]) -> list[HistoryEntry]:
    """Return the timeline as the prompt tells it.

    Without what the policy refused: it would hand an attempt from one turn to the next.
    """
    new = {entry.arrival for entry in waiting}
    return [
        HistoryEntry(
            _kind(entry),
            UNREAD if entry.unread else entry.text,
            entry.at,
            entry.attachments,
            new=entry.is_customers and entry.arrival in new,
        )
        for entry in entries
        if not entry.text.startswith(REFUSED) or entry.kind is not EntryKind.CHANGE
    ]


def only_unreadable(waiting: Sequence[Entry]) -> bool:
    """Return whether all that waits are recordings, pictures and files without a word: nothing a model could read."""
    return all(
        not entry.text.strip() and any(attachment.kind in UNREADABLE for attachment in entry.attachments)
        for entry in waiting
    )


def unreadable_reply(profile: Profile, entries: Sequence[Entry]) -> str:
    """Return what the profile says to a message that cannot be read, in the customer's language."""
    return text_for(profile.unreadable, spoken_language(profile, entries)) or ""


def unreadable_note(profile: Profile, waiting: Sequence[Entry]) -> AddNote:
    """Return the note that tells the company's people what the bot could not read, with the links."""
    lines = [
        " ".join(text for text in (attachment.kind.value, attachment.file_name, attachment.url) if text)
        for entry in waiting
        for attachment in entry.attachments
    ]
    return AddNote("\n".join([f"{profile.name} (bot) could not read:", *lines]), "")


def spoken_language(profile: Profile, entries: Iterable[Entry]) -> str:
    """Return the language code for a canned text.

    The profile's, or a guess by the script of what the customer wrote.
    """
    if profile.language != "customer":
        return profile.language
    texts = [entry.text for entry in entries if entry.is_customers and entry.text.strip()]
    if not texts:
        return "ru" if any(ord(letter) in LETTERS_OF_RUSSIAN for letter in profile.instructions) else "en"
    return "ru" if any(ord(letter) in LETTERS_OF_RUSSIAN for letter in texts[-1]) else "en"


def _kind(entry: Entry) -> Any:  # noqa: ANN401 (prompt.EntryKind's words)
    if entry.kind is EntryKind.MESSAGE:
        return {Author.CUSTOMER: "customer", Author.BOT: "other_bot"}.get(entry.author, "employee")
    return {EntryKind.REPLY: "bot", EntryKind.CHANGE: "change", EntryKind.HANDOFF: "handoff"}[entry.kind]


def _remarks(waiting: Sequence[Entry]) -> tuple[str, ...]:
    late = (LATE,) if any(entry.late for entry in waiting) else ()
    kinds = sorted({a.kind.value for entry in waiting for a in entry.attachments if a.kind in UNREADABLE})
    if not kinds:
        return late
    unread = f"You cannot open what the customer sent along ({', '.join(kinds)}). Say so honestly if it matters."
    return (*late, unread)
