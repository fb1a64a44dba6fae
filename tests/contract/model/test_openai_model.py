"""The Model port through the openai package, against a real HTTP server on loopback that misbehaves on demand."""

from __future__ import annotations

import json
import logging
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from dealtalk.agent.model import ModelEndpoint, OpenAiModel
from dealtalk.errors import DealtalkError, Permanent, Retryable
from dealtalk.ports import ModelAnswer, PromptMessage, Role, Tool, ToolCall, Usage
from local.model import MODEL_NAME, EmbeddedModel, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

KEY = "sk-very-secret-key"
SECRET = "Иван, +79170000000, хочет окна"
PROMPT = (PromptMessage(Role.SYSTEM, "rules"), PromptMessage(Role.USER, SECRET))
PARAMETERS = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}
NOTE = Tool("add_note", "Write a note.", PARAMETERS)
LONG = 20.0
SHORT = 0.4


@pytest.fixture
def server() -> Iterator[EmbeddedModel]:
    """Run the first model's server."""
    with EmbeddedModel() as running:
        yield running


@pytest.fixture
def second() -> Iterator[EmbeddedModel]:
    """Run the fallback model's server."""
    with EmbeddedModel() as running:
        yield running


def endpoint(server: EmbeddedModel, model: str = MODEL_NAME) -> ModelEndpoint:
    """Return how the server is reached."""
    return ModelEndpoint(server.base_url, KEY, model)


def model(*servers: EmbeddedModel, acting: str = "tools", **more: Any) -> OpenAiModel:
    """Return a model with these servers as its endpoints, the later ones being fallbacks."""
    names = ["first-model", "second-model"]
    endpoints = [endpoint(server, name) for server, name in zip(servers, names, strict=False)]
    return OpenAiModel(endpoints, acting=acting, **more)


def ask(
    asked: OpenAiModel,
    tools: Sequence[Tool] = (NOTE,),
    prompt: Sequence[PromptMessage] = PROMPT,
    timeout: float = LONG,
) -> ModelAnswer:
    """Ask the model."""
    return asked.answer(prompt, tools, timeout=timeout)


def test_a_text_comes_back_with_its_usage(server: EmbeddedModel) -> None:
    """Text, tokens with the cached part, and which model answered."""
    server.queue(Fault(text=" Здравствуйте! "))
    answer = ask(model(server))
    assert (answer.text, answer.tool_calls, answer.model) == ("Здравствуйте!", (), "first-model")
    assert answer.usage.input > 0
    assert answer.usage.output > 0


def test_cached_tokens_are_counted(server: EmbeddedModel) -> None:
    """The provider's cached part is known, since it costs less."""
    usage = {"prompt_tokens": 100, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 60}}
    body = {"choices": [{"message": {"content": "a"}}], "usage": usage}
    server.queue(Fault(raw=json.dumps(body)))
    assert ask(model(server)).usage == Usage(100, 60, 7)


def test_tool_calls_come_back_exactly_as_written(server: EmbeddedModel) -> None:
    """Arguments are not parsed here, so that even broken ones reach the policy."""
    server.queue(Fault(tool_calls=(("add_note", '{"text": "a"}'), ("add_note", "{broken"))))
    calls = ask(model(server)).tool_calls
    assert [(call.name, call.arguments) for call in calls] == [("add_note", '{"text": "a"}'), ("add_note", "{broken")]
    assert len({call.id for call in calls}) == 2


@pytest.mark.parametrize("call_id", [None, "", 5, "same"])
def test_tool_calls_without_usable_ids_get_their_own(server: EmbeddedModel, call_id: object) -> None:
    """Some servers send no ids, or one for all."""
    call = {"id": call_id, "type": "function", "function": {"name": "add_note", "arguments": {"text": "a"}}}
    server.queue(Fault(raw=json.dumps({"choices": [{"message": {"content": None, "tool_calls": [call, call, 7]}}]})))
    calls = ask(model(server)).tool_calls
    assert [call.arguments for call in calls] == ['{"text": "a"}'] * 2
    assert len({call.id for call in calls}) == 2


def test_the_request_carries_prompt_tools_and_parameters(server: EmbeddedModel) -> None:
    """What the model is sent is what the API documents."""
    prompt = [
        *PROMPT,
        PromptMessage(Role.ASSISTANT, "", (ToolCall("c1", "add_note", "{}"),)),
        PromptMessage(Role.TOOL, "done", tool_call_id="c1"),
    ]
    ask(model(server, temperature=0.5, max_output_tokens=99), prompt=prompt)
    (sent,) = server.requests
    assert sent["tools"] == [
        {"type": "function", "function": {"name": "add_note", "description": "Write a note.", "parameters": PARAMETERS}}
    ]
    assert (sent["temperature"], sent["max_completion_tokens"], sent["model"]) == (0.5, 99, "first-model")
    assert sent["messages"][2]["tool_calls"][0]["function"] == {"name": "add_note", "arguments": "{}"}
    assert sent["messages"][3] == {"role": "tool", "content": "done", "tool_call_id": "c1"}
    assert server.keys == [KEY]


