"""The Model port through OpenAI's chat completions, which Azure, Bedrock, vLLM, Ollama and others speak too.

https://platform.openai.com/docs/api-reference/chat/create. Importing this module imports `openai`: the responder alone
does. No error of this module holds a prompt's text, a key or a URL.
"""

from __future__ import annotations

import json
import logging
import re
import time
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import httpx2
import openai

from dealtalk.agent.decisions import decision_format, flattened, read_decision
from dealtalk.agent.profile import Acting
from dealtalk.errors import ModelUnavailable, Permanent
from dealtalk.ports import ModelAnswer, Role, ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dealtalk.ports import PromptMessage, Tool

# At DEBUG the package logs whole requests, prompts included.
logging.getLogger("openai").setLevel(logging.WARNING)

CONNECT_SECONDS = 5.0
LONGEST_CALL = 40.0
"""Seconds, where the deployment does not say otherwise."""

FIRST_SHARE = 0.6
"""The part of a call's time that the first model may use up where there is a fallback."""

SHORTEST_TRY = 1.0
MAX_BODY = 4_000_000
_REASONING = re.compile(r"^\s*<(think|thinking|reasoning)>.*?</\1>", re.DOTALL)
_ADAPTABLE = {"temperature", "max_completion_tokens", "parallel_tool_calls"}


@dataclass(frozen=True, slots=True)
class ModelEndpoint:
    """A model at an OpenAI-compatible base URL (which ends before `/chat/completions`)."""

    base_url: str
    api_key: str
    model: str

    def __repr__(self) -> str:
        return f"ModelEndpoint(model={self.model!r})"


class _Failed(Exception):
    """One endpoint did not answer usefully; another may."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


_clients: dict[tuple[str, str], openai.OpenAI] = {}
_clients_lock = Lock()


def _client(endpoint: ModelEndpoint) -> openai.OpenAI:
    """Return the process's one client of a base URL and key. It never retries by itself."""
    with _clients_lock:
        key = (endpoint.base_url, endpoint.api_key)
        if key not in _clients:
            # A redirect would carry the prompt, which is the customer's words, to a host that nobody named.
            transport = openai.DefaultHttpxClient(follow_redirects=False)
            _clients[key] = openai.OpenAI(
                base_url=endpoint.base_url, api_key=endpoint.api_key, max_retries=0, http_client=transport
            )
        return _clients[key]


class OpenAiModel:
    """A model with its fallbacks, in order: the next is asked on timeout, lost connection, 429, 5xx and nonsense."""

    def __init__(
        self,
        endpoints: Sequence[ModelEndpoint],
        *,
        temperature: float | None = None,
        max_output_tokens: int | None = None,
        acting: str = Acting.TOOLS,
        longest_call: float = LONGEST_CALL,
    ) -> None:
        if not endpoints:
            msg = "a model needs an endpoint"
            raise ValueError(msg)
        self._endpoints = tuple(endpoints)
        self._acting = Acting(acting)
        self._longest_call = longest_call
        self._parameters: dict[str, Any] = {}
        if temperature is not None:
            self._parameters["temperature"] = temperature
        if max_output_tokens is not None:
            self._parameters["max_completion_tokens"] = max_output_tokens
        self._refused: dict[ModelEndpoint, set[str]] = {endpoint: set() for endpoint in endpoints}

    def answer(self, prompt: Sequence[PromptMessage], tools: Sequence[Tool], *, timeout: float) -> ModelAnswer:
        """Return the model's next message within `timeout` seconds (at most `longest_call`), fallback included.

        Raises ModelUnavailable (with `after` where the endpoint named a wait) or Permanent, as the port says.
        """
        deadline = time.monotonic() + min(timeout, self._longest_call)
        failures: list[_Failed] = []
        for index, endpoint in enumerate(self._endpoints):
            left = deadline - time.monotonic()
            if failures and left < SHORTEST_TRY:
                break
            last = index == len(self._endpoints) - 1
            try:
                return self._ask(endpoint, prompt, tools, left if last else left * FIRST_SHARE)
            except _Failed as failure:
                failures.append(failure)
        waits = [failure.after for failure in failures if failure.after is not None]
        reasons = "; ".join(str(failure) for failure in failures)
        msg = f"the model did not answer: {reasons}"
        raise ModelUnavailable(msg, after=min(waits) if waits else None)

    def _ask(
        self, endpoint: ModelEndpoint, prompt: Sequence[PromptMessage], tools: Sequence[Tool], seconds: float
    ) -> ModelAnswer:
        deadline = time.monotonic() + seconds
        request = self._request(endpoint, prompt, tools)
        try:
            body = _complete(endpoint, request, deadline)
        except openai.BadRequestError as error:
            if not self._adapted(endpoint, error):
                raise _refusal(error) from None
            body = _second_try(endpoint, self._request(endpoint, prompt, tools), deadline)
        return self._read(body, endpoint, prompt, tools)

    def _request(
        self, endpoint: ModelEndpoint, prompt: Sequence[PromptMessage], tools: Sequence[Tool]
    ) -> dict[str, Any]:
        request: dict[str, Any] = {"model": endpoint.model}
        refused = self._refused[endpoint]
        for name, value in self._parameters.items():
            if name not in refused:
                request[name] = value
            elif name == "max_completion_tokens":
                request["max_tokens"] = value
        if self._acting is Acting.SCHEMA and tools:
            request["response_format"] = decision_format(tools)
        elif tools:
            request["tools"] = [_tool(tool) for tool in tools]
        flat = self._acting is Acting.SCHEMA or not tools
        messages = flattened(prompt, tools if self._acting is Acting.SCHEMA else ()) if flat else prompt
        request["messages"] = [_message(message) for message in messages]
        return request

    def _adapted(self, endpoint: ModelEndpoint, error: openai.BadRequestError) -> bool:
        """Note a parameter that this endpoint does not take, so that it is left out from now on."""
        body = error.body if isinstance(error.body, dict) else {}
        told = f"{body.get('param') or ''} {body.get('message') or ''}"
        news = {name for name in self._parameters if name in _ADAPTABLE and name in told} - self._refused[endpoint]
        self._refused[endpoint] |= news
        return bool(news)

    def _read(
        self, body: Mapping[str, Any], endpoint: ModelEndpoint, prompt: Sequence[PromptMessage], tools: Sequence[Tool]
    ) -> ModelAnswer:
        choices = body.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        message = choice.get("message") if isinstance(choice, dict) else None
        if not isinstance(message, dict):
            reason = "its answer holds no message"
            raise _Failed(reason)
        content = message.get("content")
        text = _REASONING.sub("", content).strip() if isinstance(content, str) else ""
        turn = sum(1 for earlier in prompt if earlier.role is Role.ASSISTANT)
        calls = tuple(_calls(message.get("tool_calls"), turn)) if tools else ()
        if self._acting is Acting.SCHEMA and tools:
            text, calls = read_decision(text, turn)
        return ModelAnswer(text, calls, _usage(body.get("usage")), endpoint.model)


