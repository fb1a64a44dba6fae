"""A CRM of one's own from end to end in one process: its simulator, the real webhook, adapter and responder."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from aws_lambda_powertools import Logger, Metrics

from dealtalk.agent.profile import parse_profile
from dealtalk.connection_store import ConnectionStore
from dealtalk.connections import Connection, connection_id
from dealtalk.conversation.intake import Intake
from dealtalk.conversation.rate import Throttle
from dealtalk.conversation.state import State, meta_key
from dealtalk.crm.custom import inbound
from dealtalk.crm.custom.deal_store import DealKeeper
from dealtalk.crm.registry import Opening, open_crm
from dealtalk.crm.schema_cache import SchemaCache
from dealtalk.errors import Retryable
from dealtalk.ingress.signatures import sha256_hex
from dealtalk.ingress.webhook import Webhook
from dealtalk.messages import ConversationKey
from dealtalk.recovery.sweep import Sweeper
from dealtalk.responder import Responder
from dealtalk.services import Services
from local.simulators.clock import ManualClock
from local.simulators.custom import posting
from local.simulators.custom.company import Company, russian_company
from local.simulators.custom.simulator import CustomSimulator
from tests.contract.crm.world import START, GivenSecrets, SimulatorClock
from tests.fakes.doorbell import FakeDoorbell
from tests.fakes.model import ScriptedModel
from tests.fakes.table import MemoryTable
from tests.fakes.world import PROFILE, OneProfile, Silence

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from dealtalk.conversation.rules import Decision
    from dealtalk.messages import Chat
    from dealtalk.ports import Crm

KEY = "the-key-of-the-url"
TOKEN = "the-channels-token"
NAME = "oknamaster"


@dataclass
class Shop:
    """One connected company. Its posts reach the webhook without a socket, as Lambda events."""

    monkeypatch: pytest.MonkeyPatch
    switches: dict[str, Any] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        company = partial(russian_company, subdomain=NAME, **self.switches)
        self.simulator = CustomSimulator([company], clock=ManualClock(START.timestamp()))
        self.company: Company = self.simulator.account(NAME)
        self.clock = SimulatorClock(self.simulator)
        self.table = MemoryTable()
        self.doorbell = FakeDoorbell(self.clock)
        self.model = ScriptedModel()
        self.watch = Silence()
        self.connections = ConnectionStore(self.table, self.clock)
        self.connections.save(self._connection())
        self.responder = Responder(self._services())
        log = Logger(service="custom-flow", logger_handler=logging.StreamHandler(io.StringIO()))
        metrics = Metrics(namespace="Dealtalk", service="custom-flow")
        intake = Intake(self.table, self.connections, self.doorbell, self.clock)
        keep = DealKeeper(self.table, self.clock).keep
        self.webhook = Webhook("custom", inbound, self.connections, intake, log, metrics, self.clock, keep=keep)
        self.monkeypatch.setattr(posting, "_post", self._deliver)
        self.simulator.set_webhook(NAME, f"https://hooks.example.com/custom/{KEY}/", TOKEN)
        chat, deal = self.simulator.open_chat(NAME)
        self.chat, self.deal_id = chat, str(deal)

    def _connection(self) -> Connection:
        return Connection(
            crm="custom",
            id=connection_id(KEY),
            account=NAME,
            api_base=self.simulator.base_url,
            secret="token",
            profile="profiles/test.yaml",
            signing_secret=self.company.settings.signing_secret,
            options={
                "token_sha256": sha256_hex(TOKEN),
                "takeover_source": "webhook",
                "callback_url": self.simulator.callback_url(NAME),
                "supports": self.company.settings.supports,
            },
        )

    def _services(self) -> Services:
        secrets = GivenSecrets({"token": {"token": self.simulator.token(NAME)}})

        def open_(connection: Connection, _chat: Chat, seconds_left: Callable[[], float]) -> Crm:
            throttle = Throttle(self.table, self.clock, connection)
            return open_crm(
                connection, Opening(self.table, secrets, self.clock, seconds_left, before_call=throttle.wait)
            )

        return Services(
            table=self.table,
            connections=self.connections,
            doorbell=self.doorbell,
            clock=self.clock,
            profiles=OneProfile(parse_profile(PROFILE, source="test.yaml")),
            schemas=SchemaCache(self.table, self.clock),
            open_crm=open_,
            open_model=lambda _: self.model,
            watch=cast("Any", self.watch),
        )

    def _deliver(self, company: Company, raw: bytes) -> int:
        hook, secret = company.webhook, company.settings.signing_secret
        assert hook is not None
        path = urlsplit(hook.url).path
        headers = {"Authorization": f"Bearer {hook.token}", "Content-Type": "application/json"}
        if secret is not None:
            headers |= posting.signed(secret, raw, company.clock.now())
        event = {
            "rawPath": path,
            "rawQueryString": "",
            "headers": {name.lower(): value for name, value in headers.items()},
            "requestContext": {"http": {"method": "POST", "path": path}},
            "pathParameters": {"connection": path.removeprefix("/custom/")},
            "body": raw.decode(),
            "isBase64Encoded": False,
        }
        status: int = self.webhook.handle(event, None)["statusCode"]
        self.statuses.append(status)
        return status

    def customer(self, text: str) -> None:
        """Write as the customer, and let the post arrive."""
        self.simulator.customer_says(NAME, self.chat, text)
        self.simulator.settle()

    def employee(self, text: str) -> None:
        """Write as a person of the company."""
        self.simulator.employee_says(NAME, self.chat, text)
        self.simulator.settle()

    def work(self, seconds: float = 5) -> list[Decision | str]:
        """Let time pass, then work off every timer and bell that is due; what rings again is named by its error."""
        self.simulator.advance(seconds)
        Sweeper(self.table, self.doorbell, self.clock).run()
        done: list[Decision | str] = []
        while (ring := self.doorbell.take()) is not None:
            try:
                done.append(self.responder.wake(ring, lambda: 85.0))
            except Retryable as failure:
                done.append(type(failure).__name__)
        return done

    @property
    def replies(self) -> list[str]:
        """What the customer got of the bot."""
        return [line.text for line in self.company.chats[self.chat].lines if line.who == "bot"]

    @property
    def state(self) -> State:
        """META as it is now."""
        conversation = ConversationKey.of_chat("custom", NAME, self.chat)
        return State.from_item(conversation, self.table.items.get(meta_key(conversation)))

    @property
    def card(self) -> dict[str, Any]:
        """The deal as a person sees it."""
        return self.company.card(self.company.deals[self.deal_id])

    def events(self, kind: str | None = None) -> list[str]:
        """Return the kinds of the events that were posted."""
        return [event["event_type"] for event in self.simulator.events(NAME, kind)]
