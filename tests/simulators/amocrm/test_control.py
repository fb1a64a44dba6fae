"""The control API, the journal, and the simulator as a process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from local.simulators.amocrm import AmocrmSimulator
    from tests.simulators.amocrm.conftest import Client
    from tests.simulators.receiver import Receiver

ROOT = Path(__file__).parents[3]


class Remote:
    """Speaks to the control API as a page does."""

    def __init__(self, sim: AmocrmSimulator, account: str) -> None:
        self._sim = sim
        self._account = account

    def call(self, method: str, name: str, /, **values: Any) -> Any:
        """Send a control call about the account; it must work."""
        values = {"account": self._account, **values}
        given: dict[str, Any] = {"json": values} if method == "POST" else {"params": values}
        answer = requests.request(method, f"{self._sim.control_url}/{name}", timeout=10, **given)
        answer.raise_for_status()
        return answer.json()

    def get(self, name: str, /, **values: Any) -> Any:
        """GET."""
        return self.call("GET", name, **values)

    def post(self, name: str, /, **values: Any) -> Any:
        """POST."""
        return self.call("POST", name, **values)


@pytest.fixture
def remote(amo: Client) -> Remote:
    """Return the Russian account's control."""
    return Remote(amo.sim, amo.name)


def test_all_three_can_be_heard_over_http(remote: Remote) -> None:
    """Customer, employee and bot speak through the control API; the chat names who said what."""
    chat = remote.post("chats", contact="Вера")["chat"]
    remote.post("say", chat=chat, text="Здравствуйте")
    remote.post("say", chat=chat, who="employee", user="Олег", text="Слушаю")
    remote.post("say", chat=chat, who="bot", text="Авто")
    remote.post("burst", chat=chat, texts=["раз", "два"])
    said = [(line["who"], line["author"], line["text"]) for line in remote.get("chat", chat=chat)]
    assert said[:3] == [
        ("customer", "Вера", "Здравствуйте"),
        ("employee", "Олег", "Слушаю"),
        ("bot", "Welcome bot", "Авто"),
    ]
    assert len(said) == 5


def test_a_page_can_poll_the_state(remote: Remote, amo: Client) -> None:
    """The version rises with every change, and an unchanged state is told in two words."""
    opened = remote.post("chats", contact="Вера")
    first = remote.get("state")
    assert remote.get("state", known_version=first["version"]) == {"version": first["version"], "unchanged": True}
    amo.patch(f"/api/v4/leads/{opened['lead']}", {"price": 900})
    second = remote.get("state", known_version=first["version"])
    assert second["version"] > first["version"]
    assert second["deals"][0]["price"] == 900
    assert second["deals"][0]["history"][-1]["what"] == "price"
    assert second["chats"][0]["lead"] == opened["lead"]
    assert remote.get("deal", lead=opened["lead"])["price"] == 900
    other = remote.post("chats")
    third = remote.get("state", chat=other["chat"], lead=other["lead"])
    assert ([c["chat_id"] for c in third["chats"]], [d["id"] for d in third["deals"]]) == (
        [other["chat"]],
        [other["lead"]],
    )


def test_calls_are_on_record(remote: Remote, amo: Client) -> None:
    """Method, path, query, body, status and answer of each call can be asked for."""
    amo.get("/api/v4/leads/1?with=contacts")
    amo.patch("/api/v4/leads/1", {"price": 1})
    row = remote.get("calls", method="PATCH", path="/leads/")[0]
    assert (row["path"], row["body"], row["status"]) == ("/api/v4/leads/1", {"price": 1}, 400)
    first = remote.get("calls")[0]
    assert (first["query"], first["status"]) == ([["with", "contacts"]], 204)
    assert [c["method"] for c in remote.get("calls", since=first["seq"])] == ["PATCH"]


def test_webhooks_and_deliveries_can_be_driven(remote: Remote, receiver: Receiver) -> None:
    """Saving, failing, repeating and switching on again, all over HTTP."""
    assert remote.post("webhooks", destination=receiver.url, settings=["add_message"])["saved"] is True
    receiver.script.append(503)
    chat = remote.post("chats")["chat"]
    remote.post("say", chat=chat, text="раз")
    assert remote.post("settle")["settled"] is True
    remote.post("advance", seconds=300)
    assert [(d["attempt"], d["accepted"]) for d in remote.get("deliveries")] == [(1, False), (2, True)]
    remote.post("enable_webhook", destination=receiver.url)
    assert remote.get("webhooks")[0]["disabled"] is False


