"""One portal of Bitrix24's simulator with everything of ours around it but AWS: webhook's parts, reader, responder."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dealtalk.agent.profile import parse_profile
from dealtalk.connection_store import ConnectionStore, signpost_key
from dealtalk.conversation.intake import Intake
from dealtalk.conversation.rate import Spare
from dealtalk.conversation.state import State, meta_key
from dealtalk.conversation.table import Put
from dealtalk.crm.bitrix24 import inbound
from dealtalk.crm.bitrix24.client import open_crm, open_history
from dealtalk.crm.registry import Opening
from dealtalk.crm.schema_cache import SchemaCache
from dealtalk.ingress.body import decode_body
from dealtalk.ingress.http import Request
from dealtalk.ingress.signatures import sha256_hex
from dealtalk.messages import ConversationKey
from dealtalk.recovery.reading import Reading
from dealtalk.responder import Responder
from dealtalk.services import Services
from local.simulators.forms import encode_form
from tests.contract.crm.bitrix24_world import BOT_TOKEN, NAME, BitrixWorld
from tests.fakes.doorbell import FakeDoorbell
from tests.fakes.model import ScriptedModel
from tests.fakes.table import MemoryTable
from tests.fakes.world import OneProfile, Silence

if TYPE_CHECKING:
    from collections.abc import Callable

    from dealtalk.connections import Connection
    from dealtalk.messages import Chat
    from dealtalk.ports import Crm, History
    from dealtalk.recovery.reading import Read
    from local.simulators.bitrix24 import BitrixSimulator

PROFILE = """
name: Анна
instructions: Помогайте выбрать окна.
works_in: [{pipeline: Продажи}]
changes:
  stages: {Неразобранное: [Квалификация]}
  fields: [{name: Город}]
  tags: {add: [ии]}
  notes: true
handoff: {customer_message: {ru: Передаю ваш вопрос коллеге.}}
"""
NOWHERE = "http://127.0.0.1:9/"


class Office:
    """`says` lets the customer write; the events are lost unless `brings` takes them in; `reads` lets the reader look.

    The bot's events go nowhere and are taken from the simulator's journal, as they were posted.
    """

    def __init__(self, simulator: BitrixSimulator, *, profile: str = PROFILE, **options: Any) -> None:
        self.simulator = simulator
        self.world = BitrixWorld(simulator, options=options)
        self.world.bot.webhook_url, self.world.bot.event_mode = NOWHERE, "webhook"
        self.clock, self.table, self.model, self.watch = self.world.clock, MemoryTable(), ScriptedModel(), Silence()
        self.doorbell = FakeDoorbell(self.clock)
        hashed = {"application_token_sha256": sha256_hex(f"custom{BOT_TOKEN}"), "takeover_source": "poll"}
        connection = self.world.connection(**hashed)
        self.connection = replace(connection, connected_at=datetime(2020, 1, 1, tzinfo=UTC))
        self.connections = ConnectionStore(self.table, self.clock)
        self.connections.save(self.connection)
        self.table.write(Put(signpost_key("bitrix24", self.connection.account), {"connection": self.connection.id}))
        self.intake = Intake(self.table, self.connections, self.doorbell, self.clock)
        self.taken = len(simulator.deliveries(NAME))
        self.responder = Responder(
            Services(
                table=self.table,
                connections=self.connections,
                doorbell=self.doorbell,
                clock=self.clock,
                profiles=OneProfile(parse_profile(profile, source="test.yaml")),
                schemas=SchemaCache(self.table, self.clock),
                open_crm=self._open_crm,
                open_model=lambda _: self.model,
                watch=self.watch,  # type: ignore[arg-type]
            )
        )
        self.reading = Reading(
            table=self.table,
            connections=self.connections,
            intake=self.intake,
            clock=self.clock,
            watch=self.watch,  # type: ignore[arg-type]
            open_history=self._open_history,
        )

    def _opening(self, seconds_left: Callable[[], float]) -> Opening:
        return Opening(self.table, self.world.secrets, self.clock, seconds_left)

    def _open_crm(self, connection: Connection, chat: Chat, seconds_left: Callable[[], float]) -> Crm:
        return open_crm(connection, replace(self._opening(seconds_left), channel=chat.channel))

    def _open_history(self, connection: Connection, seconds_left: Callable[[], float]) -> History:
        spare = Spare(self.table, self.clock, connection)
        return open_history(connection, replace(self._opening(seconds_left), before_call=spare.wait))

    @property
    def state(self) -> State:
        """META of the one chat."""
        key = ConversationKey.of_chat("bitrix24", self.connection.account, self.world.chat_id)
        return State.from_item(key, self.table.items.get(meta_key(key)))

    def says(self, text: str) -> str:
        """Let the customer write."""
        return self.simulator.customer_says(NAME, self.world.chat_id, text)

    def brings(self) -> None:
        """Take in every event that was posted since the last time."""
        self.simulator.settle()
        posted = self.simulator.deliveries(NAME)
        for delivery in posted[self.taken :]:
            raw = encode_form(delivery.body)
            payload, request = decode_body(raw), Request("POST", "key", {}, raw)
            assert inbound.authenticate(self.stored(), request, payload, self.clock.now())
            messages = inbound.parse(self.stored(), payload, self.clock.now()).messages
            if messages:
                self.intake.take(self.stored(), messages)
        self.taken = len(posted)

    def stored(self) -> Connection:
        """Return the connection as the table has it."""
        found = self.connections.load("bitrix24", self.connection.id)
        assert found is not None
        return found

    def reads(self, seconds: float = 100) -> Read:
        """Let the reader catch up, its calls counted from here."""
        end = self.clock.now() + timedelta(seconds=seconds)
        return self.reading.catch_up(self.stored(), (end - self.clock.now()).total_seconds)

    def work(self, seconds: float = 5) -> None:
        """Let time pass, then work off every bell that is due."""
        self.simulator.advance(seconds)
        while (ring := self.doorbell.take()) is not None:
            self.responder.wake(ring, lambda: 80.0)
            self.simulator.advance(1)
