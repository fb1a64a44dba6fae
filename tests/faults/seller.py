"""A model whose answers the seed decides: plain replies, changes, handoffs, nonsense.

Every reply names the customer's messages that it covers (`q3x5`) and claims what the tools said was done, so that what
the customer saw can be compared with what happened.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from dealtalk.errors import ModelUnavailable, Permanent
from dealtalk.ports import ModelAnswer, PromptMessage, Role, Tool, ToolCall, Usage
from tests.faults.faults import Fault, Port

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from tests.faults.outside import Outside
    from tests.faults.scheduler import Container

QUESTION = re.compile(r"q(\d+)x(\d+)")
NEW = re.compile(r"⟦customer [^⟧]* new⟧\n(.*?)\n?⟦/⟧", re.DOTALL)
DONE_FIELD = re.compile(r": (t\d+)\b")
USED = Usage(100, 0, 20)


@dataclass
class Minds:
    """What all models of a run have in common: the seed's decisions, and what was planned and when."""

    random: Random
    numbers: count[int] = field(default_factory=lambda: count(1))
    planned: dict[str, tuple[str, float]] = field(default_factory=dict)
    """By unique value: the conversation whose model planned it, and when it saw the deal."""

    trespasses: list[str] = field(default_factory=list)

    def number(self) -> int:
        """Return a number that no other text of this run carries."""
        return next(self.numbers)


@dataclass
class Seller:
    """See `ports.Model`."""

    minds: Minds
    outside: Outside
    container: Container

    def answer(self, prompt: Sequence[PromptMessage], tools: Sequence[Tool], *, timeout: float) -> ModelAnswer:  # noqa: ARG002 (the port's)
        """Return what the seed says."""
        process = self.container.running
        said: list[ModelAnswer] = []

        def effect() -> ModelAnswer:
            said.append(self._think(prompt, tools, process.conversation))
            return said[0]

        def failed(fault: Fault) -> Exception:
            forbidden = fault is Fault.FORBIDDEN
            return Permanent("the model refused") if forbidden else ModelUnavailable("the model answered 429")

        answer = self.outside.call(process, Port.MODEL, "model answers", effect, errors=failed)
        words = answer.text or " ".join(f"{call.name}({call.arguments})" for call in answer.tool_calls)
        self.outside.note("model", process.conversation, words)
        return answer

    def _think(self, prompt: Sequence[PromptMessage], tools: Sequence[Tool], conversation: str) -> ModelAnswer:
        text = "\n".join(message.content for message in prompt)
        for owner, number in QUESTION.findall(text):
            if f"c{owner}" != conversation:
                self.minds.trespasses.append(f"the prompt of {conversation} holds q{owner}x{number}")
        rounds = sum(1 for message in prompt if message.tool_calls)
        random = self.minds.random
        roll = random.random()
        if tools and rounds < 3 and roll < (0.5 if rounds == 0 else 0.15):
            return self._acts(conversation, {tool.name for tool in tools})
        if roll > 0.97:
            return ModelAnswer("" if roll > 0.985 else '{"tool": "update_deal"}', (), USED, "scripted")
        return ModelAnswer(self._reply(prompt), (), USED, "scripted")

    def _reply(self, prompt: Sequence[PromptMessage]) -> str:
        text = "\n".join(message.content for message in prompt if message.role is not Role.TOOL)
        covered = [found.group() for block in NEW.findall(text) for found in QUESTION.finditer(block)]
        claims: list[str] = []
        for message in prompt:
            if message.role is Role.TOOL:
                claims += _claims(message.content)
        parts = [f"Ответ r{self.minds.number()} на {' '.join(dict.fromkeys(covered))}."]
        if claims:
            parts.append(f"Сделано r{self.minds.number()} {' '.join(dict.fromkeys(claims))}.")
        if self.minds.random.random() < 0.3:
            parts.append(f"Рады помочь r{self.minds.number()}.")
        return " ".join(parts)

    def _acts(self, conversation: str, names: set[str]) -> ModelAnswer:
        random = self.minds.random
        many = 12 if random.random() < 0.03 else random.choice([1, 1, 1, 2, 3])
        calls = [self._call(conversation, random, names) for _ in range(many)]
        return ModelAnswer("", tuple(calls), USED, "scripted")

    def _call(self, conversation: str, random: Random, names: set[str]) -> ToolCall:
        number = self.minds.number()
        roll = random.random()
        name, arguments = "update_deal", self._update(conversation, random, number)
        if roll < 0.08:
            name, arguments = "hand_over", {"reason": f"нужен человек h{number}", "summary": "вопрос"}
        elif roll < 0.3:
            name, arguments = "add_note", {"text": f"заметка n{number}"}
        elif roll < 0.4:
            name, arguments = "create_task", {"text": f"задача k{number}", "due_at": "2026-11-24T12:00"}
        elif roll < 0.45:
            hostile: dict[str, Any] = {"deal_id": "501", "stage": "Успешно реализовано", "fields": {"Профиль": "KBE"}}
            name, arguments = random.choice(["delete_deal", "update_deal"]), hostile
        written = json.dumps(arguments, ensure_ascii=False)
        if roll > 0.95:
            written = random.choice([written[:-2], "[]", "null", '{"fields": "all"}'])
        return ToolCall(f"call-{number}", name if name in names or roll < 0.5 else "hand_over", written)

    def _update(self, conversation: str, random: Random, number: int) -> dict[str, Any]:
        value = f"t{number}"
        self.minds.planned[value] = (conversation, self.outside.scheduler.time)
        choice = random.random()
        if choice < 0.55:
            return {"fields": {random.choice(["Город", "Город", "Товар"]): value}}
        if choice < 0.75:
            return {"stage": random.choice(["Квалификация", "Квалификация", "Договор"])}
        if choice < 0.85:
            return {"add_tags": random.choice([["ии"], ["чужой"]])}
        return {"stage": "Квалификация", "fields": {"Город": value, "Количество": number}}


def _claims(result: str) -> list[str]:
    try:
        done = json.loads(result).get("done", [])
    except (ValueError, AttributeError):
        return []
    claims = []
    for line in done:
        if field_ := DONE_FIELD.search(line):
            claims.append(field_.group(1))
        elif line.startswith("stage:"):
            claims.append("этап")
        elif line == "a person was asked for":
            claims.append("человек")
        elif line.startswith("task:") and (task := re.search(r"k\d+", line)):
            claims.append(task.group())
    return claims
