"""An account of each platform, and the table that tokens live in."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from dealtalk.conversation.dynamodb import DynamoTable
from local.simulators.amocrm.defaults import english_account, russian_account
from tests.contract.crm.amocrm_world import AmocrmWorld, amocrm_simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from dealtalk.conversation.table import Write


class AtomicTable(DynamoTable):
    """One write at a time: a conditional write is atomic in DynamoDB, and not across threads in moto."""

    def __init__(self, client: DynamoDBClient, name: str, *, pause: Callable[[float], None]) -> None:
        super().__init__(client, name, pause=pause)
        self._lock = threading.Lock()

    def write(self, *writes: Write) -> None:
        """Write as the table does."""
        with self._lock:
            super().write(*writes)


@pytest.fixture
def amocrm() -> Iterator[AmocrmWorld]:
    """Serve an account on amocrm.ru, with a stranger's beside it."""
    with amocrm_simulator((russian_account, {}), (russian_account, {"subdomain": "other"})) as simulator:
        yield AmocrmWorld(simulator, simulator.account("oknamaster"), simulator.account("other"))


@pytest.fixture
def kommo() -> Iterator[AmocrmWorld]:
    """Serve an account on kommo.com, with a stranger's beside it."""
    with amocrm_simulator((english_account, {}), (russian_account, {"subdomain": "other"})) as simulator:
        yield AmocrmWorld(simulator, simulator.account("clearpanes"), simulator.account("other"))


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoTable]:
    """Return an empty table on moto."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("dynamodb", region_name="eu-central-1")
        client.create_table(
            TableName="t",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        yield AtomicTable(client, "t", pause=lambda _: None)
