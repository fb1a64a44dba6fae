"""The real responder as it is composed on AWS, with every call that a turn makes counted.

Real: the composition, the AWS clients (against the emulator), the CRM's adapter (against the simulator), the model's
client (against the stand-in). Set by hand: the time, and what the model says.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any
from unittest import mock

import boto3
from aws_lambda_powertools import Logger, Metrics

from dealtalk.agent.opening import model_opener
from dealtalk.compose import AWS_CALLS, compose
from dealtalk.connections import Connection, connection_id
from dealtalk.conversation.intake import Intake
from dealtalk.doorbell_handler import DoorbellHandler
from dealtalk.messages import Author, Chat, ConversationKey, InboundMessage
from dealtalk.responder import Responder
from dealtalk.settings import Settings
from local.model import MODEL_NAME, EmbeddedModel, Fault
from local.simulators.amocrm.defaults import english_account, russian_account
from local.simulators.amocrm.simulator import AmocrmSimulator
from local.simulators.clock import ManualClock
from tests.bench.aws import Aws, environment, new_aws
from tests.bench.counting import call_line, counted_requests
from tests.contract.crm.world import START, SimulatorClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dealtalk.services import Services
    from local.simulators.amocrm.state import Account
    from tests.bench.counting import Requests

PROFILE = """
name: {name}
instructions: Help the customer.
works_in: [{{pipeline: {pipeline}, stages: [{first}, {second}]}}]
reads: [{text_field}]
changes:
  stages: {{{first}: [{second}]}}
  fields: [{{name: {text_field}, policy: overwrite}}]
  tasks: {{allowed: true}}
  notes: true
timing: {{quiet_seconds: 0}}
budgets:
  messages_per_conversation_per_day: 10000
  tokens_per_conversation_per_day: 1000000000
  tokens_per_day: 1000000000
"""
RUSSIAN = {"name": "Анна", "pipeline": "Продажи", "first": "Новый", "second": "Квалификация", "text_field": "Город"}
ENGLISH = {"name": "Ann", "pipeline": "Sales", "first": "New", "second": "Qualification", "text_field": "City"}
PROFILE_NAME = "profiles/bench.yaml"
PER_BODY = 40
BETWEEN_MESSAGES = 30.0
AFTER_WARMING = 1.0
BEFORE_THE_BELL = 0.01
BOT_DELAY = 0.01
"""Seconds of the hand-set time: a process keeps its profile and the schema for a minute."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a reply goes out.

    `outgoing_seen`: webhooks tell of outgoing messages. `names_lead`: the customer's messages name their lead.
    """

    name: str
    platform: str
    send_order: tuple[str, ...]
    outgoing_seen: bool
    names_lead: bool = True


TALKS = Way("A: talks", "kommo.com", ("talks", "salesbot"), outgoing_seen=True)
TALKS_POLLED = Way("A, employees polled", "kommo.com", ("talks", "salesbot"), outgoing_seen=False)
TALKS_LEAD_UNKNOWN = Way("A, lead found by talk", "kommo.com", ("talks",), outgoing_seen=True, names_lead=False)
SALESBOT = Way("B: Salesbot", "kommo.com", ("salesbot",), outgoing_seen=True)
SALESBOT_POLLED = Way("B, amocrm.ru, polled", "amocrm.ru", ("salesbot",), outgoing_seen=False)
WAYS = (TALKS, TALKS_POLLED, TALKS_LEAD_UNKNOWN, SALESBOT, SALESBOT_POLLED)


@dataclass(frozen=True, slots=True)
class Cost:
    """The calls of one turn: AWS requests by operation, CRM requests by method and path (numbers as *)."""

    aws: Counter[str]
    crm: Counter[str]

    @property
    def totals(self) -> tuple[int, int]:
        """How many requests to AWS, how many to the CRM."""
        return self.aws.total(), self.crm.total()


@dataclass
class Bench:
    """One chat in one account, answered by the real responder."""

    way: Way
    aws: Aws
    simulator: AmocrmSimulator
    model: EmbeddedModel
    requests: Requests
    services: Services
    handler: DoorbellHandler
    connection: Connection
    chat: Chat
    metrics: Metrics
    _warmer: Chat = field(init=False)
    _ids: count[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self._warmer = self.chat
        self.intake = Intake(
            self.services.table, self.services.connections, self.services.doorbell, self.services.clock
        )

    def open_chat(self) -> None:
        """Go on in a new chat with a deal of its own."""
        self.chat = _open_chat(self.way, self.simulator)

    def ask_at_once(self, number: int) -> None:
        """Let the customer write so many messages that nobody answers yet; their doorbells are lost."""
        for batch in range(0, number, PER_BODY):
            texts = [f"line {batch + line}" for line in range(min(PER_BODY, number - batch))]
            self._take([(f"b{next(self._ids)}", text) for text in texts], Author.CUSTOMER)
            self._delete(self._doorbell())

    def warm_turn(self, *, tools: Sequence[tuple[str, str]] = ()) -> Cost:
        """Return the cost of a turn just after one in the first chat, which fills what the process remembers."""
        chat, self.chat = self.chat, self._warmer
        self.turn()
        self.chat = chat
        return self.turn(tools=tools, pause=AFTER_WARMING)

    def turn(self, *, tools: Sequence[tuple[str, str]] = (), pause: float = BETWEEN_MESSAGES) -> Cost:
        """Let the customer write once and the responder answer, first by these tool calls; return what that cost."""
        number = next(self._ids)
        self.simulator.advance(pause)
        self._take([(f"m{number}", f"question {number}")], Author.CUSTOMER)
        if tools:
            self.model.queue(Fault(tool_calls=tuple(tools)))
        self.model.queue(Fault(text=f"answer {number}"))
        self.simulator.advance(BEFORE_THE_BELL)
        record = self._doorbell()
        self.requests.clear()
        seen = len(self.simulator.calls())
        answer = self.handler.handle({"Records": [record]}, LambdaContext())
        self.metrics.clear_metrics()  # as the function's decorator does at the end of an invocation
        cost = Cost(Counter(self.requests), Counter(map(call_line, self.simulator.calls(since=seen))))
        assert answer == {"batchItemFailures": []}
        self._delete(record)
        self._after(number)
        return cost

    def replies(self) -> list[str]:
        """Return what the customer got from our side."""
        lines = self.simulator.chat(self.account.subdomain, self.chat.chat_id)
        return [line.text for line in lines if line.outgoing]

    @property
    def account(self) -> Account:
        """The simulated account."""
        return self.simulator.accounts()[0]

    def _after(self, number: int) -> None:
        """Let a Salesbot run, and let the webhook tell of the reply where the account does so."""
        self.simulator.advance(BOT_DELAY)
        assert self.replies()[-1] == f"answer {number}"
        if self.way.outgoing_seen:
            self._take([(f"e{number}", f"answer {number}")], Author.BOT)

    def _take(self, said: Sequence[tuple[str, str]], author: Author) -> None:
        """Store messages (ids and texts) as the webhook does."""
        conversation = ConversationKey.of_chat("amocrm", self.connection.account, self.chat.chat_id)
        now, outgoing = self.services.clock.now(), author is not Author.CUSTOMER
        messages = [
            InboundMessage(conversation, self.chat, message_id, author, text, now, outgoing=outgoing)
            for message_id, text in said
        ]
        self.intake.take(self.connection, messages)

    def _doorbell(self) -> dict[str, Any]:
        """Take the doorbell from the queue and return it as the event source mapping hands it over."""
        sqs = self.aws.client("sqs")
        (message,) = sqs.receive_message(QueueUrl=self.aws.queue_url, AttributeNames=["All"])["Messages"]
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
        }

    def _delete(self, record: dict[str, Any]) -> None:
        self.aws.client("sqs").delete_message(QueueUrl=self.aws.queue_url, ReceiptHandle=record["receiptHandle"])


class LambdaContext:
    """What the handler asks of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the template's timeout."""
        return 90_000


