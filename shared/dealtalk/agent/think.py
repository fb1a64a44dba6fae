"""The loop in which a model acts and then speaks. No answer is bought twice: the journal's are taken from there."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dealtalk.errors import NeedsHuman, Retryable
from dealtalk.ports import PromptMessage, Role, ToolCall

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dealtalk.ports import Model, ModelAnswer, Tool

MAX_ROUNDS = 4
MAX_CALLS = 8
"""Tool calls of one answer that are carried out; the model is told about the rest."""

MAX_KEPT_CALLS = 24
"""Tool calls of one answer that are looked at at all; a model that writes thousands is out of its mind."""

MAX_CALL_BYTES = 32 * 1024
MAX_ANSWER_CHARACTERS = 12_000
"""What an answer may hold: its arguments together and its text. The journal that keeps it has 400 KB for the turn."""

TOO_LONG = '{"too_long": true}'
"""The arguments that stand for those that were longer than that: no tool takes them."""

SHORTEST_CALL = 3.0
LONGEST_CALL = 40.0
"""Seconds that one model call may take; a deployment may allow it less."""

_TOO_MANY = json.dumps({"done": [], "not_done": [f"Only {MAX_CALLS} calls at once are carried out; this one was not."]})
_SPEAK = "Write your reply to the customer now, in plain text."


class OutOfTime(Retryable):
    """This wake-up has no time left to think; the next one continues from the journal."""


@dataclass(frozen=True, slots=True)
class Thought:
    """What the model says in the end.

    `answers` are all of this turn's in order, the last one included. `final_answer` has the index `final_index` and was
    not given to `record`: the caller records it together with the reply's start. `rounds` counts the tool rounds.
    """

    text: str
    answers: tuple[ModelAnswer, ...]
    final_index: int
    final_answer: ModelAnswer
    rounds: int


def think(
    *,
    model: Model,
    prompt: Sequence[PromptMessage],
    tools: Sequence[Tool],
    act: Callable[[int, tuple[ToolCall, ...]], list[str]],
    recorded: Callable[[int], ModelAnswer | None],
    record: Callable[[int, ModelAnswer], None],
    budget: Callable[[], float],
    max_rounds: int = MAX_ROUNDS,
) -> Thought:
    """Return the model's final text after at most `max_rounds` rounds of tools.

    Answer n is `recorded(n)` or bought. An answer with tool calls is recorded, then carried out by `act(n, calls)`,
    which returns one result text per call. After the last round the model is asked without tools. `budget` returns the
    seconds left. Raises OutOfTime, NeedsHuman where the model twice had nothing to say, what the model raises, and what
    `act` raises.
    """
    messages = list(prompt)
    answers: list[ModelAnswer] = []
    rounds = 0
    silent = False
    while True:
        index = len(answers)
        offered = tuple(tools) if rounds < max_rounds else ()
        known = recorded(index)
        answer = known or _bought(model, messages, offered, budget)
        answers.append(answer)
        if answer.tool_calls and offered:
            if known is None:
                record(index, answer)
            messages += _acted(answer, act, index)
            rounds += 1
            continue
        text = speakable(answer.text)
        if text:
            return Thought(text, tuple(answers), index, answer, rounds)
        if silent:
            msg = "the model had nothing to say"
            raise NeedsHuman(msg)
        if known is None:
            record(index, answer)
        silent = True
        messages.append(PromptMessage(Role.USER, f"⟦system note⟧\n{_SPEAK}\n⟦/⟧"))


def _bought(
    model: Model, messages: Sequence[PromptMessage], tools: Sequence[Tool], budget: Callable[[], float]
) -> ModelAnswer:
    left = budget()
    if left < SHORTEST_CALL:
        msg = "no time is left for a model call in this wake-up"
        raise OutOfTime(msg)
    return bounded(model.answer(messages, tools, timeout=min(left, LONGEST_CALL)))


def bounded(answer: ModelAnswer) -> ModelAnswer:
    """Return the answer within its measures, and without halves of characters, which no store takes."""
    calls: list[ToolCall] = []
    room = MAX_CALL_BYTES
    for call in answer.tool_calls[:MAX_KEPT_CALLS]:
        arguments = _whole(call.arguments)
        size = len(arguments.encode())
        if size > room:
            arguments, size = TOO_LONG, 0
        room -= size
        calls.append(ToolCall(_whole(call.id[:64]), _whole(call.name[:64]), arguments))
    return replace(answer, text=_whole(answer.text[:MAX_ANSWER_CHARACTERS]), tool_calls=tuple(calls))


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _acted(
    answer: ModelAnswer, act: Callable[[int, tuple[ToolCall, ...]], list[str]], index: int
) -> list[PromptMessage]:
    calls = answer.tool_calls[:MAX_CALLS]
    results = act(index, calls)
    if len(results) != len(calls):
        msg = "act must return one result per call"
        raise ValueError(msg)
    results += [_TOO_MANY] * (len(answer.tool_calls) - len(calls))
    return [
        PromptMessage(Role.ASSISTANT, answer.text, tool_calls=answer.tool_calls),
        *(
            PromptMessage(Role.TOOL, result, tool_call_id=call.id)
            for call, result in zip(answer.tool_calls, results, strict=True)
        ),
    ]


def speakable(text: str) -> str:
    """Return the text, or nothing where it is no speech: a tool call or an object that the model wrote as its text."""
    text = text.strip()
    if text[:1] in {"{", "["} and text[-1:] in {"}", "]"}:
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return text
        return ""
    return "" if text.startswith(("<tool_call>", "<function=", "<|")) else text
