"""The main job on the deployed stack: a form-encoded webhook comes in, a reply and deal changes go out."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from dealtalk.connections import Mode
from dealtalk.conversation.state import meta_key
from local.demo.dialogue import Script
from local.demo.story import EventKind
from local.model import Fault
from tests.e2e.asking import wait_until
from tests.e2e.talking import Talk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.demo.connecting import ConnectedAccount
    from local.demo.watcher import Watcher
    from local.demo.world import World
    from local.model import EmbeddedModel
    from local.simulators.amocrm import AmocrmSimulator
    from local.stack import Stack

pytestmark = pytest.mark.e2e

WINDOWS = "Здравствуйте! Нужны окна, 3 штуки, Уфа, пластик"


def wake_ups_came_to(talk: Talk, word: str) -> bool:
    """Return whether a doorbell of the conversation came to this."""
    conversation = talk.account.conversation(talk.chat).id
    return any(word in each.why for each in talk.watcher.wake_ups(conversation))


def test_a_burst_gets_one_reply_and_changes_the_deal(watcher: Watcher, amocrm: ConnectedAccount) -> None:
    """Three short messages: one reply; stage, three fields, tag and one note in the deal; nothing else is touched."""
    script = Script(watcher, amocrm, between=0.3)
    assert script.play(lambda: None)
    assert script.differences() == []


def test_the_webhook_came_as_a_form(simulator: AmocrmSimulator, watcher: Watcher, amocrm: ConnectedAccount) -> None:
    """The simulator delivers form-encoded bodies to the deployed API, which answers 200 within amoCRM's 2 seconds."""
    talk = Talk(watcher, amocrm)
    talk.customer("окна")
    talk.wait_for_replies(1)
    deliveries = [each for each in simulator.deliveries("oknamaster", code="add_message") if each.accepted]
    assert deliveries
    assert max(each.seconds for each in deliveries) < 2


def test_a_webhook_that_comes_twice_gets_one_reply(
    simulator: AmocrmSimulator, watcher: Watcher, amocrm: ConnectedAccount
) -> None:
    """AmoCRM may deliver a message again although we took it: it is stored and answered once."""
    simulator.fault("webhook_duplicate", "oknamaster", count=1)
    talk = Talk(watcher, amocrm)
    before = len(simulator.deliveries("oknamaster", code="add_message"))
    talk.customer(WINDOWS)
    wait_until(lambda: len(simulator.deliveries("oknamaster", code="add_message")) >= before + 2, "two deliveries")
    assert len(talk.wait_for_replies(1)) == 1
    assert talk.state().arrived == 1
    assert len(talk.deal()["notes"]) == 1


def test_a_second_message_is_answered_with_what_is_known(watcher: Watcher, amocrm: ConnectedAccount) -> None:
    """Without outgoing webhooks the bot looks its last reply up and goes on from it; deal fields are filled once."""
    talk = Talk(watcher, amocrm)
    talk.customer(WINDOWS)
    talk.wait_for_replies(1)
    talk.customer("профиль REHAU")
    assert len(talk.wait_for_replies(2)) == 2
    assert talk.deal()["fields"]["Профиль"] == "REHAU"
    cities = [change for change in talk.deal()["history"] if change["what"] == "Город"]
    assert len(cities) == 1


def test_kommo_is_answered_through_the_chats_api(watcher: Watcher, kommo: ConnectedAccount) -> None:
    """The reply goes by talks, its id is known, and its echo is no person."""
    talk = Talk(watcher, kommo)
    talk.customer("Hi! I need vinyl windows, 4 pieces, in Austin")
    (reply,) = talk.wait_for_replies(1)
    assert reply
    (sent,) = [event for event in talk.story() if event.kind is EventKind.REPLY]
    assert "Chats API" in sent.title
    assert talk.deal()["fields"]["Quantity"] == "4"
    assert talk.deal()["stage"] == "Qualification"
    assert talk.state().mode is not Mode.HUMAN
    assert talk.state().unconfirmed is None


def test_an_outgoing_webhook_confirms_what_the_salesbot_sent(watcher: Watcher, telling: ConnectedAccount) -> None:
    """Where amocrm.ru tells of outgoing messages, our own reply is recognised by its text and is no takeover."""
    talk = Talk(watcher, telling)
    talk.customer(WINDOWS)
    talk.wait_for_replies(1)
    wait_until(lambda: talk.state().confirmed > 0, "the echo of the reply")
    assert talk.state().mode is not Mode.HUMAN
    talk.customer("профиль VEKA")
    assert len(talk.wait_for_replies(2)) == 2