@contextmanager
def bench(way: Way, endpoint: str) -> Iterator[Bench]:
    """Set everything up for one way of sending, with a stack of its own on the emulator at `endpoint`."""
    with ExitStack() as stack:
        aws = new_aws(endpoint)
        model = stack.enter_context(EmbeddedModel())
        simulator = stack.enter_context(_simulator(way))
        account = simulator.accounts()[0]
        stack.enter_context(environment(aws.env))
        requests = stack.enter_context(counted_requests())
        stack.enter_context(mock.patch("dealtalk.compose.SystemClock", return_value=SimulatorClock(simulator)))
        words = RUSSIAN if way.platform == "amocrm.ru" else ENGLISH
        aws.put_profile(PROFILE_NAME, PROFILE.format(**words))
        settings = _settings(aws, model, aws.put_secret("model", api_key="none"))
        token = aws.put_secret("connections/amocrm/bench", token=simulator.token(account.subdomain))
        metrics = Metrics(namespace="Bench")
        services = compose(settings, Logger(level="CRITICAL"), metrics, partial(model_opener, settings))
        connection = _connection(way, account, token)
        services.connections.save(connection)
        handler = DoorbellHandler(Responder(services), boto3.client("sqs", config=AWS_CALLS), aws.queue_url)
        chat = _open_chat(way, simulator)
        yield Bench(way, aws, simulator, model, requests, services, handler, connection, chat, metrics)


@contextmanager
def _simulator(way: Way) -> Iterator[AmocrmSimulator]:
    make = russian_account if way.platform == "amocrm.ru" else english_account
    account = partial(make, requests_per_second=1_000_000, bot_delay=BOT_DELAY, chat_quota_extra=10_000)
    simulator = AmocrmSimulator([account], clock=ManualClock(START.timestamp()))
    with simulator:
        yield simulator


def _settings(aws: Aws, model: EmbeddedModel, secret: str) -> Settings:
    return Settings.from_env(
        {
            "DEALTALK_TABLE": aws.name,
            "DEALTALK_QUEUE_URL": aws.queue_url,
            "DEALTALK_BUCKET": aws.name,
            "DEALTALK_SECRETS_PREFIX": aws.secrets_prefix,
            "DEALTALK_MODEL_BASE_URL": model.base_url,
            "DEALTALK_MODEL": MODEL_NAME,
            "DEALTALK_MODEL_SECRET": secret,
            "DEALTALK_MAXIMUM_CONCURRENCY": "10",
        }
    )


def _connection(way: Way, account: Account, secret: str) -> Connection:
    bot = next(iter(account.bots.values()))
    return Connection(
        crm="amocrm",
        id=connection_id("bench"),
        account=str(account.id),
        api_base=account.base_url,
        secret=secret,
        profile=PROFILE_NAME,
        outgoing_seen=way.outgoing_seen,
        options={
            "platform": way.platform,
            "subdomain": account.subdomain,
            "send_order": list(way.send_order),
            "reply_field_id": str(bot.field_id),
            "bot_id": str(bot.id),
            "calls_per_second": 1_000_000,
        },
    )


def _open_chat(way: Way, simulator: AmocrmSimulator) -> Chat:
    account = simulator.accounts()[0]
    chat_id, lead = simulator.open_chat(account.subdomain)
    talk = max(account.talks.values(), key=lambda each: each.talk_id)
    deal_id = str(lead) if way.names_lead else None
    return Chat(chat_id, str(talk.talk_id), deal_id, str(talk.contact_id), talk.origin)
