"""Recovery on the deployed stack: a poisoned conversation's way to a person, and an account whose token was withdrawn.

What would take hours on AWS is shortened by what an operator may do there, and by nothing inside the functions: the
queue's `maxReceiveCount` is set to 1, so that the waits of 5, 20 and 60 s between four receives become one of 5 s; the
alarm is set back by SetAlarmState, AWS's own way to test an alarm, instead of waiting until its last minute is over.
The emulator's gaps are closed by `local/stack/shims`: queue_metrics publishes AWS/SQS, alarm_dimensions judges alarms
by their own metric, alarm_lambda_action runs their Lambda action, embedded_metrics reads the functions' metrics.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from dealtalk.connections import Mode
from dealtalk.recovery.redrive import BUDGET
from local.demo.connecting import ConnectError, dealtalk
from local.model import Fault
from tests.e2e.alarms import dead_letter_alarm, set_back_alarm
from tests.e2e.asking import call, wait_until
from tests.e2e.talking import Talk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.demo.connecting import ConnectedAccount
    from local.demo.watcher import Watcher
    from local.demo.world import World
    from local.model import EmbeddedModel
    from local.simulators.amocrm import AmocrmSimulator
    from local.stack import Stack

pytestmark = pytest.mark.e2e

SOON = 150
PATIENCE = 20.0
"""Seconds that the redriver is given to take a dead doorbell, before the alarm is set back once more."""

POISON = "order number 4711-666"
WINDOWS = "Hi! I need vinyl windows, 4 pieces, in Austin"


@pytest.fixture
def one_receive(stack: Stack) -> Iterator[None]:
    """Let a doorbell die after its first failure instead of its fourth."""
    queue, url = stack.client("sqs"), stack.queue_url
    usual = queue.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]
    once = json.dumps({**json.loads(usual), "maxReceiveCount": 1})
    queue.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": once})
    yield
    queue.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": usual})


def dead_doorbells(stack: Stack, *, taken: bool = True) -> int:
    """Return how many doorbells are in the dead-letter queue, with those that the redriver has taken or without."""
    names = ["ApproximateNumberOfMessages", *(["ApproximateNumberOfMessagesNotVisible"] if taken else [])]
    found = stack.client("sqs").get_queue_attributes(QueueUrl=stack.dlq_url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def let_the_alarm_ring(stack: Stack, is_done: Callable[[], bool], what: str) -> None:
    """Wait until a dead doorbell has let the alarm call the redriver; an alarm that rings already is set back.

    It may rest again by the time at which the redriver has done its work: what counts is that it was seen ringing.
    """
    set_back, rang = -PATIENCE, False

    def done() -> bool:
        nonlocal set_back, rang
        rings = dead_letter_alarm(stack)["StateValue"] == "ALARM"
        rang = rang or rings
        if is_done():
            return True
        if rings and dead_doorbells(stack, taken=False) and time.monotonic() - set_back > PATIENCE:
            set_back = time.monotonic()
            set_back_alarm(stack)
        return False

    wait_until(done, what, SOON)
    assert rang


def counted(stack: Stack, metric: str, since: datetime) -> float:
    """Return the sum of a metric of amoCRM's and Kommo's since then."""
    found = stack.client("cloudwatch").get_metric_statistics(
        Namespace="Dealtalk",
        MetricName=metric,
        Dimensions=[
            {"Name": "crm", "Value": "amocrm"},
            {"Name": "service", "Value": stack.secrets_prefix.removeprefix("dealtalk/")},
        ],
        StartTime=since,
        EndTime=datetime.now(UTC) + timedelta(minutes=1),
        Period=60,
        Statistics=["Sum"],
    )
    return float(sum(point["Sum"] for point in found["Datapoints"]))


@pytest.mark.usefixtures("one_receive")
def test_a_poisoned_conversation_ends_with_a_person(
    stack: Stack, watcher: Watcher, model: EmbeddedModel, kommo: ConnectedAccount
) -> None:
    """Dead doorbell, alarm, redriver, anew: twice; then note, task, paused bot and an empty queue; others go on."""
    poisoned, neighbour = Talk(watcher, kommo), Talk(watcher, kommo)
    with model.poisoned(POISON, Fault(status=500)):
        poisoned.customer(f"Where is {POISON}?")
        for chance in range(1, BUDGET + 1):
            let_the_alarm_ring(stack, lambda n=chance: poisoned.state().redrives >= n, f"chance {chance}")  # type: ignore[misc]
            assert poisoned.deal()["tasks"] == []
        neighbour.customer(WINDOWS)
        let_the_alarm_ring(stack, lambda: poisoned.state().mode is Mode.HUMAN, "a person")
        assert len(neighbour.wait_for_replies(1, SOON)) == 1
    (task,) = poisoned.deal()["tasks"]
    (note,) = poisoned.deal()["notes"]
    assert "failed several times" in task["text"]
    assert "failed several times" in note["text"]
    assert not poisoned.state().is_waiting
    wait_until(lambda: dead_doorbells(stack) == 0, "an empty dead-letter queue", SOON)
    assert poisoned.deal()["stage"] == "New"


@pytest.fixture
def withdrawn(simulator: AmocrmSimulator, world: World, kommo: ConnectedAccount) -> Iterator[None]:
    """Withdraw the account's tokens; connect it again at the end, whatever happened."""
    account = simulator.account(kommo.subdomain)
    with account.lock:
        account.tokens.clear()
    yield
    reconnect(world, kommo)


