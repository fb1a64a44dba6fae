"""The stand-in model as a server: its paths, its switches, and that it can be started as a program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from local.model import MODEL_NAME, EmbeddedModel

ROOT = Path(__file__).parents[3]


def call(url: str, data: object = None) -> Any:
    """Send a request and return the JSON of its answer."""
    body = None if data is None else json.dumps(data).encode()
    with urlopen(Request(url, data=body, headers={"content-type": "application/json"})) as response:  # noqa: S310  loopback
        return json.loads(response.read())


def test_it_says_what_it_is() -> None:
    """Nobody takes the stand-in for a language model."""
    with EmbeddedModel() as model:
        assert [each["id"] for each in call(f"{model.base_url}/models")["data"]] == [MODEL_NAME]
        assert call(f"{model.base_url}/chat/completions", {"messages": []})["model"] == MODEL_NAME
    assert "stand-in" in MODEL_NAME


def test_the_same_request_gets_the_same_answer() -> None:
    """It is deterministic but for the answer's number."""
    request = {"messages": [{"role": "user", "content": "окна"}]}
    with EmbeddedModel() as model:
        one, two = (call(f"{model.base_url}/chat/completions", request) for _ in range(2))
    assert one["choices"] == two["choices"]
    assert one["usage"] == two["usage"]


def test_faults_can_be_queued_over_http_and_requests_read_back() -> None:
    """A test in another process steers it."""
    with EmbeddedModel() as model:
        root = model.base_url.removesuffix("/v1")
        call(f"{root}/control/faults", [{"status": 503}, {"text": "раз"}, {"tool_calls": [["add_note", "{}"]]}])
        with pytest.raises(HTTPError):
            call(f"{model.base_url}/chat/completions", {"messages": []})
        messages = [
            call(f"{model.base_url}/chat/completions", {"messages": []})["choices"][0]["message"] for _ in range(2)
        ]
        assert messages[0]["content"] == "раз"
        assert messages[1]["tool_calls"][0]["function"] == {"name": "add_note", "arguments": "{}"}
        assert len(call(f"{root}/control/requests")) == 3


@pytest.mark.parametrize("data", [[1], "x"])
def test_a_request_that_is_none_is_refused(data: object) -> None:
    """It answers like an API, not with a lost connection."""
    with EmbeddedModel() as model, pytest.raises(HTTPError) as caught:
        call(f"{model.base_url}/chat/completions", data)
    assert caught.value.code == 400


def test_it_runs_as_a_program(tmp_path: Path) -> None:
    """`python -m local.model` writes its address once it answers, and ends on SIGTERM."""
    ready = tmp_path / "model.json"
    command = [sys.executable, "-m", "local.model", "--port", "0", "--ready-file", str(ready)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "shared")])}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert MODEL_NAME in process.stdout.readline()
        told = json.loads(ready.read_text(encoding="utf-8"))
        assert call(f"{told['base_url']}/models")["data"][0]["id"] == told["model"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
