"""A model's endpoint that leads away or speaks without an end: no prompt goes elsewhere, no worker is held."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dealtalk.agent.model import MAX_BODY, ModelEndpoint, OpenAiModel
from dealtalk.errors import ModelUnavailable, Permanent
from dealtalk.ports import PromptMessage, Role
from tests.security.servers import drip, say, serving

if TYPE_CHECKING:
    from dealtalk.ports import ModelAnswer

PROMPT = (PromptMessage(Role.USER, "мой телефон +7 917 555-01-23"),)
KEY = "sk-pl4nted"
START = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def ask(base: str, timeout: float = 30) -> ModelAnswer:
    """Ask the model behind `base`."""
    return OpenAiModel([ModelEndpoint(f"{base}/v1", KEY, "m")]).answer(PROMPT, (), timeout=timeout)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_a_redirect_carries_no_prompt_to_another_host(status: str) -> None:
    """Neither the key nor the customer's words reach a host that no profile names."""
    with serving(say(b"{}")) as stranger, serving(say(b"", f"Location: {stranger.base}/v1", status=status)) as evil:
        with pytest.raises(Permanent) as refused:
            ask(evil.base)
        assert stranger.heard == []
    assert stranger.base not in str(refused.value)


def test_a_dripping_answer_ends_with_the_calls_time() -> None:
    """However slowly the body comes."""
    with serving(drip(START + b"Content-Length: 100000\r\n\r\n", b" ")) as evil, pytest.raises(ModelUnavailable):
        ask(evil.base, timeout=0.5)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b" " * (MAX_BODY + 1),
        b'{"choices": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
        json.dumps({"choices": [{"message": None}]}).encode(),
        json.dumps({"choices": {"0": KEY}}).encode(),
        b"\xff\xfe",
        b"null",
    ],
    ids=lambda body: repr(body[:30]),
)
def test_an_answer_of_nonsense_quotes_nothing(body: bytes) -> None:
    """It is the model's failure, in words of our own."""
    with serving(say(body, "Content-Type: application/json")) as evil:
        with pytest.raises(ModelUnavailable) as failed:
            ask(evil.base)
        assert KEY not in str(failed.value)
