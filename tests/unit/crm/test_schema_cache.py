"""The shared schema: what is stored, how long it is believed, and that nobody can cause a storm of reads."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import pytest

from dealtalk.connections import Connection
from dealtalk.conversation.table import Item, Key, Put, TableBusy, Write
from dealtalk.crm.schema_cache import SchemaCache, decode_schema, encode_schema, schema_key
from dealtalk.deals import DealSchema, FieldKind, FieldSchema, Option, Outcome, Person, Pipeline, Stage
from dealtalk.errors import Retryable

if TYPE_CHECKING:
    from dealtalk.conversation.table import Table
    from dealtalk.ports import Crm

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
CONNECTION = Connection("amocrm", "c1", "1", "https://a.amocrm.ru", "s", "p")
SCHEMA = DealSchema(
    pipelines=(Pipeline("1", "Продажи", (Stage("11", "Новый"), Stage("142", "Успешно", Outcome.WON))),),
    fields=(
        FieldSchema("5", "Профиль", FieldKind.SELECT, (Option("51", "REHAU"),)),
        FieldSchema("6", "utm", FieldKind.TEXT, code="UTM", read_only=True),
    ),
    people=(Person("7", "Олег"), Person("8", "Пётр", active=False)),
    contact_fields=(FieldSchema("9", "Телефон", FieldKind.CONTACTS, code="PHONE"),),
    currency="RUB",
)


@dataclass
class Clock:
    """A clock that is moved by hand."""

    at: datetime = NOW

    def now(self) -> datetime:
        """Return the time."""
        return self.at

    def sleep(self, seconds: float) -> None:
        """Move it."""
        self.at += timedelta(seconds=seconds)


@dataclass
class MemoryTable:
    """The one item that matters here."""

    items: dict[Key, Item] = field(default_factory=dict)
    busy: bool = False

    def write(self, *writes: Write) -> None:
        """Store the puts."""
        if self.busy:
            msg = "busy"
            raise TableBusy(msg)
        for write in writes:
            assert isinstance(write, Put)
            self.items[write.key] = dict(write.item)


@dataclass
class Account:
    """A CRM that counts how often its schema is read."""

    schema: DealSchema = SCHEMA
    reads: int = 0

    def read_schema(self) -> DealSchema:
        """Return the schema."""
        self.reads += 1
        return self.schema


@dataclass
class Bucket:
    """The overflow in memory."""

    objects: dict[str, bytes] = field(default_factory=dict)

    def put(self, name: str, body: bytes) -> None:
        """Keep."""
        self.objects[name] = body

    def get(self, name: str) -> bytes | None:
        """Return."""
        return self.objects.get(name)


class World:
    """A table, a clock and an account; `worker()` is a process of its own."""

    def __init__(self) -> None:
        self.table, self.clock, self.account, self.bucket = MemoryTable(), Clock(), Account(), Bucket()

    @property
    def crm(self) -> Crm:
        """The account as the port."""
        return cast("Crm", self.account)

    def worker(self, *, overflow: bool = True) -> SchemaCache:
        """Return a new process's cache."""
        return SchemaCache(cast("Table", self.table), self.clock, self.bucket if overflow else None)

    def item(self) -> Item | None:
        """Return the shared item as the turn's BatchGet brings it."""
        return self.table.items.get(schema_key(CONNECTION))


@pytest.fixture
def world() -> World:
    """Return a fresh world."""
    return World()


def test_a_schema_survives_its_storage() -> None:
    """Every part comes back as it was, Cyrillic and flags included."""
    assert decode_schema(encode_schema(SCHEMA)) == SCHEMA


@pytest.mark.parametrize("body", [b"", b"x", encode_schema(SCHEMA)[:-9]])
def test_a_damaged_body_is_not_believed(body: bytes) -> None:
    """It is read anew, never half understood."""
    with pytest.raises(ValueError, match="not a stored schema"):
        decode_schema(body)


def test_the_first_read_is_shared_with_other_workers(world: World) -> None:
    """One read of the CRM serves all for ten minutes."""
    world.worker().get(CONNECTION, world.crm, None)
    world.clock.sleep(599)

    assert world.worker().get(CONNECTION, world.crm, world.item()) == SCHEMA
    assert world.account.reads == 1


def test_after_ten_minutes_the_crm_is_asked_again(world: World) -> None:
    """An item that is over is absent, although TTL has not removed it yet."""
    world.worker().get(CONNECTION, world.crm, None)
    world.clock.sleep(600)
    worker = world.worker()

    assert worker.decode_item(world.item()) is None
    worker.get(CONNECTION, world.crm, world.item())
    assert world.account.reads == 2


