"""An account of each platform, and the table that tokens live in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from dealtalk.conversation.dynamodb import DynamoTable
from local.simulators.amocrm.defaults import english_account, russian_account
from tests.contract.crm.worlds import AmocrmWorld, amocrm_simulator

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    """Return an empty table on moto, whose conditional writes are atomic across threads."""
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
        yield DynamoTable(client, "t", pause=lambda _: None)
