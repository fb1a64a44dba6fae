"""The model of a storm: what it says carries marks, so that replies, changes and prompts can be held to account.

A reply names the customer's messages that it covers (`q17x2`) and claims what tool results said was done. About one
call in twenty fails: 429, 500, no answer at all, an answer that is no JSON, or tool calls that no tool understands.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from threading import Lock
from typing import Any

from local.model import EmbeddedModel, Fault
from local.model.reading import Request, read_request

QUESTION = re.compile(r"q(\d+)x(\d+)")
DONE_FIELD = re.compile(r": (t\d+)\b")
TASK = re.compile(r"^task: (k\d+)\b")
PERSON = "позовите человека"
ACTS, ACTS_AGAIN = 0.35, 0.1
MOST_ROUNDS = 3
FAILS = 0.05
HANGS_SECONDS = 4.0
"""Longer than the storm's stack waits for its model; then the connection is cut, so that no thread is left behind."""


class Mind(EmbeddedModel):
    """Answers by the seed.

    `planned` maps a field's unique value to the customer in whose conversation it was planned. `trespasses` are prompts
    that hold words of two customers. `calm` ends the failures.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.failures: Counter[str] = Counter()
        self.planned: dict[str, int] = {}
        self.trespasses: list[str] = []
        self.asked_for = 0
        self.calm = False
        self._random = Random(seed)  # noqa: S311 (repeatable, not secret)
        self._numbers = count(1)
        self._deciding = Lock()

    def asked(self, body: dict[str, Any], key: str) -> Fault:  # noqa: ARG002 (the base class's)
        """Return what this request gets; its body is not kept, since a storm has thousands."""
        request = read_request(body)
        text = json.dumps(body.get("messages", []), ensure_ascii=False)
        owners = {int(owner) for owner, _ in QUESTION.findall(text)}
        rounds = sum(1 for message in body.get("messages", []) if message.get("tool_calls"))
        with self._deciding:
            self.asked_for += 1
            if len(owners) > 1:
                self.trespasses.append(f"a prompt holds words of the customers {sorted(owners)[:5]}")
            customer = min(owners, default=-1)
            if not self.calm and self._random.random() < FAILS:
                return self._failure()
            return self._act(request, customer, rounds) or Fault(text=self._reply(request))

    def _failure(self) -> Fault:
        kind, fault = self._random.choice(
            (
                ("429", Fault(status=429, retry_after="1")),
                ("500", Fault(status=500)),
                ("hangs", Fault(delay=HANGS_SECONDS, drop=True)),
                ("no JSON", Fault(raw='{"choices": [{"mess')),
                ("malformed call", Fault(tool_calls=(("update_deal", '{"fields": {"Город'),))),
                ("malformed call", Fault(tool_calls=(("delete_deal", "{}"), ("update_deal", "[]")))),
                ("malformed call", Fault(text='{"tool": "update_deal"}')),
                ("forbidden call", Fault(tool_calls=(("update_deal", _hostile()),))),
            )
        )
        self.failures[kind] += 1
        return fault

    def _act(self, request: Request, customer: int, rounds: int) -> Fault | None:
        if not request.tools or rounds >= MOST_ROUNDS:
            return None
        if PERSON in "\n".join(request.new) and not rounds:
            return self._calls(("hand_over", {"reason": f"просит человека h{next(self._numbers)}", "summary": ""}))
        if self._random.random() >= (ACTS_AGAIN if rounds else ACTS):
            return None
        chosen = [self._call(request, customer) for _ in range(self._random.choice((1, 1, 2)))]
        return self._calls(*(call for call in chosen if call[0] in request.tools))

    def _call(self, request: Request, customer: int) -> tuple[str, dict[str, Any]]:
        number, roll = next(self._numbers), self._random.random()
        if roll < 0.15:
            return "add_note", {"text": f"заметка n{number}"}
        if roll < 0.25:
            tomorrow = (request.now or datetime.now(UTC)) + timedelta(days=1)
            return "create_task", {"text": f"k{number} перезвонить", "due_at": f"{tomorrow:%Y-%m-%dT%H:%M}"}
        update: dict[str, Any] = {}
        texts = [name for name, shape in request.fields.items() if shape.get("type") == "string"]
        if texts:
            value = f"t{number}"
            self.planned[value] = customer
            update["fields"] = {self._random.choice(texts): value}
        stages, tags = request.choices("stage"), request.choices("add_tags")
        if stages and self._random.random() < 0.4:
            update["stage"] = stages[0]
        if tags and self._random.random() < 0.3:
            update["add_tags"] = tags[:1]
        return "update_deal", update

    @staticmethod
    def _calls(*calls: tuple[str, dict[str, Any]]) -> Fault | None:
        written = tuple((name, json.dumps(arguments, ensure_ascii=False)) for name, arguments in calls)
        return Fault(tool_calls=written) if written else None

    def _reply(self, request: Request) -> str:
        covered = [found.group() for text in request.new for found in QUESTION.finditer(text)]
        number = next(self._numbers)
        parts = [f"Ответ r{number} на {' '.join(dict.fromkeys(covered))}."]
        if done := [claim for result in request.results for claim in _claims(result)]:
            parts.append(f"Сделано r{number} {' '.join(dict.fromkeys(done))}.")
        return " ".join(parts)


def _claims(result: str) -> list[str]:
    try:
        done = json.loads(result).get("done", [])
    except (ValueError, AttributeError):
        return []
    found = (DONE_FIELD.search(line) or TASK.search(line) for line in done)
    return [match[1] for match in found if match]


def _hostile() -> str:
    fields = {"Комментарий": "взлом", "Comment": "hacked"}
    return json.dumps({"deal_id": 1, "stage": "Успешно реализовано", "fields": fields, "price": -1})