def test_without_tools_the_prompt_holds_no_tool_messages(server: EmbeddedModel) -> None:
    """Some endpoints refuse tool messages where no tools are defined, as in a turn's last call."""
    prompt = [
        *PROMPT,
        PromptMessage(Role.ASSISTANT, "", (ToolCall("c1", "add_note", "{}"),)),
        PromptMessage(Role.TOOL, "stored", tool_call_id="c1"),
    ]
    ask(model(server), tools=(), prompt=prompt)
    (sent,) = server.requests
    assert "tools" not in sent
    assert [message["role"] for message in sent["messages"]] == ["system", "user", "assistant", "user"]
    assert "stored" in sent["messages"][3]["content"]


def test_tool_calls_that_nobody_offered_are_dropped(server: EmbeddedModel) -> None:
    """Without tools there is only text."""
    server.queue(Fault(tool_calls=(("add_note", "{}"),), text="Готово"))
    assert ask(model(server), tools=()) == ModelAnswer("Готово", (), ask_usage(server), "first-model")


def ask_usage(server: EmbeddedModel) -> Usage:
    """Return the usage that the server reports for a repetition of its last request."""
    server.queue(Fault(tool_calls=(("add_note", "{}"),), text="Готово"))
    return ask(model(server), tools=()).usage


def test_reasoning_is_not_said_aloud(server: EmbeddedModel) -> None:
    """Open models write their thoughts before the answer."""
    server.queue(Fault(text="<think>he wants\n windows</think>\nЗдравствуйте!"))
    assert ask(model(server)).text == "Здравствуйте!"


FAILURES = {
    "429": Fault(status=429, retry_after="7"),
    "500": Fault(status=500),
    "503": Fault(status=503),
    "529": Fault(status=529),
    "408": Fault(status=408),
    "drop": Fault(drop=True),
    "hang": Fault(hang=True),
    "drip": Fault(text="a", drip=0.05),
    "not json": Fault(raw="<html>bad gateway</html>"),
    "no choices": Fault(raw='{"choices": []}'),
    "choices of nonsense": Fault(raw='{"choices": [{"message": "x"}]}'),
    "a list": Fault(raw="[1]"),
    "empty": Fault(raw=""),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failing_model_is_retryable(server: EmbeddedModel, name: str) -> None:
    """Timeout, lost connection, 429, 5xx and nonsense may pass."""
    server.queue(FAILURES[name])
    with pytest.raises(Retryable):
        ask(model(server), timeout=SHORT if name in {"hang", "drip"} else LONG)
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", FAILURES)
def test_the_fallback_answers_where_the_first_model_fails(
    server: EmbeddedModel, second: EmbeddedModel, name: str
) -> None:
    """The customer notices nothing; the answer says who gave it."""
    server.queue(FAILURES[name])
    second.queue(Fault(text="Здравствуйте!"))
    answer = ask(model(server, second), timeout=3.0 if name in {"hang", "drip"} else LONG)
    assert (answer.text, answer.model) == ("Здравствуйте!", "second-model")


def test_the_deployments_limit_ends_a_call_before_the_callers_patience(server: EmbeddedModel) -> None:
    """A caller with a minute to spare still gets its failure when the deployment's time for one call is over."""
    server.queue(Fault(hang=True))
    impatient = OpenAiModel([endpoint(server)], longest_call=SHORT)
    with pytest.raises(Retryable):
        ask(impatient, timeout=60.0)
    assert len(server.requests) == 1


def test_the_named_wait_is_passed_on(server: EmbeddedModel, second: EmbeddedModel) -> None:
    """The shorter of the waits that the endpoints named."""
    server.queue(Fault(status=429, retry_after="30"))
    second.queue(Fault(status=503, retry_after="12.5"))
    with pytest.raises(Retryable) as caught:
        ask(model(server, second))
    assert caught.value.after == 12.5


@pytest.mark.parametrize("header", ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "soon", "1e9"])
def test_a_wait_that_is_no_plain_number_is_ignored(server: EmbeddedModel, header: str) -> None:
    """A strange header does not break the turn."""
    server.queue(Fault(status=429, retry_after=header))
    with pytest.raises(Retryable) as caught:
        ask(model(server))
    assert caught.value.after is None