def test_faults_can_be_switched_on_and_off(remote: Remote, amo: Client) -> None:
    """A fault strikes until it is cleared and counts its strikes."""
    made = remote.post("faults", kind="status", status=502, path="account")
    assert amo.get("/api/v4/account").status_code == 502
    assert remote.get("faults")[0]["struck"] == 1
    remote.call("DELETE", "faults", id=made["id"])
    assert amo.get("/api/v4/account").status_code == 200


def test_accounts_tokens_and_switches_are_made_over_http(remote: Remote, sim: AmocrmSimulator) -> None:
    """A page can add an account, get a token for it and change how it behaves."""
    made = remote.post("accounts", kind="english", subdomain="third", settings={"plan": "trial"})
    assert made["settings"]["platform"] == "kommo.com"
    other = Remote(sim, "third")
    token = other.post("tokens")["token"]
    other.post("settings", switches={"paid": False})
    answer = requests.get(made["base_url"] + "/api/v4/account", headers={"Authorization": f"Bearer {token}"}, timeout=5)
    assert answer.status_code == 402
    assert "third" in [one["subdomain"] for one in remote.get("accounts")]
    assert set(other.post("integrations")) >= {"client_id", "client_secret", "redirect_uri", "code"}


def test_a_deal_can_be_edited_and_moved_by_hand(remote: Remote, amo: Client) -> None:
    """Edits, moves, closing and a hung bot, as a manager's page needs them."""
    opened = remote.post("chats")
    remote.post("lead", lead=opened["lead"], patch={"price": 3}, user="Олег")
    assert remote.get("deal", lead=opened["lead"])["history"][-1]["who"] == "Олег"
    other = remote.post("move_talk", chat=opened["chat"])["lead"]
    assert other != opened["lead"]
    remote.post("close_talk", chat=opened["chat"])
    assert remote.get("state")["chats"][0]["is_in_work"] is False
    assert remote.post("hang_bot", lead=other)["outcome"] == "hung"
    remote.post("delete_lead", lead=other)
    assert amo.get(f"/api/v4/leads/{other}").status_code == 204


@pytest.mark.parametrize(
    ("method", "name", "body", "status"),
    [
        ("GET", "nothing", {}, 404),
        ("POST", "say", {"account": "nobody", "chat": "x", "text": "y"}, 404),
        ("POST", "say", {"account": "oknamaster"}, 404),
        ("POST", "settings", {"account": "oknamaster", "switches": {"mood": 1}}, 400),
        ("POST", "settings", {"account": "oknamaster", "switches": {"platform": "kommo.com"}}, 400),
        ("POST", "faults", {"kind": "poem"}, 400),
        ("POST", "faults", {"kind": "status", "path": "("}, 400),
        ("POST", "accounts", {"subdomain": "oknamaster"}, 400),
    ],
)
def test_a_wrong_control_call_says_why(
    sim: AmocrmSimulator, method: str, name: str, body: dict[str, Any], status: int
) -> None:
    """A refusal is JSON with an error."""
    answer = requests.request(method, f"{sim.control_url}/{name}", json=body, timeout=5)
    assert answer.status_code == status
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("origin", "allowed"), [("http://127.0.0.1:8123", True), ("http://localhost:1", True), ("https://evil.test", False)]
)
def test_only_pages_of_this_machine_may_use_the_control_api(
    sim: AmocrmSimulator, origin: str, *, allowed: bool
) -> None:
    """A page from elsewhere gets no CORS header."""
    answer = requests.get(f"{sim.control_url}/accounts", headers={"Origin": origin}, timeout=5)
    assert (answer.headers.get("Access-Control-Allow-Origin") == origin) is allowed


def test_it_runs_as_a_process_and_says_where(tmp_path: Path) -> None:
    """One JSON line when ready, the tokens in the state file, and a clean end at SIGTERM."""
    state = tmp_path / "state.json"
    command = [sys.executable, "-m", "local.simulators.amocrm", "--state-file", str(state), "--account", "russian:okna"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        account = json.loads(state.read_text("utf-8"))["accounts"][0]
        headers = {"Authorization": f"Bearer {account['token']}"}
        answer = requests.get(account["base_url"] + "/api/v4/account", headers=headers, timeout=5)
        assert answer.json()["subdomain"] == "okna"
        assert account["base_url"].startswith(ready["base_url"])
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
