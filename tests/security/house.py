"""Two connected accounts in one deployment: the real webhook, intake, responder and adapter, logging as on AWS.

In memory are the table, the bells and the time; the accounts live in the simulator, the model says what a test wrote.
"""

from __future__ import annotations

import io
import itertools
import logging
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from aws_lambda_powertools import Logger, Metrics

from dealtalk.agent.profile import Profile, parse_profile
from dealtalk.connection_store import ConnectionStore
from dealtalk.connections import connection_id
from dealtalk.conversation.intake import Intake
from dealtalk.crm.amocrm import inbound
from dealtalk.crm.registry import Opening, open_crm
from dealtalk.crm.reply_ways import ReplyWays
from dealtalk.crm.schema_cache import SchemaCache
from dealtalk.doorbell_handler import DoorbellHandler
from dealtalk.ingress.webhook import Webhook
from dealtalk.recovery.redrive import Redriver
from dealtalk.recovery.sweep import Sweeper
from dealtalk.responder import Responder
from dealtalk.services import Services
from dealtalk.watch import Watch
from local.simulators.amocrm.defaults import russian_account
from tests.contract.crm.amocrm_world import AmocrmWorld, amocrm_simulator
from tests.fakes.doorbell import FakeDoorbell
from tests.fakes.model import ScriptedModel
from tests.fakes.table import MemoryTable
from tests.unit.ingress.fakes import message_form, post

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dealtalk.connections import Connection
    from dealtalk.conversation.doorbell import Ring
    from dealtalk.ingress.events import Inbound
    from dealtalk.messages import Chat
    from dealtalk.ports import Crm, Model
    from dealtalk.recovery.redrive import Fate

PROFILE = """
name: Анна
instructions: Помогайте выбрать окна.
works_in: [{pipeline: Продажи, stages: all}]
changes:
  stages: {Новый: [Квалификация]}
  fields: [{name: Город, policy: overwrite}]
  tasks: {allowed: true}
timing: {quiet_seconds: 0}
takeover: {source: webhook}
"""
_numbers = itertools.count()


@dataclass(slots=True)
class Resident:
    """One connected account: its key, its world in the simulator, its connection and its CRM's way in."""

    key: str
    world: AmocrmWorld
    connection: Connection
    inbound: Inbound = field(default_factory=lambda: cast("Inbound", inbound))

    @property
    def names(self) -> dict[str, str]:
        """The body's account block."""
        return {"account[id]": self.connection.account, "account[subdomain]": self.world.account.subdomain}

    def message(self, text: str, **changes: str | None) -> dict[str, str]:
        """Return a body with a customer's message in this account's chat."""
        chat = self.world.chat
        fields: dict[str, str | None] = {
            "id": f"m-{next(_numbers)}",
            "chat_id": chat.chat_id,
            "talk_id": chat.talk_id,
            "contact_id": chat.contact_id,
            "element_id": chat.deal_id,
            "created_at": str(int(self.world.now().timestamp())),
            "text": text,
        }
        return self.names | message_form(**(fields | changes))