def test_a_persons_message_silences_the_bot(watcher: Watcher, kommo: ConnectedAccount) -> None:
    """The person was quicker: the bot says nothing and changes nothing, now and at the customer's next message."""
    talk = Talk(watcher, kommo)
    talk.customer("Hi! I need vinyl windows, 4 pieces, in Austin")
    talk.employee("Hello, Oliver here, I will calculate it myself")
    wait_until(lambda: talk.state().mode is Mode.HUMAN, "the takeover")
    talk.customer("ok, waiting")
    wait_until(lambda: wake_ups_came_to(talk, "a_person_leads"), "the silence")
    talk.wait_for_quiet()
    assert talk.replies() == []
    assert talk.deal()["history"] == []


def test_a_person_is_noticed_without_outgoing_webhooks(watcher: Watcher, amocrm: ConnectedAccount) -> None:
    """Where no webhook tells of it, the bot asks the CRM before its first effect and then says nothing."""
    talk = Talk(watcher, amocrm)
    talk.customer(WINDOWS)
    talk.employee("Это Олег, сам вам посчитаю")
    wait_until(lambda: talk.state().mode is Mode.HUMAN, "the takeover")
    talk.wait_for_quiet()
    assert talk.replies() == []
    assert talk.deal()["stage"] == "Новый"


def test_a_lost_doorbell_is_rung_for_by_the_sweeper(world: World, watcher: Watcher, amocrm: ConnectedAccount) -> None:
    """Under its own role the sweeper finds a conversation whose timer is due, and the bot answers."""
    talk = Talk(watcher, amocrm)
    talk.customer(WINDOWS)
    world.stack.client("sqs").purge_queue(QueueUrl=world.stack.queue_url)
    partition, sort = meta_key(amocrm.conversation(talk.chat))
    world.stack.client("dynamodb").update_item(
        TableName=world.stack.table,
        Key={"pk": {"S": partition}, "sk": {"S": sort}},
        UpdateExpression="SET due_at = :past",
        ExpressionAttributeValues={":past": {"N": "1"}},
    )
    assert talk.replies() == []
    swept = world.stack.client("lambda").invoke(FunctionName=world.stack.functions["Sweeper"], Payload="{}")
    assert "FunctionError" not in swept, swept["Payload"].read()
    assert len(talk.wait_for_replies(1)) == 1


@pytest.fixture
def short_lived(stack: Stack) -> Iterator[None]:
    """Give the responder 25 instead of 90 seconds, which also shortens how long a crash hides a doorbell."""
    functions, name = stack.client("lambda"), stack.functions["Responder"]
    usual = functions.get_function_configuration(FunctionName=name)["Timeout"]
    functions.update_function_configuration(FunctionName=name, Timeout=25)
    yield
    functions.update_function_configuration(FunctionName=name, Timeout=usual)


@pytest.mark.usefixtures("short_lived")
def test_a_killed_worker_is_healed(
    world: World, watcher: Watcher, model: EmbeddedModel, amocrm: ConnectedAccount
) -> None:
    """A responder that dies while the model thinks leaves its doorbell hidden; later it rings again: one reply."""
    talk = Talk(watcher, amocrm)
    asked = len(model.requests)
    model.queue(Fault(delay=10))
    talk.customer(WINDOWS)
    wait_until(lambda: len(model.requests) > asked, "the model's first call")
    assert kill_workers(world.stack, "Responder")
    assert len(talk.wait_for_replies(1, seconds=110)) == 1
    assert talk.deal()["stage"] == "Квалификация"
    assert len(talk.deal()["notes"]) == 1


def kill_workers(stack: Stack, function: str) -> list[int]:
    """Kill the emulator's worker processes of a function of this stack, as a crash would; return their numbers."""
    port = stack.aws_endpoint.rpartition(":")[2]
    mark = f"/emulator-{port}/ministack-lambda-{stack.functions[function]}-"
    listed = subprocess.run(["ps", "-ww", "-eo", "pid=,command="], check=True, capture_output=True, text=True).stdout  # noqa: S607
    workers = [int(line.split()[0]) for line in listed.splitlines() if mark in line]
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    return workers