def reconnect(world: World, account: ConnectedAccount) -> dict[str, Any]:
    """Connect the account again with a new token, as a person would, and return what the command said."""
    (known,) = [each for each in world.control.accounts() if each["subdomain"] == account.subdomain]
    words = (("connect", "amocrm", "--json", "--yes"), *world.crm.connect_words(known))
    return dealtalk(world.stack, *words, secrets=world.crm.secrets(world.control.token(account.subdomain)))


def late_message(account: ConnectedAccount, talk: Talk, hours: float) -> None:
    """Deliver a message that the customer wrote so many hours ago, as a CRM does whose webhooks were held up."""
    fields = {
        "id": f"late-{talk.chat}",
        "chat_id": talk.chat,
        "text": "Is anybody there?",
        "created_at": str(int(time.time() - hours * 3600)),
        "element_type": "2",
        "element_id": str(talk.deal_id),
        "type": "incoming",
        "author][type": "external",
    }
    form = {f"message[add][0][{name}]": value for name, value in fields.items()}
    names = {"account[id]": account.account, "account[subdomain]": account.subdomain}
    answer = call("POST", account.webhook_url, urlencode(names | form).encode(), "application/x-www-form-urlencoded")
    assert answer.status_code == 200


@pytest.mark.usefixtures("withdrawn")
def test_an_account_whose_token_was_withdrawn_waits_and_is_answered_after_the_reconnect(
    world: World, watcher: Watcher, kommo: ConnectedAccount
) -> None:
    """One alarm, a doctor with advice, messages that wait; then the young are answered, the old go to a person."""
    since, stack = datetime.now(UTC), world.stack
    talks = [Talk(watcher, kommo) for _ in range(2)]
    late = Talk(watcher, kommo)
    for talk in talks:
        talk.customer(WINDOWS)
    late_message(kommo, late, hours=20)
    for talk in (*talks, late):
        wait_until(lambda each=talk: rests(each), "the timer of a conversation that waits", SOON)  # type: ignore[misc]
    assert counted(stack, "NeedsAttention", since) == 1
    assert all(talk.state().is_waiting and talk.replies() == [] for talk in talks)
    with pytest.raises(ConnectError, match=r"doctor failed \(1\)") as refused:
        dealtalk(stack, ("doctor", "--json", "--connection", kommo.subdomain))
    assert "needs attention: " in str(refused.value)
    assert "Repair what stands above first." in str(refused.value)

    said = reconnect(world, kommo)
    assert [step for step in said["done"] if " conversations wait, the oldest question since " in step]
    swept = stack.client("lambda").invoke(FunctionName=stack.functions["Sweeper"], Payload="{}")
    assert "FunctionError" not in swept, swept["Payload"].read()
    for talk in talks:
        assert len(talk.wait_for_replies(1, SOON)) == 1
    wait_until(lambda: late.state().mode is Mode.HUMAN, "a person for the late message", SOON)
    assert late.replies() == []
    assert (len(late.deal()["tasks"]), len(late.deal()["notes"])) == (1, 1)


def rests(talk: Talk) -> bool:
    """Return whether a wake-up has found the connection broken and set the conversation's timer far ahead."""
    state = talk.state()
    return state.due_at is not None and state.due_at - time.time() > 5 * 60
