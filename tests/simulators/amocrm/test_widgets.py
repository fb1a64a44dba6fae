"""Salesbots that wait in their widget step: the request, the token, and how they are continued."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dealtalk.ingress.body import decode_body
from local.simulators.amocrm import oauth, widgets

if TYPE_CHECKING:
    from local.simulators.amocrm.entities import BotRun
    from tests.simulators.amocrm.conftest import Client

GOTO = {"handler": "goto", "params": {"type": "question", "step": 1}}


@pytest.fixture
def waiting(amo: Client) -> tuple[str, BotRun]:
    """Return a chat whose lead has a bot that waits."""
    chat, lead = amo.sim.open_chat(amo.name)
    with amo.account.lock:
        return chat, widgets.wait(amo.account, int(str(lead)))


def go_on(amo: Client, run: BotRun, body: Any, **options: Any) -> Any:
    """Continue the bot."""
    return amo.post(f"/api/v4/salesbot/{run.bot_id}/continue/{run.id}", body, **options)


def said(amo: Client, chat: str) -> list[str]:
    """Return what our side wrote."""
    return [line.text for line in amo.sim.chat(amo.name, chat) if line.outgoing]


def test_a_continued_bot_says_the_reply_once(amo: Client, waiting: tuple[str, BotRun]) -> None:
    """202, and its next step shows {{json.reply}}, however long; then nothing waits any more: 404."""
    chat, run = waiting
    long = "Окно " * 40
    body = {"data": {"status": "success", "reply": long}, "execute_handlers": [GOTO]}
    assert [go_on(amo, run, body).status_code for _ in range(2)] == [202, 404]
    assert said(amo, chat) == [long]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"data": {"reply": "x"}}, "FieldMissing"),
        ({"data": {"reply": "x"}, "execute_handlers": []}, "TooFew"),
        ({"data": {"reply": "x"}, "execute_handlers": [GOTO] * 11}, "TooMany"),
        ({"execute_handlers": [{"handler": "goto", "params": {"type": "question"}}]}, "FieldMissing"),
        ({"execute_handlers": [{"handler": "show", "params": {"value": "x" * 81}}]}, "TooLong"),
        ({"execute_handlers": [{"handler": "send_external_message", "params": {}}]}, "NotSupportedChoice"),
        ({"data": "x", "execute_handlers": [GOTO]}, "InvalidType"),
        ([], "InvalidType"),
    ],
)
def test_what_the_vendor_refuses_is_refused(amo: Client, waiting: tuple[str, BotRun], body: Any, code: str) -> None:
    """400 with the code that integrators saw; the bot goes on waiting."""
    _, run = waiting
    answer = go_on(amo, run, body)
    assert answer.status_code == 400
    assert answer.json()["validation-errors"][0]["errors"][0]["code"] == code
    assert run.outcome == "waiting"


def test_data_alone_continues_where_the_account_takes_it(amo: Client, waiting: tuple[str, BotRun]) -> None:
    """Integrators disagree about it, so it is a switch."""
    chat, run = waiting
    amo.sim.switch(amo.name, continue_with_data_only=True)
    assert go_on(amo, run, {"data": {"reply": "Семь тысяч"}}).status_code == 202
    assert said(amo, chat) == ["Семь тысяч"]


def test_without_a_token_nobody_continues(amo: Client, waiting: tuple[str, BotRun]) -> None:
    """401."""
    assert go_on(amo, waiting[1], {"execute_handlers": [GOTO]}, token="nobody's").status_code == 401


def test_a_waiting_bot_occupies_its_lead(amo: Client, waiting: tuple[str, BotRun]) -> None:
    """Another launch is answered and dropped."""
    _, run = waiting
    launch = [{"bot_id": run.bot_id, "entity_id": run.entity_id, "entity_type": 2}]
    assert amo.post("/api/v2/salesbot/run", launch).status_code == 202
    assert amo.account.bot_runs[-1].outcome == "dropped"


def test_its_request_can_be_read_in_three_shapes(amo: Client, waiting: tuple[str, BotRun]) -> None:
    """Token and return_url are the same in all of them."""
    with amo.account.lock:
        owner = oauth.add_integration(amo.account, "Dealtalk")
        body = widgets.request(amo.account, waiting[1], owner, "Сколько?")
    read = [decode_body(write(body)) for write in (widgets.as_json, widgets.as_form, widgets.as_form_with_json)]
    assert {each["token"] for each in read} == {body["token"]}
    assert {each["return_url"] for each in read} == {body["return_url"]}
    assert read[1]["data"]["phone"] == "{{contact.phone}}"
