"""The simulated account refuses what the vendor refuses, in the vendor's words, and records every call."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests

from local.simulators.clock import ManualClock
from local.simulators.retailcrm import RetailcrmSimulator, russian_account

if TYPE_CHECKING:
    from collections.abc import Iterator

SUB = "oknamaster"
SECONDS = 10


@dataclass
class Account:
    """An account with a key, a bot and a chat with an order."""

    simulator: RetailcrmSimulator

    def __post_init__(self) -> None:
        """Make them."""
        self.base = self.simulator.account_url(SUB)
        self.key = self.simulator.api_key(SUB)
        self.bot = self.simulator.register_bot(SUB)
        self.chat, self.order = self.simulator.open_chat(SUB)

    def get(self, path: str, **given: Any) -> requests.Response:
        """Ask API v5."""
        headers = given.pop("headers", {"X-API-KEY": self.key})
        return requests.get(f"{self.base}/api/v5{path}", headers=headers, timeout=SECONDS, **given)

    def post(self, path: str, **given: Any) -> requests.Response:
        """Change something by API v5."""
        return requests.post(f"{self.base}/api/v5{path}", headers={"X-API-KEY": self.key}, timeout=SECONDS, **given)

    def edit(self, order: Any, **form: Any) -> requests.Response:
        """Edit the order."""
        data = {"by": "id", "site": "okna-ufa", "order": json.dumps(order), **form}
        return self.post(f"/orders/{self.order}/edit", data=data)

    def mg(self, method: str, path: str, token: str | None = None, **given: Any) -> requests.Response:
        """Call the MG Bot API."""
        headers = {"X-Bot-Token": self.bot.token if token is None else token}
        url = f"{self.base}/mg/api/bot/v1{path}"
        return requests.request(method, url, headers=headers, timeout=SECONDS, **given)

    def send(self, **changes: Any) -> requests.Response:
        """Send a reply."""
        body = {"type": "text", "scope": "public", "chat_id": int(self.chat), "content": "Добрый день!", **changes}
        return self.mg("POST", "/messages", json=body)


@pytest.fixture
def account() -> Iterator[Account]:
    """Serve an account whose clock stands still."""
    with RetailcrmSimulator([russian_account], clock=ManualClock()) as simulator:
        yield Account(simulator)


@pytest.mark.parametrize(
    ("headers", "words"), [({}, '"apiKey" is missing.'), ({"X-API-KEY": "guessed"}, 'Wrong "apiKey" value.')]
)
def test_a_key_is_asked_for(account: Account, headers: dict[str, str], words: str) -> None:
    """403 with the reason, as an object without success."""
    answer = account.get("/orders", headers=headers)
    assert (answer.status_code, answer.json()) == (403, {"success": False, "errorMsg": words})


def test_a_right_that_the_key_lacks_is_denied(account: Account) -> None:
    """Also where the method exists."""
    key = account.simulator.api_key(SUB, {"order_read"})
    assert account.get("/orders", headers={"X-API-KEY": key}).status_code == 200
    answer = account.get("/customers", headers={"X-API-KEY": key})
    assert (answer.status_code, answer.json()["errorMsg"]) == (403, "Access denied.")


def test_an_account_that_is_nobody_s_answers_with_a_page(account: Account) -> None:
    """No JSON at all."""
    answer = requests.get(f"{account.simulator.base_url}/a/nobody/api/v5/orders", timeout=SECONDS)
    assert answer.status_code == 404
    assert answer.text.startswith("<html>")


@pytest.mark.parametrize("limit", [0, 10, 250, "x"])
def test_a_page_has_one_of_three_sizes(account: Account, limit: object) -> None:
    """20, 50 or 100."""
    answer = account.get("/orders", params={"limit": limit})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["limit"])


def test_more_than_ten_calls_in_a_second_are_too_many(account: Account) -> None:
    """Per key; the next second is free again."""
    statuses = [account.get("/orders").status_code for _ in range(12)]
    assert statuses == [200] * 10 + [503] * 2
    account.simulator.advance(1.1)
    assert account.get("/orders").status_code == 200


@pytest.mark.parametrize(
    ("order", "place"),
    [
        ({"status": "gone"}, "status"),
        ({"orderType": "gone"}, "orderType"),
        ({"managerId": 5}, "managerId"),
        ({"managerComment": 5}, "managerComment"),
        ({"customFields": {"gone": "x"}}, "customFields[gone]"),
        ({"customFields": {"city": 5}}, "customFields[city]"),
        ({"customFields": {"city": "x" * 256}}, "customFields[city]"),
        ({"customFields": {"quantity": "three"}}, "customFields[quantity]"),
        ({"customFields": {"profile": "REHAU"}}, "customFields[profile]"),
        ({"customFields": {"extras": ["sill", "gone"]}}, "customFields[extras]"),
        ({"customFields": {"mounting": "yes"}}, "customFields[mounting]"),
        ({"customFields": {"visit_date": "20.11.2026"}}, "customFields[visit_date]"),
        ({"customFields": {"visit_time": "2026-11-20T15:30:00Z"}}, "customFields[visit_time]"),
        ({"customFields": {"floor": 1.5}}, "customFields[floor]"),
        ({"items": [{"initialPrice": 5}]}, "items[0]"),
        ({"items": "x"}, "items"),
        ({"totalSumm": 5}, "totalSumm"),
    ],
)
def test_an_edit_that_is_wrong_anywhere_changes_nothing(account: Account, order: dict[str, Any], place: str) -> None:
    """The place is named, and what was right in the same edit is not written either."""
    answer = account.edit({"customerComment": "ок", **order})
    assert (answer.status_code, answer.json()["success"]) == (400, False)
    assert place in answer.json()["errors"]
    assert account.simulator.order(SUB, account.order or 0).customer_comment is None


@pytest.mark.parametrize("form", [{"by": "externalId"}, {"site": "other"}])
def test_an_order_is_named_by_id_and_store(account: Account, form: dict[str, str]) -> None:
    """By default the number is another system's."""
    assert account.edit({"status": "new"}, **form).status_code in {400, 404}


