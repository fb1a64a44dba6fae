"""The loop: act, then speak; never buy an answer twice; never think without time."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from dealtalk.agent.think import MAX_CALLS, OutOfTime, Thought, speakable, think
from dealtalk.errors import DealtalkError, NeedsHuman, Retryable
from dealtalk.ports import ModelAnswer, PromptMessage, Role, Tool, ToolCall

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PROMPT = (PromptMessage(Role.SYSTEM, "rules"), PromptMessage(Role.USER, "hello"))
TOOLS = (Tool("add_note", "", {}),)
SPOKEN = ModelAnswer("Hello!", model="m")
ACTING = ModelAnswer("", (ToolCall("c1", "add_note", "{}"),))


@dataclass
class ScriptedModel:
    """A model that says what it was told to, and remembers what it was asked."""

    answers: list[ModelAnswer]
    asked: list[tuple[tuple[PromptMessage, ...], tuple[Tool, ...], float]] = field(default_factory=list)

    def answer(self, prompt: Sequence[PromptMessage], tools: Sequence[Tool], *, timeout: float) -> ModelAnswer:
        """Return the next scripted answer."""
        self.asked.append((tuple(prompt), tuple(tools), timeout))
        return self.answers.pop(0)


@dataclass
class Journal:
    """What was recorded and carried out, in order."""

    answers: dict[int, ModelAnswer] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)

    def record(self, index: int, answer: ModelAnswer) -> None:
        """Keep an answer."""
        self.answers[index] = answer
        self.events.append(f"record {index}")

    def act(self, index: int, calls: tuple[ToolCall, ...]) -> list[str]:
        """Carry out nothing, successfully."""
        self.events.append(f"act {index} {len(calls)}")
        return ['{"done": []}' for _ in calls]


def run(model: ScriptedModel, journal: Journal, budget: Callable[[], float] = lambda: 60.0, **more: Any) -> Thought:
    """Think with this model and journal."""
    given: dict[str, Any] = {"act": journal.act, "recorded": journal.answers.get, "record": journal.record, **more}
    return think(model=model, prompt=PROMPT, tools=TOOLS, budget=budget, **given)


def test_a_plain_answer_is_returned_unrecorded() -> None:
    """The caller records the final answer together with the reply's start."""
    journal = Journal()
    thought = run(ScriptedModel([SPOKEN]), journal)
    assert thought == Thought("Hello!", (SPOKEN,), 0, SPOKEN, 0)
    assert journal.events == []


def test_calls_are_recorded_before_they_are_carried_out_and_their_results_are_told() -> None:
    """A crash between answer and act finds the answer in the journal; the reply comes after the results."""
    model, journal = ScriptedModel([ACTING, SPOKEN]), Journal()
    thought = run(model, journal)
    assert journal.events == ["record 0", "act 0 1"]
    assert (thought.final_index, thought.rounds, thought.answers) == (1, 1, (ACTING, SPOKEN))
    tail = model.asked[1][0][2:]
    assert tail[0] == PromptMessage(Role.ASSISTANT, "", tool_calls=ACTING.tool_calls)
    assert tail[1] == PromptMessage(Role.TOOL, '{"done": []}', tool_call_id="c1")


def test_recorded_answers_are_not_bought_again() -> None:
    """A second wake-up pays for nothing that the first one paid for, and acts again through the same journal."""
    journal = Journal(answers={0: ACTING, 1: SPOKEN})
    thought = run(ScriptedModel([]), journal)
    assert thought.text == "Hello!"
    assert journal.events == ["act 0 1"]


def test_after_four_rounds_the_model_must_speak() -> None:
    """The last call has no tools."""
    model = ScriptedModel([ACTING, ACTING, ACTING, ACTING, SPOKEN])
    thought = run(model, Journal())
    assert thought.rounds == 4
    assert [len(tools) for _, tools, _ in model.asked] == [1, 1, 1, 1, 0]


def test_calls_without_tools_on_offer_are_not_carried_out() -> None:
    """A model that calls on where it may not gets one more chance, then a person takes over."""
    journal = Journal()
    with pytest.raises(NeedsHuman):
        run(ScriptedModel([ACTING] * 6), journal)
    assert [event for event in journal.events if event.startswith("act")] == [f"act {n} 1" for n in range(4)]


@pytest.mark.parametrize("text", ["", "  \n", '{"name": "add_note"}', "[1]", "<tool_call>x", "<|python_tag|>"])
def test_an_answer_that_is_no_speech_is_asked_for_again(text: str) -> None:
    """Neither silence nor a tool call written as text reaches a customer."""
    journal = Journal()
    thought = run(ScriptedModel([ModelAnswer(text), SPOKEN]), journal)
    assert thought.text == "Hello!"
    assert journal.events == ["record 0"]


def test_a_model_that_twice_has_nothing_to_say_needs_a_person() -> None:
    """No empty reply, no endless loop."""
    with pytest.raises(NeedsHuman):
        run(ScriptedModel([ModelAnswer(""), ModelAnswer(" ")]), Journal())


def test_silence_is_remembered_across_wake_ups() -> None:
    """An empty answer in the journal counts as the first of the two."""
    with pytest.raises(NeedsHuman):
        run(ScriptedModel([ModelAnswer("")]), Journal(answers={0: ModelAnswer("")}))


def test_without_time_nothing_is_bought() -> None:
    """The next wake-up continues from the journal."""
    model = ScriptedModel([SPOKEN])
    with pytest.raises(OutOfTime) as caught:
        run(model, Journal(), budget=lambda: 2.9)
    assert isinstance(caught.value, Retryable)
    assert model.asked == []


@pytest.mark.parametrize(("left", "timeout"), [(60.0, 40.0), (12.5, 12.5)])
def test_a_call_may_take_the_time_left_but_no_more_than_forty_seconds(left: float, timeout: float) -> None:
    """One slow call cannot use up the function's time."""
    model = ScriptedModel([SPOKEN])
    run(model, Journal(), budget=lambda: left)
    assert model.asked[0][2] == timeout


def test_too_many_calls_at_once_are_told_as_not_done() -> None:
    """Every call gets a result, as the API demands, but only the first ones are carried out."""
    many = ModelAnswer("", tuple(ToolCall(f"c{n}", "add_note", "{}") for n in range(MAX_CALLS + 2)))
    model, journal = ScriptedModel([many, SPOKEN]), Journal()
    run(model, journal)
    results = [message for message in model.asked[1][0] if message.role is Role.TOOL]
    assert journal.events[1] == f"act 0 {MAX_CALLS}"
    assert len(results) == MAX_CALLS + 2
    assert json.loads(results[-1].content)["not_done"]


def test_what_act_raises_passes_through() -> None:
    """A handoff or a lost fence ends the thinking at once."""

    class HandedOver(DealtalkError):
        pass

    def act(_index: int, _calls: tuple[ToolCall, ...]) -> list[str]:
        raise HandedOver

    with pytest.raises(HandedOver):
        run(ScriptedModel([ACTING]), Journal(), act=act)


def test_a_missing_result_is_a_mistake_of_ours() -> None:
    """The model must not see the results of other calls under its own."""
    with pytest.raises(ValueError, match="one result per call"):
        run(ScriptedModel([ACTING]), Journal(), act=lambda _index, _calls: [])


def test_text_that_only_looks_like_json_is_speech() -> None:
    """A customer may well be answered in brackets."""
    assert speakable("[так] и {так}") == "[так] и {так}"
