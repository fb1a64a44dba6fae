"""`make demo` and what it is made of: the scripted dialogue, its judgement, its timeline, its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import requests

from local.demo.__main__ import play
from local.demo.answering import named
from local.demo.children import ChildError, child
from local.demo.dialogue import Script
from local.demo.published import published
from local.demo.screen import Screen
from local.model import Fault
from local.stack import background, stack
from local.stack.paths import PROJECT
from tests.e2e.asking import call, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from local.demo.connecting import ConnectedAccount
    from local.demo.watcher import Watcher
    from local.demo.world import World
    from local.model import EmbeddedModel

pytestmark = pytest.mark.e2e

OUTSIDE_TOOLS_READ = {
    "api",
    "aws_endpoint",
    "region",
    "table",
    "queue_url",
    "dlq_url",
    "functions",
    "model",
    "page",
    "connections",
}


def test_the_demo_plays_its_dialogue_once_and_ends() -> None:
    """One command: stack, simulator, model, connect, dialogue, timeline; status 0, and it says that no AI answered."""
    done = subprocess.run(
        [sys.executable, "-m", "local.demo", "--once"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=without_models(),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not an AI" in done.stderr
    for words in ("здравствуйте", "Продажи / Новый → Продажи / Квалификация", "(empty) → Уфа", "The customer sees:"):
        assert words in done.stdout
    times = [float(line[:6]) for line in done.stdout.splitlines() if line[7:8] == "s" and line[:6].strip()]
    assert times == sorted(times)


def without_models() -> dict[str, str]:
    """Return this environment without a model that somebody has named in it."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("OPENAI_", "DEALTALK_"))}


def test_a_dialogue_that_went_otherwise_is_told(
    watcher: Watcher, model: EmbeddedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model that talks and stores nothing: each thing that is missing is named."""
    model.queue(Fault(text="Здравствуйте!"))
    differences = play(watcher, Screen(), between=0.3)
    assert any("stage" in difference for difference in differences)
    assert any("Город" in difference for difference in differences)
    shown = capsys.readouterr().out
    assert "Not as expected" in shown
    assert all(difference in shown for difference in differences)


def test_a_change_that_nobody_asked_for_is_told(watcher: Watcher, world: World, amocrm: ConnectedAccount) -> None:
    """Whatever else is changed in the deal counts as a difference."""
    script = Script(watcher, amocrm, between=0.2)
    script.play(lambda: None)
    world.control.say(amocrm.subdomain, script.chat, "ещё раз здравствуйте", who="bot")
    assert script.differences() == ["2 replies instead of one"]


def test_the_stack_is_described_for_tools_outside(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """.local/stack.json names all that an outside tool needs, both platforms among it, and goes with the stack."""
    file = tmp_path / "stack.json"
    monkeypatch.setattr(stack, "STACK_FILE", file)
    with published(world, "http://127.0.0.1:1/", in_background=True):
        described = json.loads(file.read_text(encoding="utf-8"))
    assert not file.exists()
    assert described.keys() >= OUTSIDE_TOOLS_READ
    assert described["functions"].keys() >= {"AmocrmWebhook", "Responder", "Redriver", "Sweeper"}
    assert described["model"].keys() == {"base_url", "model"}
    assert len(described["connections"]) == len(world.accounts)
    for connection in described["connections"]:
        assert connection.keys() == {"crm", "key", "account", "webhook_url", "crm_base_url"}
        assert connection["webhook_url"].startswith(described["api"])
        assert connection["key"] in connection["webhook_url"]


def test_make_up_runs_the_demo_without_its_dialogue() -> None:
    """The background process is the one with simulators, model and page."""
    assert background.server() == ["-m", "local.demo.serve"]


@pytest.mark.parametrize(
    ("options", "env", "expected"),
    [
        ((None, None), {}, None),
        ((None, None), {"OPENAI_API_KEY": "k"}, ("https://api.openai.com/v1", "gpt-5-mini", "k")),
        (
            (None, None),
            {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://h/v1/", "DEALTALK_MODEL": "m"},
            ("http://h/v1", "m", "k"),
        ),
        (("http://o/v1", "x"), {"OPENAI_API_KEY": "k", "DEALTALK_MODEL": "m"}, ("http://o/v1", "x", "k")),
        (("http://o/v1", None), {}, ("http://o/v1", "gpt-5-mini", "local")),
    ],
)
def test_options_come_before_the_environment_and_the_stand_in_last(
    options: tuple[str | None, str | None], env: dict[str, str], expected: tuple[str, str, str] | None
) -> None:
    """Who names a model gets that one; nobody names one: the stand-in."""
    chosen = named(*options, env)
    assert (chosen and (chosen.base_url, chosen.model, chosen.api_key)) == expected
    assert chosen is None or "stand-in" not in chosen.said_plainly


def listens(base_url: str) -> bool:
    """Return whether a model answers there."""
    try:
        return call("GET", f"{base_url}/models").status_code == 200
    except requests.ConnectionError:
        return False


def test_a_child_ends_with_who_started_it() -> None:
    """Killed without a chance to clean up, the parent leaves no process behind: its pipe ends."""
    script = (
        "import os, signal\n"
        "from local.demo.children import ChildError, child\n"
        "with child('orphan', 'local.model', '--ready-file', '{ready}') as ready:\n"
        "    print(ready['base_url'], flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    wait_until(lambda: not listens(done.stdout.strip()), "the child's end")


def test_a_child_that_cannot_start_says_where_its_log_is() -> None:
    """A module that does not exist is no silent wait."""
    with pytest.raises(ChildError, match="log"), child("nothing", "local.does_not_exist"):
        pytest.fail("it started")