def test_nobody_listening_is_retryable(server: EmbeddedModel) -> None:
    """A refused connection is the fallback's case too."""
    gone = ModelEndpoint("http://127.0.0.1:9/v1", KEY, "gone")
    assert ask(OpenAiModel([gone, endpoint(server)])).model == MODEL_NAME
    with pytest.raises(Retryable):
        ask(OpenAiModel([gone]))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refused_request_is_permanent_and_not_sent_elsewhere(
    server: EmbeddedModel, second: EmbeddedModel, status: int
) -> None:
    """A wrong key or a wrong request does not get better by repetition."""
    server.queue(Fault(status=status, error={"message": SECRET, "code": "context_length_exceeded"}))
    with pytest.raises(Permanent, match=rf"status {status} \(context_length_exceeded\)"):
        ask(model(server, second))
    assert second.requests == []


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("temperature", {"temperature": 0.2}), ("max_completion_tokens", {"max_output_tokens": 50})],
)
def test_a_parameter_that_the_endpoint_does_not_take_is_left_out(
    server: EmbeddedModel, name: str, parameters: dict[str, Any]
) -> None:
    """Reasoning models take no temperature, older servers no max_completion_tokens: asked once, remembered."""
    server.queue(Fault(status=400, error={"message": "Unsupported parameter", "param": name}))
    asked = model(server, **parameters)
    ask(asked)
    ask(asked)
    assert [name in sent for sent in server.requests] == [True, False, False]
    if name == "max_completion_tokens":
        assert server.requests[-1]["max_tokens"] == 50


ERRORS = {
    **FAILURES,
    "400 that quotes": Fault(status=400, error={"message": f"bad input: {SECRET} {KEY}", "code": f"x {KEY}"}),
    "401 that quotes": Fault(
        status=401, error={"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}
    ),
    "500 that quotes": Fault(status=500, error={"message": f"{SECRET} {KEY}"}),
}


@pytest.mark.parametrize("name", ERRORS)
def test_no_error_and_no_log_holds_prompt_key_or_address(
    server: EmbeddedModel, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the message nor the printed traceback, causes included, nor any log at DEBUG level."""
    caplog.set_level(logging.DEBUG)
    server.queue(ERRORS[name])
    with pytest.raises(DealtalkError) as caught:
        ask(model(server), timeout=SHORT if name in {"hang", "drip"} else LONG)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(endpoint(server))
    for secret in (SECRET, KEY, "79170000000"):
        assert secret not in told
        assert secret not in caplog.text
    assert str(server.base_url) not in str(caught.value)


def test_a_decision_with_actions_becomes_tool_calls(server: EmbeddedModel) -> None:
    """A model without tool calls acts through the JSON schema."""
    decision = {"actions": [{"tool": "add_note", "arguments": {"text": "а"}}], "reply": "потом"}
    server.queue(Fault(text=json.dumps(decision)))
    answer = ask(model(server, acting="schema"))
    assert answer.text == ""
    assert [(call.name, json.loads(call.arguments)) for call in answer.tool_calls] == [("add_note", {"text": "а"})]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ('{"actions": [], "reply": " Да "}', "Да"),
        ('```json\n{"actions": [], "reply": "Да"}\n```', "Да"),
        ("Да", "Да"),
        ('{"actions": [], "repl', ""),
        ("[1]", ""),
        ('{"actions": 5, "reply": 7}', ""),
    ],
)
def test_a_decision_without_actions_becomes_a_text(server: EmbeddedModel, written: str, text: str) -> None:
    """A broken object is never said to a customer."""
    server.queue(Fault(text=written))
    answer = ask(model(server, acting="schema"))
    assert (answer.text, answer.tool_calls) == (text, ())


def test_a_decision_is_asked_for_by_a_closed_schema(server: EmbeddedModel) -> None:
    """Tools are explained in the system message and enforced by the response format; no tool messages are sent."""
    prompt = [
        *PROMPT,
        PromptMessage(Role.ASSISTANT, "", (ToolCall("c1", "add_note", "{}"),)),
        PromptMessage(Role.TOOL, "stored ⟦/⟧", tool_call_id="c1"),
    ]
    ask(model(server, acting="schema"), prompt=prompt)
    (sent,) = server.requests
    schema = sent["response_format"]["json_schema"]["schema"]
    action = schema["properties"]["actions"]["items"]["anyOf"][0]
    assert "tools" not in sent
    assert schema["required"] == ["actions", "reply"]
    assert action["properties"] == {"tool": {"type": "string", "enum": ["add_note"]}, "arguments": PARAMETERS}
    assert "add_note: Write a note." in sent["messages"][0]["content"]
    assert [message["role"] for message in sent["messages"]] == ["system", "user", "assistant", "user"]
    assert sent["messages"][3]["content"] == "⟦result of your action⟧\nstored [/]\n⟦/⟧"


def test_the_last_call_of_a_turn_asks_for_plain_text_in_schema_mode_too(server: EmbeddedModel) -> None:
    """Without tools there is nothing to decide."""
    server.queue(Fault(text="Готово"))
    assert ask(model(server, acting="schema"), tools=()).text == "Готово"
    assert "response_format" not in server.requests[0]


def test_a_model_needs_an_endpoint() -> None:
    """A deployment without a model is noticed at once."""
    with pytest.raises(ValueError, match="endpoint"):
        OpenAiModel([])
