"""One account of amoCRM's simulator with everything of ours around it but AWS: adapter, intake, reader, responder."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dealtalk.agent.profile import parse_profile
from dealtalk.connection_store import ConnectionStore, signpost_key
from dealtalk.conversation.intake import Intake
from dealtalk.conversation.rate import Spare, Throttle
from dealtalk.conversation.state import State, meta_key
from dealtalk.conversation.table import Put
from dealtalk.crm.amocrm import inbound
from dealtalk.crm.amocrm.client import open_crm, open_history
from dealtalk.crm.registry import Opening
from dealtalk.crm.schema_cache import SchemaCache
from dealtalk.messages import ConversationKey
from dealtalk.recovery.reading import Reading
from dealtalk.responder import Responder
from dealtalk.services import Services
from local.simulators.amocrm import chats
from local.simulators.amocrm.settings import Platform
from tests.contract.crm.amocrm_world import AmocrmWorld
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
    from local.simulators.amocrm.entities import ChatLine
    from local.simulators.amocrm.simulator import AmocrmSimulator
    from local.simulators.amocrm.state import Account

PROFILES = {
    Platform.AMOCRM: "name: Анна\ninstructions: Помогайте выбрать окна.\nworks_in: [{pipeline: Продажи}]\n",
    Platform.KOMMO: "name: Anna\ninstructions: Help to book.\nworks_in: [{pipeline: Sales}]\n",
}


class Office:
    """`says` lets the customer write, whose webhook is lost unless `brings` brings it; `reads` lets the reader look."""

    def __init__(self, simulator: AmocrmSimulator, account: Account, stranger: Account, **options: Any) -> None:
        self.simulator, self.account = simulator, account
        self.world = AmocrmWorld(simulator, account, stranger, options)
        self.clock, self.table, self.model, self.watch = self.world.clock, MemoryTable(), ScriptedModel(), Silence()
        self.doorbell = FakeDoorbell(self.clock)
        self.connection = replace(self.world.connection(), connected_at=datetime(2020, 1, 1, tzinfo=UTC))
        self.connections = ConnectionStore(self.table, self.clock)
        self.connections.save(self.connection)
        self.table.write(Put(signpost_key("amocrm", self.connection.account), {"connection": self.connection.id}))
        self.intake = Intake(self.table, self.connections, self.doorbell, self.clock)
        profile = PROFILES[account.settings.platform]
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
        return Opening(self.table, self.world.secrets, self.clock, seconds_left, reply_ways=self.world.ways)

    def _open_crm(self, connection: Connection, chat: Chat, seconds_left: Callable[[], float]) -> Crm:
        throttle = Throttle(self.table, self.clock, connection)
        opening = replace(self._opening(seconds_left), channel=chat.channel, before_call=throttle.wait)
        return open_crm(connection, opening)

    def _open_history(self, connection: Connection, seconds_left: Callable[[], float]) -> History:
        spare = Spare(self.table, self.clock, connection)
        return open_history(connection, replace(self._opening(seconds_left), before_call=spare.wait))

    @property
    def state(self) -> State:
        """META of the one chat."""
        key = ConversationKey.of_chat("amocrm", self.connection.account, self.world.chat_id)
        return State.from_item(key, self.table.items.get(meta_key(key)))

    def says(self, text: str) -> ChatLine:
        """Let the customer write."""
        with self.account.lock:
            return chats.customer_line(self.account, self.world.chat_id, text)

    def brings(self, line: ChatLine) -> None:
        """Let the webhook of a line arrive."""
        with self.account.lock:
            item = chats.message_item(self.account, line)
        texts = {name: value if isinstance(value, dict) else str(value) for name, value in item.items()}
        message = inbound.read_message(self.connection, texts, self.clock.now(), outgoing=line.outgoing)
        assert message is not None
        self.intake.take(self._connection(), [message])

    def _connection(self) -> Connection:
        found = self.connections.load("amocrm", self.connection.id)
        assert found is not None
        return found

    def reads(self, seconds: float = 100) -> Read:
        """Let the reader catch up, its calls counted from here."""
        end = self.clock.now() + timedelta(seconds=seconds)

        def left() -> float:
            return (end - self.clock.now()).total_seconds()

        return self.reading.catch_up(self._connection(), left)

    def rings_again(self) -> None:
        """Ring for the one chat as the sweeper does when its timer is due."""
        state, at = self.state, int(self.clock.now().timestamp())
        self.doorbell.ring(
            state.conversation, connection=self.connection.id, arrival=state.customer_no, dedup=f"{at}", reason="due"
        )

    def work(self, seconds: float = 5) -> None:
        """Let time pass, then work off every bell that is due."""
        self.simulator.advance(seconds)
        while (ring := self.doorbell.take()) is not None:
            self.responder.wake(ring, lambda: 80.0)
            self.simulator.advance(1)
