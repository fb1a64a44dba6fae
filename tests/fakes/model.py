"""A model that says what a test wrote for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

from dealtalk.ports import ModelAnswer, PromptMessage, Tool, ToolCall, Usage

Line = ModelAnswer | Exception | Callable[[Sequence[PromptMessage], Sequence[Tool]], ModelAnswer]
_numbers = count(1)


def says(text: str) -> ModelAnswer:
    """Return an answer in words."""
    return ModelAnswer(text, usage=Usage(100, 0, 20), model="scripted")


def calls(*tools: tuple[str, dict[str, object]]) -> ModelAnswer:
    """Return an answer that calls tools, each with its arguments."""
    asked = tuple(
        ToolCall(f"call-{next(_numbers)}", name, json.dumps(args, ensure_ascii=False)) for name, args in tools
    )
    return ModelAnswer("", asked, Usage(100, 0, 20), "scripted")


@dataclass
class ScriptedModel:
    """See `ports.Model`. The lines are said in order; with none left it greets."""

    lines: list[Line] = field(default_factory=list)
    prompts: list[tuple[tuple[PromptMessage, ...], tuple[Tool, ...]]] = field(default_factory=list)

    def answer(self, prompt: Sequence[PromptMessage], tools: Sequence[Tool], *, timeout: float) -> ModelAnswer:  # noqa: ARG002 (the port's)
        """Say the next line, or raise it."""
        self.prompts.append((tuple(prompt), tuple(tools)))
        line = self.lines.pop(0) if self.lines else says("Здравствуйте! Чем помочь?")
        if isinstance(line, Exception):
            raise line
        return line if isinstance(line, ModelAnswer) else line(prompt, tools)

    def prompt_text(self, number: int = -1) -> str:
        """Return all that a prompt said, as one text."""
        return "\n".join(message.content for message in self.prompts[number][0])