class Context:
    """Lambda's context with a minute left."""

    aws_request_id = "8d0f6b0e-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        """Return a minute."""
        return 60_000


@dataclass
class Queue:
    """What the responder asks of SQS; `visible` keeps the times that were set."""

    visible: list[int] = field(default_factory=list)

    def change_message_visibility(self, **request: Any) -> None:
        """Keep the time."""
        self.visible.append(request["VisibilityTimeout"])


@dataclass
class Profiles:
    """The one profile."""

    profile: Profile = field(default_factory=lambda: parse_profile(PROFILE, source="p.yaml"))
    error: Exception | None = None

    def get(self, _name: str) -> Profile:
        """See `services.Profiles`."""
        if self.error is not None:
            raise self.error
        return self.profile


class House:
    """The deployment."""

    def __init__(self, mine: Resident, strangers: Resident) -> None:
        self.mine, self.strangers = mine, strangers
        self.clock = mine.world.clock
        self.table, self.doorbell = MemoryTable(), FakeDoorbell(self.clock)
        self.connections = ConnectionStore(self.table, self.clock)
        for resident in (mine, strangers):
            self.connections.save(resident.connection)
        self.log, self.said = io.StringIO(), ScriptedModel()
        logger = Logger(
            service=f"house-{next(_numbers)}", logger_handler=logging.StreamHandler(self.log), level="DEBUG"
        )
        self.metrics = Metrics(namespace="Dealtalk", service="house")
        self.model: Model = self.said
        self.queue, self.profiles = Queue(), Profiles()
        self.services = Services(
            table=self.table,
            connections=self.connections,
            doorbell=self.doorbell,
            clock=self.clock,
            profiles=self.profiles,
            schemas=SchemaCache(self.table, self.clock),
            open_crm=self._open,
            open_model=self._model,
            watch=Watch(logger, self.metrics),
        )
        intake = Intake(self.table, self.connections, self.doorbell, self.clock)
        crm, way_in = mine.connection.crm, mine.inbound
        self.webhook = Webhook(crm, way_in, self.connections, intake, logger, self.metrics, self.clock)
        self.responder = Responder(self.services)
        self.bodies: list[str] = []
        self.answers: list[dict[str, Any]] = []

    def post(self, body: Any, key: str | None = None, **changes: Any) -> int:
        """Deliver a body as API Gateway does and return the status."""
        event = post(body, key=self.mine.key if key is None else key)
        answer = self.webhook.handle(event | changes, Context())
        self.answers.append(answer)
        return int(answer["statusCode"])

    def ring(self, ring: Ring, *, receive: int = 1) -> bool:
        """Hand the responder's function one doorbell; whether it was worked off."""
        self.bodies.append(ring.body())
        record = {
            "messageId": "1",
            "receiptHandle": "r",
            "body": ring.body(),
            "attributes": {"ApproximateReceiveCount": str(receive)},
        }
        queue: Any = self.queue
        handler = DoorbellHandler(self.responder, queue, "https://queue")
        failed = handler.handle({"Records": [record]}, Context())["batchItemFailures"]
        self.metrics.flush_metrics()
        return not failed

    def work(self, seconds: float = 5) -> list[bool]:
        """Let time pass, then work off every bell that is due."""
        self.clock.sleep(seconds)
        done = []
        while (ring := self.doorbell.take()) is not None:
            done.append(self.ring(ring))
        return done

    def sweep(self) -> None:
        """Let the sweeper run once."""
        Sweeper(self.table, self.doorbell, self.clock).run()

    def redrive(self, *bodies: str) -> dict[Fate, int]:
        """Let the redriver look at these dead doorbells."""
        fates = Redriver(self.services, Letters(bodies), self.responder.open_turn, lambda: 60).run()
        self.metrics.flush_metrics()
        return fates

    def _open(self, connection: Connection, chat: Chat, seconds_left: Callable[[], float]) -> Crm:
        resident = self.mine if connection.id == self.mine.connection.id else self.strangers
        world = resident.world
        opening = Opening(self.table, world.secrets, self.clock, seconds_left, chat.channel, ReplyWays(self.clock))
        return open_crm(connection, opening)

    def _model(self, _profile: Profile) -> Model:
        return self.model


@dataclass
class Letters:
    """Dead doorbells."""

    bodies: tuple[str, ...]

    def take(self) -> list[tuple[str, str]]:
        """See `redrive.DeadLetters`."""
        return [(str(number), body) for number, body in enumerate(self.bodies)]

    def delete(self, receipt: str) -> None:
        """See `redrive.DeadLetters`."""


@contextmanager
def opened() -> Iterator[House]:
    """Open the house."""
    with amocrm_simulator((russian_account, {}), (russian_account, {"subdomain": "other"})) as simulator:
        first, second = simulator.account("oknamaster"), simulator.account("other")
        yield House(
            resident("key-of-mine-8d1f", AmocrmWorld(simulator, first, second)),
            resident("key-of-strangers-77aa", AmocrmWorld(simulator, second, first)),
        )


def resident(key: str, world: AmocrmWorld) -> Resident:
    """Return an account, connected under `key`."""
    made = world.connection()
    options = {**made.options, "subdomain": world.account.subdomain}
    return Resident(key, world, replace(made, id=connection_id(key), options=options, outgoing_seen=True))
