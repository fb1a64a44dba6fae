"""Connections in the table and profiles in the bucket."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from dealtalk.agent.profile_store import ProfileStore
from dealtalk.connection_store import ConnectionStore
from dealtalk.connections import Connection, ConnectionState, Mode, connection_id
from dealtalk.errors import NeedsAttention
from tests.fakes.clock import FakeClock
from tests.fakes.table import MemoryTable
from tests.fakes.world import PROFILE

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "an-unguessable-key"
CONNECTION = Connection(
    crm="amocrm",
    id=connection_id(KEY),
    account="31337",
    api_base="https://oknaufa.amocrm.ru",
    secret="dealtalk/test/connections/amocrm/x",
    profile="profiles/windows.yaml",
    mode=Mode.DRAFT,
    options={"subdomain": "oknaufa", "bot_id": "12", "calls_per_second": 4},
)


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that the test moves."""
    return FakeClock()


@pytest.fixture
def table() -> MemoryTable:
    """Return a table with the one connection."""
    table = MemoryTable()
    ConnectionStore(table, FakeClock()).save(CONNECTION)
    return table


def test_a_saved_connection_is_found_by_its_key(table: MemoryTable, clock: FakeClock) -> None:
    """Every attribute comes back; the key itself stands nowhere in the table."""
    assert ConnectionStore(table, clock).find("amocrm", KEY) == CONNECTION
    assert KEY not in str(table.items)


@pytest.mark.parametrize(("crm", "key"), [("amocrm", "another"), ("bitrix24", KEY)])
def test_a_wrong_key_finds_nothing(table: MemoryTable, clock: FakeClock, crm: str, key: str) -> None:
    """Neither does the right key of another CRM."""
    assert ConnectionStore(table, clock).find(crm, key) is None


def test_a_connection_is_read_once_in_five_minutes(table: MemoryTable, clock: FakeClock) -> None:
    """A change is seen after that."""
    store = ConnectionStore(table, clock)
    for _ in range(3):
        store.find("amocrm", KEY)
    assert table.calls.count("read") == 1
    store.save(replace(CONNECTION, mode=Mode.OFF))
    clock.forward(seconds=301)
    found = store.find("amocrm", KEY)
    assert found is not None
    assert found.mode is Mode.OFF


def test_a_new_connection_works_within_seconds_of_an_unknown_key(table: MemoryTable, clock: FakeClock) -> None:
    """A miss is kept for ten seconds only: a webhook may be registered before the table shows its connection."""
    store = ConnectionStore(table, clock)
    assert store.find("amocrm", "soon") is None
    store.save(replace(CONNECTION, id=connection_id("soon")))
    clock.forward(seconds=11)
    assert store.find("amocrm", "soon") is not None


def test_marks_are_kept_with_the_connection(table: MemoryTable, clock: FakeClock) -> None:
    """Cool-down, attention with its reason, recovery, and that outgoing messages were seen."""
    store = ConnectionStore(table, clock)
    store.cool_down(CONNECTION, clock.now() + timedelta(seconds=30))
    store.needs_attention(CONNECTION, "the token is dead")
    store.saw_outgoing(CONNECTION)
    store.saw_outgoing(CONNECTION)
    marked = store.load("amocrm", CONNECTION.id)
    assert marked is not None
    assert (marked.state, marked.state_reason, marked.outgoing_seen) == (
        ConnectionState.NEEDS_ATTENTION,
        "the token is dead",
        True,
    )
    assert marked.cooldown_until is not None
    assert marked.cooldown_until >= clock.now() + timedelta(seconds=30)
    store.recovered(CONNECTION)
    recovered = store.load("amocrm", CONNECTION.id)
    assert recovered is not None
    assert (recovered.state, recovered.state_reason) == (ConnectionState.ACTIVE, "")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a client of S3 with an empty bucket `profiles`."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="profiles")
        yield client


def put(bucket: Any, text: str) -> None:
    """Upload a profile."""
    bucket.put_object(Bucket="profiles", Key="profiles/windows.yaml", Body=text.encode())


def test_a_changed_profile_is_seen_after_a_minute(bucket: Any, clock: FakeClock) -> None:
    """Within the minute the process's own copy serves; an unchanged one is not sent again."""
    put(bucket, PROFILE)
    store = ProfileStore(bucket, "profiles", clock)
    assert store.get("profiles/windows.yaml").name == "Анна"
    put(bucket, PROFILE.replace("Анна", "Ольга"))
    assert store.get("profiles/windows.yaml").name == "Анна"
    clock.forward(seconds=61)
    assert store.get("profiles/windows.yaml").name == "Ольга"
    clock.forward(seconds=61)
    assert store.get("profiles/windows.yaml").name == "Ольга"


@pytest.mark.parametrize(
    ("text", "told"),
    [(None, "not in the bucket"), ("name: 5", "profiles/windows.yaml:1"), (PROFILE + "typo: 1\n", "typo")],
)
def test_an_unusable_profile_needs_attention_and_is_told(
    bucket: Any, clock: FakeClock, text: str | None, told: str
) -> None:
    """A missing one by its name, a wrong one by file, line and key."""
    if text is not None:
        put(bucket, text)
    with pytest.raises(NeedsAttention, match=told):
        ProfileStore(bucket, "profiles", clock).get("profiles/windows.yaml")