def test_a_process_decodes_the_shared_item_once_a_minute(world: World) -> None:
    """Within a minute the process's own copy is used, whatever the item says."""
    worker = world.worker()
    worker.get(CONNECTION, world.crm, None)
    world.account.schema = replace(SCHEMA, currency="USD")
    world.worker().refresh(CONNECTION, world.crm)

    assert worker.get(CONNECTION, world.crm, world.item()).currency == "RUB"
    world.clock.sleep(60)
    assert worker.get(CONNECTION, world.crm, world.item()).currency == "USD"


def test_a_decoded_copy_is_believed_for_a_minute(world: World) -> None:
    """What another worker refreshed meanwhile is seen a minute later."""
    world.worker().get(CONNECTION, world.crm, None)
    worker = world.worker()
    worker.get(CONNECTION, world.crm, world.item())
    world.account.schema = replace(SCHEMA, currency="USD")
    world.worker().refresh(CONNECTION, world.crm)
    world.clock.sleep(60)

    assert worker.get(CONNECTION, world.crm, world.item()).currency == "USD"


def test_a_process_s_copy_ends_with_the_shared_item(world: World) -> None:
    """Decoded ten seconds before its end, it is believed for ten seconds, not for another minute."""
    world.worker().get(CONNECTION, world.crm, None)
    world.clock.sleep(590)
    worker = world.worker()
    worker.get(CONNECTION, world.crm, world.item())
    world.clock.sleep(10)
    worker.get(CONNECTION, world.crm, world.item())

    assert world.account.reads == 2


def test_an_unknown_name_reads_the_crm_at_once(world: World) -> None:
    """A stage that was made a second ago works, and the other workers get it."""
    world.worker().get(CONNECTION, world.crm, None)
    world.clock.sleep(11)
    world.account.schema = replace(SCHEMA, currency="USD")
    worker = world.worker()

    assert worker.refresh(CONNECTION, world.crm).currency == "USD"
    assert world.worker().get(CONNECTION, world.crm, world.item()).currency == "USD"


def test_invented_names_cause_no_storm(world: World) -> None:
    """A hundred unknown names within ten seconds are one read."""
    worker = world.worker()
    for _ in range(100):
        worker.refresh(CONNECTION, world.crm)
    assert world.account.reads == 1

    world.clock.sleep(10)
    worker.refresh(CONNECTION, world.crm)
    assert world.account.reads == 2


def test_a_large_schema_goes_to_the_bucket(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The item then points to the object, named by CRM and connection."""
    monkeypatch.setattr("dealtalk.crm.schema_cache.MAX_ITEM_BYTES", 50)
    world.worker().get(CONNECTION, world.crm, None)

    assert list(world.bucket.objects) == ["schemas/amocrm/c1"]
    assert "body" not in (world.item() or {})
    assert world.worker().decode_item(world.item()) == SCHEMA


def test_a_large_schema_without_a_bucket_is_used_but_not_shared(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The turn goes on."""
    monkeypatch.setattr("dealtalk.crm.schema_cache.MAX_ITEM_BYTES", 50)

    assert world.worker(overflow=False).get(CONNECTION, world.crm, None) == SCHEMA
    assert world.table.items == {}


def test_an_object_that_is_gone_is_read_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pointer into nothing is an absent schema."""
    monkeypatch.setattr("dealtalk.crm.schema_cache.MAX_ITEM_BYTES", 50)
    world.worker().get(CONNECTION, world.crm, None)
    world.bucket.objects.clear()

    assert world.worker().get(CONNECTION, world.crm, world.item()) == SCHEMA
    assert world.account.reads == 2


def test_a_busy_table_does_not_stop_the_turn(world: World) -> None:
    """What could not be shared costs the next worker a read, no more."""
    world.table.busy = True

    assert world.worker().get(CONNECTION, world.crm, None) == SCHEMA


def test_an_account_that_cannot_be_read_is_the_caller_s_error(world: World) -> None:
    """The CRM's own error passes through, and nothing is stored."""

    class Silent(Account):
        def read_schema(self) -> DealSchema:
            msg = "no answer"
            raise Retryable(msg)

    with pytest.raises(Retryable):
        world.worker().get(CONNECTION, cast("Crm", Silent()), None)
    assert world.table.items == {}


def test_two_connections_never_share_a_schema(world: World) -> None:
    """The key is the connection's."""
    worker = world.worker()
    worker.get(CONNECTION, world.crm, None)
    other = Account(replace(SCHEMA, currency="EUR"))

    assert worker.get(replace(CONNECTION, id="c2"), cast("Crm", other), None).currency == "EUR"