def _complete(endpoint: ModelEndpoint, request: Mapping[str, Any], deadline: float) -> Mapping[str, Any]:
    """Return the endpoint's JSON answer before the deadline, however slowly it trickles in.

    Raises _Failed, Permanent and openai.BadRequestError.
    """
    left = max(deadline - time.monotonic(), 0.05)
    timeout = openai.Timeout(left, connect=min(CONNECT_SECONDS, left))
    try:
        completions = _client(endpoint).chat.completions.with_streaming_response
        with completions.create(**request, timeout=timeout) as response:
            return _json_within(response.iter_bytes(), deadline)
    except openai.BadRequestError:
        raise
    except openai.APITimeoutError:
        reason = "timeout"
        raise _Failed(reason) from None
    except openai.APIStatusError as error:
        raise _status_failure(error) from None
    except openai.APIConnectionError:
        reason = "no connection"
        raise _Failed(reason) from None
    except openai.OpenAIError:
        reason = "its answer could not be read"
        raise _Failed(reason) from None
    except httpx2.TimeoutException:
        reason = "timeout"
        raise _Failed(reason) from None
    except httpx2.HTTPError:
        reason = "the connection broke"
        raise _Failed(reason) from None


def _second_try(endpoint: ModelEndpoint, request: Mapping[str, Any], deadline: float) -> Mapping[str, Any]:
    try:
        return _complete(endpoint, request, deadline)
    except openai.BadRequestError as error:
        raise _refusal(error) from None


def _json_within(chunks: Iterator[bytes], deadline: float) -> Mapping[str, Any]:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if time.monotonic() > deadline:
            reason = "timeout"
            raise _Failed(reason)
        if len(body) > MAX_BODY:
            reason = "its answer is too large"
            raise _Failed(reason)
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        reason = "its answer is not JSON"
        raise _Failed(reason)
    return data


def _status_failure(error: openai.APIStatusError) -> _Failed | Permanent:
    status = error.status_code
    if status in {408, 409, 425, 429} or status >= 500:  # noqa: PLR2004
        return _Failed(f"status {status}", _retry_after(error.response.headers))
    return _refusal(error)


def _refusal(error: openai.APIStatusError) -> Permanent:
    code = error.code if isinstance(error.code, str) and re.fullmatch(r"[a-z0-9_.]{1,60}", error.code) else None
    return Permanent(
        f"the model endpoint refused the request: status {error.status_code}{f' ({code})' if code else ''}"
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "")
        if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value):
            return float(value) * unit
    return None


def _tool(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _message(message: PromptMessage) -> dict[str, Any]:
    data: dict[str, Any] = {"role": message.role.value, "content": message.content}
    if message.tool_calls:
        data["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
        data["content"] = message.content or None
    if message.tool_call_id is not None:
        data["tool_call_id"] = message.tool_call_id
    return data


def _calls(raw: object, turn: int) -> Iterator[ToolCall]:
    """Yield the well-formed tool calls; an id that is missing or given twice is made up."""
    seen: set[str] = set()
    for index, call in enumerate(raw if isinstance(raw, list) else ()):
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            continue
        arguments = function.get("arguments", "")
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        name = call.get("id")
        name = name if isinstance(name, str) and name and name not in seen else f"call_{turn}_{index}"
        seen.add(name)
        yield ToolCall(name, function["name"], arguments)


def _usage(raw: object) -> Usage:
    usage = raw if isinstance(raw, dict) else {}
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else 0
    return Usage(_count(usage.get("prompt_tokens")), _count(cached), _count(usage.get("completion_tokens")))


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
