"""HubSpot from end to end in one process: its simulator, the real webhook, adapter and responder, a scripted model."""

from __future__ import annotations

import base64
import io
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from aws_lambda_powertools import Logger, Metrics

from dealtalk.agent.profile import parse_profile
from dealtalk.connection_store import ConnectionStore
from dealtalk.connections import Connection, connection_id
from dealtalk.conversation.intake import Intake
from dealtalk.conversation.rate import Throttle
from dealtalk.conversation.state import State, meta_key
from dealtalk.crm.hubspot import inbound
from dealtalk.crm.registry import Opening, open_crm
from dealtalk.crm.schema_cache import SchemaCache
from dealtalk.ingress.body import decode_list
from dealtalk.ingress.webhook import Webhook
from dealtalk.messages import ConversationKey
from dealtalk.recovery.sweep import Sweeper
from dealtalk.responder import Responder
from dealtalk.services import Services
from local.simulators.hubspot import delivery, russian_portal
from local.simulators.hubspot.cards import TAGS
from tests.contract.crm.hubspot_world import hubspot_simulator
from tests.contract.crm.world import GivenSecrets, SimulatorClock
from tests.fakes.doorbell import FakeDoorbell
from tests.fakes.model import ScriptedModel
from tests.fakes.table import MemoryTable
from tests.fakes.world import PROFILE, OneProfile, Silence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    from dealtalk.conversation.rules import Decision
    from dealtalk.messages import Chat
    from dealtalk.ports import Crm

KEY = "the-key-of-the-url"
HOST = "https://hooks.example.com"
NAME = "oknamaster"


@dataclass
class Desk:
    """One connected portal. The simulator's deliveries reach the webhook without a socket, as Lambda events."""

    monkeypatch: pytest.MonkeyPatch
    switches: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    profile: str = PROFILE

    def __post_init__(self) -> None:
        self.simulator = hubspot_simulator((russian_portal, self.switches))
        self.portal = self.simulator.account(NAME)
        self.clock = SimulatorClock(self.simulator)
        self.table = MemoryTable()
        self.doorbell = FakeDoorbell(self.clock)
        self.model = ScriptedModel()
        self.watch = Silence()
        self.connections = ConnectionStore(self.table, self.clock)
        self.secrets = GivenSecrets({"token": {"token": self.simulator.token(NAME)}})
        self.connections.save(self._connection())
        self.intake = Intake(self.table, self.connections, self.doorbell, self.clock)
        self.schemas = SchemaCache(self.table, self.clock)
        self.webhook = self._webhook()
        self.responder = Responder(self._services())
        self.monkeypatch.setattr(delivery, "_post", self._deliver)
        self.simulator.subscribe(NAME, f"{HOST}/hubspot/{KEY}/")
        self.thread, self.deal_id = self.simulator.open_chat(NAME)

    def _connection(self) -> Connection:
        app, bot = self.portal.app, str(max(self.portal.users))
        own = {"public_url": f"{HOST}/hubspot/{{key}}/", "app_id": str(app.id), "bot_user_id": bot}
        more = {"tags_property": TAGS, "pipeline_ids": ["default"], "takeover_source": "webhook"}
        return Connection(
            crm="hubspot",
            id=connection_id(KEY),
            account=str(self.portal.id),
            api_base=self.portal.base_url,
            secret="token",
            profile="profiles/test.yaml",
            signing_secret=app.client_secret,
            options={**own, **more, "calls_per_second": 9, **self.options},
        )

    def _webhook(self) -> Webhook:
        log = Logger(service="hubspot-flow", logger_handler=logging.StreamHandler(io.StringIO()))
        metrics = Metrics(namespace="Dealtalk", service="hubspot-flow")
        found = self.connections
        return Webhook("hubspot", inbound, found, self.intake, log, metrics, self.clock, decode=decode_list)

    def _services(self) -> Services:
        def open_(connection: Connection, _chat: Chat, seconds_left: Callable[[], float]) -> Crm:
            opening = Opening(
                cast("Any", self.table),
                self.secrets,
                self.clock,
                seconds_left,
                before_call=Throttle(self.table, self.clock, connection).wait,
                known_schema=lambda: self.schemas.known(connection),
            )
            return open_crm(connection, opening)

        return Services(
            table=self.table,
            connections=self.connections,
            doorbell=self.doorbell,
            clock=self.clock,
            profiles=OneProfile(parse_profile(self.profile, source="test.yaml")),
            schemas=self.schemas,
            open_crm=open_,
            open_model=lambda _: self.model,
            watch=cast("Any", self.watch),
        )

    def _deliver(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        path = urlsplit(url).path
        event = {
            "rawPath": path,
            "rawQueryString": "",
            "headers": {name.lower(): value for name, value in headers.items()},
            "requestContext": {"http": {"method": "POST", "path": path}},
            "pathParameters": {"connection": path.removeprefix("/hubspot/")},
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
        }
        status: int = self.webhook.handle(event, None)["statusCode"]
        return status

    def customer(self, text: str) -> None:
        """Write as the visitor, and let the delivery arrive."""
        self.simulator.customer_says(NAME, self.thread, text)
        self.arrive()

    def employee(self, text: str) -> None:
        """Write as a person of the company."""
        self.simulator.employee_says(NAME, self.thread, text)
        self.arrive()

    def comment(self, text: str) -> None:
        """Write an internal comment."""
        self.simulator.comment(NAME, self.thread, text)
        self.arrive()

    def arrive(self) -> None:
        """Let what was gathered be delivered."""
        self.simulator.advance(0.1)

    def work(self, seconds: float = 5) -> list[Decision]:
        """Let time pass, then work off every timer and bell that is due; echoes arrive meanwhile."""
        self.simulator.advance(seconds)
        Sweeper(self.table, self.doorbell, self.clock).run()
        return list(self._rings())

    def _rings(self) -> Iterator[Decision]:
        while (ring := self.doorbell.take()) is not None:
            yield self.responder.wake(ring, lambda: 85.0)
            self.arrive()

    @property
    def replies(self) -> list[str]:
        """What the visitor got of the bot."""
        lines = self.simulator.chat(NAME, self.thread)
        return [str(line["text"]) for line in lines if line["outgoing"] and line["via"] == "app"]

    @property
    def state(self) -> State:
        """META as it is now."""
        conversation = ConversationKey.of_chat("hubspot", str(self.portal.id), self.thread)
        return State.from_item(conversation, self.table.items.get(meta_key(conversation)))

    @property
    def card(self) -> dict[str, Any]:
        """The deal as a person sees it."""
        assert self.deal_id is not None
        return self.simulator.deal_card(NAME, self.deal_id)

    def calls(self, since: int = 0) -> list[str]:
        """Return method and path of the calls after the first `since`."""
        return [f"{call.method} {call.path}" for call in self.simulator.calls(NAME, since=since)]

    def moment(self) -> datetime:
        """Return the time."""
        return datetime.fromtimestamp(self.simulator.clock.now(), UTC)
