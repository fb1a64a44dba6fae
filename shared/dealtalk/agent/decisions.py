"""Acting without tool calls: the model writes one JSON object of actions and a reply, enforced by a JSON schema.

Follows https://platform.openai.com/docs/guides/structured-outputs (`response_format` of type `json_schema`), which
vLLM, llama.cpp and Ollama enforce by a grammar.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from dealtalk.ports import PromptMessage, Role, ToolCall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dealtalk.ports import Tool

MAX_ACTIONS = 8
_CODE_FENCE = re.compile(r"\A```[a-zA-Z]*\s*(.*?)\s*```\Z", re.DOTALL)
_HOW = (
    "# How you act\n"
    "Answer with one JSON object: `actions`, a list of {tool, arguments}, and `reply`, a text. To act, list actions "
    "and leave `reply` empty: you are asked again with their results. To reply, leave `actions` empty. The tools are:"
)


def decision_format(tools: Sequence[Tool]) -> dict[str, Any]:
    """Return the `response_format` that allows these tools' actions and a reply."""
    actions = [
        {
            "type": "object",
            "properties": {"tool": {"type": "string", "enum": [tool.name]}, "arguments": dict(tool.parameters)},
            "required": ["tool", "arguments"],
            "additionalProperties": False,
        }
        for tool in tools
    ]
    schema = {
        "type": "object",
        "properties": {
            "actions": {"type": "array", "maxItems": MAX_ACTIONS, "items": {"anyOf": actions}},
            "reply": {"type": "string"},
        },
        "required": ["actions", "reply"],
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "decision", "schema": schema}}


def flattened(prompt: Sequence[PromptMessage], tools: Sequence[Tool] = ()) -> list[PromptMessage]:
    """Return the prompt without tool messages, for a model or a call that knows no tools.

    What was called and what came of it is told in words; `tools`, where given, are explained in the system message.
    """
    flat: list[PromptMessage] = []
    for message in prompt:
        if message.role is Role.TOOL:
            _append(flat, Role.USER, f"⟦result of your action⟧\n{_unfenced(message.content)}\n⟦/⟧")
        elif message.tool_calls:
            actions = [{"tool": call.name, "arguments": call.arguments} for call in message.tool_calls]
            told = json.dumps({"actions": actions, "reply": ""}, ensure_ascii=False)
            _append(flat, Role.ASSISTANT, told if tools else f"(I acted: {told})")
        else:
            _append(flat, message.role, message.content)
    if tools and flat and flat[0].role is Role.SYSTEM:
        lines = [f"- {tool.name}: {tool.description}" for tool in tools]
        flat[0] = PromptMessage(Role.SYSTEM, "\n".join([flat[0].content, "", _HOW, *lines]))
    return flat


def _append(flat: list[PromptMessage], role: Role, content: str) -> None:
    if flat and flat[-1].role is role:
        flat[-1] = PromptMessage(role, f"{flat[-1].content}\n{content}")
    else:
        flat.append(PromptMessage(role, content))


def _unfenced(text: str) -> str:
    return text.replace("⟦", "[").replace("⟧", "]")


def read_decision(text: str, turn: int) -> tuple[str, tuple[ToolCall, ...]]:
    """Return the reply and the actions of a decision; with actions the reply is left out.

    A text that is no JSON object is a reply; a broken object is nothing to say.
    """
    fenced = _CODE_FENCE.fullmatch(text)
    text = fenced[1] if fenced else text
    try:
        decision = json.loads(text)
    except (ValueError, RecursionError):
        return ("" if text.startswith(("{", "[")) else text), ()
    if not isinstance(decision, dict):
        return "", ()
    listed = decision.get("actions")
    calls = tuple(
        ToolCall(f"act_{turn}_{index}", action["tool"], json.dumps(action.get("arguments") or {}, ensure_ascii=False))
        for index, action in enumerate(listed if isinstance(listed, list) else ())
        if isinstance(action, dict) and isinstance(action.get("tool"), str)
    )
    reply = decision.get("reply")
    return (reply.strip() if isinstance(reply, str) and not calls else ""), calls