def test_a_change_is_a_form_with_json_in_it(account: Account) -> None:
    """Not JSON as a whole."""
    assert account.post(f"/orders/{account.order}/edit", json={"order": {"status": "new"}}).status_code == 400
    answer = account.post(f"/orders/{account.order}/edit", data={"by": "id"})
    assert answer.json()["errorMsg"] == "Parameter 'order' is missing"


def test_custom_fields_that_are_empty_are_a_list(account: Account) -> None:
    """PHP's empty array; with one value it is an object."""
    path = f"/orders/{account.order}"
    assert account.get(path, params={"by": "id"}).json()["order"]["customFields"] == []
    assert account.edit({"customFields": {"city": "Уфа"}}).json() == {"success": True, "id": account.order}
    assert account.get(path, params={"by": "id"}).json()["order"]["customFields"] == {"city": "Уфа"}


@pytest.mark.parametrize("task", [{}, {"text": "x", "datetime": "tomorrow"}, {"text": "x", "performerId": 5}])
def test_a_task_needs_a_text_a_person_and_a_time(account: Account, task: dict[str, Any]) -> None:
    """Everything that is missing is named."""
    answer = account.post("/tasks/create", data={"task": json.dumps(task)})
    assert answer.status_code == 400
    assert "performerId" in answer.json()["errors"]


def test_a_bot_without_a_token_or_with_a_dead_one_is_not_let_in(account: Account) -> None:
    """401 and 403, with a list of texts."""
    assert account.mg("GET", "/messages", token="").status_code == 401
    account.simulator.revoke(SUB, account.bot.token)
    answer = account.mg("GET", "/messages")
    assert answer.status_code == 403
    assert isinstance(answer.json()["errors"], list)


@pytest.mark.parametrize(
    "changes",
    [{"chat_id": 5}, {"chat_id": "x"}, {"content": " "}, {"content": "x" * 4097}, {"scope": "all"}, {"type": "poem"}],
)
def test_a_message_that_cannot_be_sent_is_refused(account: Account, changes: dict[str, Any]) -> None:
    """Nothing reaches the customer."""
    answer = account.send(**changes)
    assert answer.status_code == 400
    assert answer.json()["errors"]
    assert account.simulator.chat(SUB, account.chat) == []


@pytest.mark.parametrize("params", [{"limit": 0}, {"limit": 1001}, {"since_id": "x"}, {"since": "yesterday"}])
def test_a_list_s_bounds_are_checked(account: Account, params: dict[str, Any]) -> None:
    """400 with the name of the bound."""
    assert account.mg("GET", "/messages", params=params).status_code == 400


def test_a_list_after_an_id_is_in_order_and_one_up_to_a_time_is_newest_first(account: Account) -> None:
    """As the vendor's pages say it."""
    ids = [int(account.simulator.customer_says(SUB, account.chat, text)) for text in ("а", "б", "в")]
    after = account.mg("GET", "/messages", params={"since_id": ids[0]}).json()
    assert [row["id"] for row in after] == ids[1:]
    until = account.mg("GET", "/messages", params={"until": "2099-01-01T00:00:00Z", "limit": 2}).json()
    assert [row["id"] for row in until] == ids[:0:-1]


def test_an_old_or_free_dialog_cannot_be_passed_on(account: Account) -> None:
    """In the vendor's words."""
    dialog = account.simulator.account(SUB).chats[int(account.chat)].dialog_ids[-1]
    assert account.mg("PATCH", f"/dialogs/{dialog}/unassign", json={}).json() == {"errors": ["dialog is not assigned"]}
    assert account.mg("PATCH", "/dialogs/5/unassign", json={}).json() == {"errors": ["dialog #5 not found"]}
    account.simulator.close_talk(SUB, account.chat)
    answer = account.mg("PATCH", f"/dialogs/{dialog}/assign", json={"bot_id": account.bot.id})
    assert answer.json() == {"errors": ["dialog is not the latest in the chat"]}


def test_every_call_is_recorded_with_its_answer(account: Account) -> None:
    """What a test asserts on."""
    account.send()
    [call] = account.simulator.calls(SUB, method="POST")
    assert (call.path, call.status, call.body["content"]) == ("/mg/api/bot/v1/messages", 200, "Добрый день!")
    assert set(call.answer) == {"message_id", "time"}
