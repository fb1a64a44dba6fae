"""What a chat-completions request tells: who said what, what the deal holds, which tools there are."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_BLOCK = re.compile(r"⟦([^⟧]*)⟧\n(.*?)\n⟦/⟧", re.DOTALL)
_NOW = re.compile(r"Now: (\d{4}-\d\d-\d\d \d\d:\d\d)")
_CYRILLIC = re.compile(r"[а-яё]", re.IGNORECASE)
_LATIN = re.compile(r"[a-z]", re.IGNORECASE)
_ATTACHED = re.compile(r"\[(picture|voice|audio|video|file|sticker|location|contact)[^\]]*you cannot open it\]")
_EMPTY = "(empty)"


@dataclass(slots=True)
class Request:
    """A request as the stand-in understands it. `tools` maps a tool's name to its JSON schema."""

    tools: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_schema: bool = False
    customer: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    attached: set[str] = field(default_factory=set)
    card: dict[str, str] = field(default_factory=dict)
    results: list[str] = field(default_factory=list)
    last_reply: str = ""
    now: datetime | None = None
    language: str = "en"

    @property
    def fields(self) -> dict[str, dict[str, Any]]:
        """The deal fields that may be set, with their JSON schemas."""
        update = self.tools.get("update_deal", {}).get("properties", {})
        return dict(update.get("fields", {}).get("properties", {}))

    def choices(self, name: str) -> list[str]:
        """Return the values that an argument of update_deal may take: the stages, the tags to add."""
        shape = self.tools.get("update_deal", {}).get("properties", {}).get(name, {})
        return list(shape.get("items", shape).get("enum", []))

    def known(self, name: str) -> str:
        """Return what the deal card holds for a field, an empty text where it holds nothing."""
        value = next((value for key, value in self.card.items() if key.casefold() == name.casefold()), "")
        return "" if value == _EMPTY else value


def read_request(body: dict[str, Any]) -> Request:
    """Return the request's meaning. Text outside fenced blocks that a user sent is a customer's text."""
    request = Request()
    _read_tools(request, body)
    for message in body.get("messages", []):
        content = message.get("content")
        content = content if isinstance(content, str) else ""
        if message.get("role") == "user":
            _read_user(request, content)
        elif message.get("role") == "tool":
            request.results.append(content)
        elif message.get("role") == "assistant" and not message.get("tool_calls") and not _acted(content):
            request.last_reply = content
            request.results.clear()
    request.language = _language(request, body)
    return request


def _acted(content: str) -> bool:
    return content.startswith(('{"actions"', "(I acted"))


def _read_tools(request: Request, body: dict[str, Any]) -> None:
    for tool in body.get("tools") or []:
        request.tools[tool["function"]["name"]] = tool["function"].get("parameters", {})
    response_format = body.get("response_format") or {}
    if response_format.get("type") == "json_schema":
        request.by_schema = True
        schema = response_format.get("json_schema", {}).get("schema", {})
        for action in schema.get("properties", {}).get("actions", {}).get("items", {}).get("anyOf", []):
            properties = action.get("properties", {})
            request.tools[properties["tool"]["enum"][0]] = properties.get("arguments", {})


def _read_user(request: Request, content: str) -> None:
    blocks = _BLOCK.findall(content)
    if not blocks and content.strip():
        request.customer.append(content)
        request.new.append(content)
    for label, text in blocks:
        if label.startswith("customer"):
            request.attached |= set(_ATTACHED.findall(text)) if label.endswith(" new") else set()
            said = _ATTACHED.sub("", text).strip()
            request.customer.append(said)
            if label.endswith(" new"):
                request.new.append(said)
        elif label == "deal":
            request.card = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
        elif label.startswith("result"):
            request.results.append(text)
        elif label == "system note" and (match := _NOW.search(text)):
            request.now = datetime.fromisoformat(match[1])


def _language(request: Request, body: dict[str, Any]) -> str:
    rules = next((m.get("content") or "" for m in body.get("messages", []) if m.get("role") == "system"), "")
    fixed = re.search(r"Reply in the language with the code ([a-z]+)", rules)
    if fixed:
        return "ru" if fixed[1] == "ru" else "en"
    for fewest in (2, 1):  # one foreign word, a brand perhaps, does not change the language of a talk
        for text in reversed(request.customer):
            if len(text.split()) >= fewest and (_CYRILLIC.search(text) or _LATIN.search(text)):
                return "ru" if _CYRILLIC.search(text) else "en"
    return "en"


def done(results: list[str]) -> str:
    """Return what the tool results say was done, as one text."""
    told = []
    for result in results:
        try:
            data = json.loads(result)
        except ValueError:
            data = result
        told.append(str(data.get("done", "")) if isinstance(data, dict) and "done" in data else str(data))
    return "\n".join(told)
