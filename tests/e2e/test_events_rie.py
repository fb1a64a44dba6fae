"""Every event of events/ is taken by its function when AWS's own runtime hands it over.

The functions are what `sam build` made, invoked through the runtime interface emulator and client. Their AWS is the
local stack's emulator with a stack that these tests make: on the deployed one its own responder and sweeper would work
on the same conversations at the same moment. The CRM and the model are the simulated ones.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dealtalk.clock import SystemClock
from dealtalk.connection_store import ConnectionStore
from dealtalk.connections import Connection, connection_id
from dealtalk.conversation.doorbell import SqsDoorbell
from dealtalk.conversation.dynamodb import DynamoTable
from dealtalk.conversation.intake import Intake
from dealtalk.conversation.state import TIMELINE, due_shard, meta_key
from dealtalk.conversation.table import Update
from dealtalk.messages import Author, Chat, InboundMessage
from events import amocrm
from events.http_api import KEY
from local.model import EmbeddedModel
from local.rie import Runtime, read_function, running, unavailable
from local.simulators.amocrm.defaults import russian_account
from local.simulators.amocrm.simulator import AmocrmSimulator
from local.stack.emulator import emulator
from local.stack.sam import build_for_here
from tests.bench.aws import Aws, new_aws
from tests.bench.responding import PROFILE, PROFILE_NAME, RUSSIAN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.simulators.amocrm.state import Account
    from local.simulators.clock import Clock

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(unavailable() is not None, reason=unavailable() or "")]

FOLDER = Path(amocrm.__file__).parent
SUBDOMAIN = amocrm.ACCOUNT["subdomain"]
QUESTION = "Здравствуйте! Мне нужно окно."


def event(function: str, name: str) -> Any:
    """Return an event of a file."""
    return json.loads((FOLDER / function / f"{name}.json").read_text(encoding="utf-8"))


def names(function: str) -> list[str]:
    """Return the names of a function's events."""
    return sorted(path.stem for path in (FOLDER / function).glob("*.json"))


@dataclass(frozen=True, slots=True)
class Place:
    """A stack with the account of the events connected to it, and nothing said yet."""

    template: Path
    aws: Aws
    simulator: AmocrmSimulator
    model: EmbeddedModel
    connection: Connection

    @property
    def table(self) -> DynamoTable:
        """The stack's table."""
        return DynamoTable(self.aws.client("dynamodb"), self.aws.name, pause=SystemClock().sleep)

    @contextmanager
    def function(self, name: str) -> Iterator[Runtime]:
        """Run the function with this logical id against the stack."""
        values = {
            "AWS::StackName": self.aws.name,
            "Table": self.aws.name,
            "Bucket": self.aws.name,
            "Queue": self.aws.queue_url,
            "DeadLetterQueue": self.aws.dlq_url,
            "ModelBaseUrl": self.model.base_url,
            "Model": "dealtalk-stand-in",
        }
        with running(read_function(self.template, name, values), self.aws.env) as runtime:
            yield runtime

    def ask(self) -> str:
        """Let the customer of the events ask something just now; return the id of the chat in the simulated CRM."""
        chat_id, lead = self.simulator.open_chat(SUBDOMAIN)
        talk = max(self.simulator.account(SUBDOMAIN).talks.values(), key=lambda each: each.talk_id)
        chat = Chat(amocrm.CHAT, str(talk.talk_id), str(lead), str(talk.contact_id), talk.origin)
        clock = SystemClock()
        doorbell = SqsDoorbell(self.aws.client("sqs"), self.aws.queue_url)
        intake = Intake(self.table, ConnectionStore(self.table, clock), doorbell, clock)
        message = InboundMessage(amocrm.CONVERSATION, chat, "asked-1", Author.CUSTOMER, QUESTION, clock.now())
        intake.take(self.connection, [message])
        return chat_id

    def ours(self, chat_id: str) -> list[str]:
        """Return what the customer got from our side."""
        return [line.text for line in self.simulator.chat(SUBDOMAIN, chat_id) if line.outgoing]

    def said(self) -> list[str]:
        """Return the texts of the conversation as the table holds them."""
        return [item["text"] for item in self.table.newest(amocrm.CONVERSATION.partition, TIMELINE, 100)]

    def doorbells(self) -> list[str]:
        """Take the doorbells that wait in the queue and return their bodies."""
        answer = self.aws.client("sqs").receive_message(QueueUrl=self.aws.queue_url, MaxNumberOfMessages=10)
        return [message["Body"] for message in answer.get("Messages", [])]


