"""One account of RetailCRM and all that works for it: the real poller, responder and adapter on the simulator.

In memory are the table, the bells and the time; the model says what a test wrote.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dealtalk.agent.profile import parse_profile
from dealtalk.connection_store import ConnectionStore, signpost_key
from dealtalk.connections import connection_id
from dealtalk.conversation.intake import Intake
from dealtalk.conversation.state import State, meta_key
from dealtalk.conversation.table import Put
from dealtalk.crm.registry import open_crm, open_history
from dealtalk.crm.schema_cache import SchemaCache
from dealtalk.errors import Retryable
from dealtalk.messages import ConversationKey
from dealtalk.recovery.polling import Poller
from dealtalk.recovery.reading import Reading
from dealtalk.responder import Responder
from dealtalk.services import Services
from tests.fakes.doorbell import FakeDoorbell
from tests.fakes.model import ScriptedModel
from tests.fakes.table import MemoryTable
from tests.fakes.world import OneProfile, Silence

if TYPE_CHECKING:
    from collections.abc import Callable

    from dealtalk.connections import Connection
    from dealtalk.conversation.doorbell import Ring
    from dealtalk.messages import Chat
    from dealtalk.ports import Crm, History
    from tests.contract.crm.retailcrm_world import RetailcrmWorld

PROFILE = """
name: Анна
instructions: Помогайте выбрать окна.
works_in: [{pipeline: Продажи, stages: all}]
changes:
  stages: {Неразобранное: [Квалификация]}
  fields: [{name: Товар}, {name: Город}]
  tags: {add: [ии]}
  tasks: {allowed: true}
handoff: {task_person: Олег}
timing: {quiet_seconds: 0}
takeover: {resume_after_minutes: 60}
"""


@dataclass
class Office:
    """The account's workers. `seconds` is how long an invocation of the poller lives, `watch` what they tell."""

    world: RetailcrmWorld
    seconds: float = 20.0
    watch: Any = field(default_factory=Silence)

    def __post_init__(self) -> None:
        """Connect the account."""
        self.clock, self.table = self.world.clock, MemoryTable()
        self.doorbell, self.model = FakeDoorbell(self.clock), ScriptedModel()
        self.connections = ConnectionStore(self.table, self.clock)
        made = self.world.connection(bot_id=str(self.world.bot.id), takeover_source="poll")
        self.connection = replace(made, id=connection_id("key"), connected_at=self.clock.now())
        self.connections.save(self.connection)
        self.table.write(Put(signpost_key("retailcrm", self.connection.account), {"connection": self.connection.id}))
        self.schemas = SchemaCache(self.table, self.clock)
        services = Services(
            table=self.table,
            connections=self.connections,
            doorbell=self.doorbell,
            clock=self.clock,
            profiles=OneProfile(parse_profile(PROFILE, source="p.yaml")),
            schemas=self.schemas,
            open_crm=self._open_crm,
            open_model=lambda _profile: self.model,
            watch=self.watch,
        )
        self.responder = Responder(services)
        self.reading = Reading(
            table=self.table,
            connections=self.connections,
            intake=Intake(self.table, self.connections, self.doorbell, self.clock),
            clock=self.clock,
            watch=self.watch,
            open_history=self._open_history,
        )

    @property
    def state(self) -> State:
        """What the table knows of the one chat."""
        key = ConversationKey.of_chat("retailcrm", self.connection.account, self.world.chat_id)
        return State.from_item(key, self.table.read([meta_key(key)]).get(meta_key(key)))

    def poll(self) -> dict[str, int]:
        """Let one invocation of the poller live and end."""
        end = self.clock.now() + timedelta(seconds=self.seconds)

        def left() -> float:
            return (end - self.clock.now()).total_seconds()

        return Poller(self.reading, "retailcrm", timedelta(seconds=5)).run(left)

    def work(self) -> int:
        """Work off every bell that is due, and return how many there were."""
        self.clock.sleep(5)
        done = 0
        while (ring := self.doorbell.take()) is not None:
            self.wake(ring)
            done += 1
        return done

    def wake(self, ring: Ring) -> None:
        """Work off a bell; what fails for now is rung for again, as the queue does."""
        with suppress(Retryable):
            self.responder.wake(ring, lambda: 60.0)

    def later(self, seconds: float, times: int) -> None:
        """Let the queue deliver the first bell again some times."""
        for _ in range(times):
            self.clock.sleep(seconds)
            self.poll()
            self.wake(self.doorbell.rings[0])

    def customer(self, text: str) -> None:
        """Let the customer write."""
        self.world.simulator.customer_says(self.world.account.subdomain, self.world.chat_id, text)

    def _open_crm(self, connection: Connection, chat: Chat, seconds_left: Callable[[], float]) -> Crm:
        opening = replace(
            self.world.opening(seconds_left),
            channel=chat.channel,
            known_schema=lambda: self.schemas.known(connection),
        )
        return open_crm(connection, opening)

    def _open_history(self, connection: Connection, seconds_left: Callable[[], float]) -> History:
        return open_history(connection, self.world.opening(seconds_left))

    def requests(self, **only: Any) -> list[str]:
        """Return method and path of the calls that the account received."""
        found = self.world.simulator.calls(self.world.account.subdomain, **only)
        return [f"{call.method} {call.path}" for call in found]