def oknaufa(clock: Clock) -> Account:
    """Return the account that the events name."""
    account = russian_account(clock, SUBDOMAIN, requests_per_second=1000, bot_delay=0.0)
    account.id = int(amocrm.ACCOUNT["id"])
    return account


@pytest.fixture(scope="module")
def template() -> Path:
    """Build the functions once."""
    return build_for_here()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Run one emulator for all of them."""
    with emulator(auth=False) as running_at:
        yield running_at


@contextmanager
def new_place(template: Path, endpoint: str) -> Iterator[Place]:
    """Make a stack of its own and connect the account."""
    with ExitStack() as stack:
        model = stack.enter_context(EmbeddedModel())
        simulator = stack.enter_context(AmocrmSimulator([oknaufa]))
        account = simulator.account(SUBDOMAIN)
        aws = new_aws(endpoint)
        aws.put_profile(PROFILE_NAME, PROFILE.format(**RUSSIAN))
        aws.put_secret("model", api_key="none")
        bot = next(iter(account.bots.values()))
        options = {"platform": "amocrm.ru", "subdomain": SUBDOMAIN, "calls_per_second": 1000}
        connection = Connection(
            crm="amocrm",
            id=connection_id(KEY),
            account=amocrm.ACCOUNT["id"],
            api_base=account.base_url,
            secret=aws.put_secret("connections/amocrm/demo", token=simulator.token(SUBDOMAIN)),
            profile=PROFILE_NAME,
            signing_secret=amocrm.WIDGET_SECRET,
            options={**options, "reply_field_id": str(bot.field_id), "bot_id": str(bot.id)},
        )
        place = Place(template, aws, simulator, model, connection)
        ConnectionStore(place.table, SystemClock()).save(connection)
        yield place


@pytest.fixture
def place(template: Path, endpoint: str) -> Iterator[Place]:
    """Make a fresh one for a test."""
    with new_place(template, endpoint) as made:
        yield made


@pytest.fixture(scope="module")
def webhook(template: Path, endpoint: str) -> Iterator[Runtime]:
    """Keep one webhook running for all of its events."""
    with new_place(template, endpoint) as made, made.function("AmocrmWebhook") as runtime:
        yield runtime


@pytest.fixture(scope="module")
def responder(template: Path, endpoint: str) -> Iterator[Runtime]:
    """Keep one responder running for all of its events, with the customer's question in the table."""
    with new_place(template, endpoint) as made, made.function("Responder") as runtime:
        made.ask()
        yield runtime


@pytest.mark.parametrize("name", names("amocrm_webhook"))
def test_the_webhook_takes_every_event(webhook: Runtime, name: str) -> None:
    """200, whatever amoCRM and Kommo post."""
    assert webhook.invoke(event("amocrm_webhook", name))["statusCode"] == 200


@pytest.mark.parametrize("name", names("amocrm_widget"))
def test_the_webhook_takes_every_request_of_a_salesbot(webhook: Runtime, name: str) -> None:
    """200 for what is signed, 401 for what is not."""
    expected = 401 if name in {"forged", "expired"} else 200
    assert webhook.invoke(event("amocrm_widget", name))["statusCode"] == expected


def test_a_webhooks_message_is_stored_and_rings(place: Place) -> None:
    """The text stands in the conversation, and the doorbell is the very one that events/responder/ring.json shows."""
    with place.function("AmocrmWebhook") as webhook:
        webhook.invoke(event("amocrm_webhook", "text"))
        webhook.invoke(event("amocrm_webhook", "text_plain"))
    assert place.said() == ["Здравствуйте! Сколько стоит окно 1300 на 1400 & когда замер? +7 917 000-00-00"]
    assert place.doorbells() == [event("responder", "ring")["Records"][0]["body"]]


@pytest.mark.parametrize("name", names("responder"))
def test_the_responder_takes_every_event(responder: Runtime, name: str) -> None:
    """No doorbell fails."""
    assert responder.invoke(event("responder", name)) == {"batchItemFailures": []}


def test_a_ring_is_answered_in_the_crm(place: Place) -> None:
    """The reply reaches the customer, and the same doorbell a second time changes nothing."""
    chat = place.ask()
    with place.function("Responder") as responder:
        responder.invoke(event("responder", "ring"))
        place.simulator.settle()
        replies = place.ours(chat)
        responder.invoke(event("responder", "ring_third_receive"))
        place.simulator.settle()
    assert len(replies) == 1
    assert place.ours(chat) == replies
    assert place.said() == [QUESTION, *replies]


@pytest.mark.parametrize("name", names("redriver"))
def test_the_redriver_takes_every_event(place: Place, name: str) -> None:
    """The dead doorbell of an unanswered conversation is rung anew."""
    place.ask()
    place.doorbells()
    (record,) = event("responder", "ring")["Records"]
    place.aws.client("sqs").send_message(
        QueueUrl=place.aws.dlq_url, MessageBody=record["body"], MessageGroupId="dead", MessageDeduplicationId="dead"
    )
    with place.function("Redriver") as redriver:
        fates = redriver.invoke(event("redriver", name))
    assert {fate: count for fate, count in fates.items() if count} == {"rung_anew": 1}


@pytest.mark.parametrize("name", names("reconciler"))
def test_the_reconciler_takes_every_event(place: Place, name: str) -> None:
    """Where no account can be read, it says so and ends without an error."""
    with place.function("Reconciler") as reconciler:
        assert reconciler.invoke(event("reconciler", name)).get("stored", 0) == 0


@pytest.mark.parametrize("name", names("sweeper"))
def test_the_sweeper_takes_every_event(place: Place, name: str) -> None:
    """A conversation whose timer is due is rung for."""
    place.ask()
    due = SystemClock().now() - timedelta(minutes=1)
    timer = {"due_at": int(due.timestamp()), "due_shard": due_shard(amocrm.CONVERSATION)}
    place.table.write(Update(meta_key(amocrm.CONVERSATION), timer))
    with place.function("Sweeper") as sweeper:
        assert sweeper.invoke(event("sweeper", name)) == {"due": 1, "rung": 1}


@pytest.mark.parametrize("name", names("retailcrm_poller"))
def test_the_poller_takes_every_event(place: Place, name: str) -> None:
    """Without an account to read it ends at once."""
    with place.function("RetailcrmPoller") as poller:
        assert poller.invoke(event("retailcrm_poller", name)) == {"rounds": 1, "stored": 0, "failed": 0}


def test_the_callback_takes_every_event(place: Place) -> None:
    """200 for the module's own words, 401 for anybody else's."""
    host = "oknaufa.retailcrm.ru"
    connected = Connection("retailcrm", connection_id(KEY), host, f"https://{host}", "s", "p")
    ConnectionStore(place.table, SystemClock()).save(connected)
    with place.function("RetailcrmCallback") as callback:
        statuses = {
            name: callback.invoke(event("retailcrm_callback", name))["statusCode"]
            for name in names("retailcrm_callback")
        }
    assert statuses.pop("wrong_client") == 401
    assert set(statuses.values()) == {200}
