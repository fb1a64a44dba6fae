"""Accounts on both platforms, with a stack on moto that is still empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import botocore.loaders
import botocore.session
import pytest
from moto import mock_aws

from dealtalk.clock import SystemClock
from local.simulators.amocrm import AmocrmSimulator, english_account, russian_account
from tests.flows.connect.connecting import BUCKET, REGION, TABLE, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[AmocrmSimulator]:
    """Serve an account of each platform; nobody waits."""
    monkeypatch.setattr(SystemClock, "sleep", lambda _self, _seconds: None)
    with AmocrmSimulator([russian_account, english_account]) as running:
        for account in running.accounts():
            running.switch(account.subdomain, requests_per_second=1000)
        yield running


service_models = botocore.loaders.Loader()
"""Each command opens a session of its own, which would read AWS's service models anew."""


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have an empty table and an empty bucket."""
    monkeypatch.setattr(botocore.session, "create_loader", lambda _path=None: service_models)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "DEALTALK_AMOCRM_TOKEN", "DEALTALK_AMOCRM_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        boto3.client("dynamodb", region_name=REGION).create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
                {"AttributeName": "due_shard", "AttributeType": "S"},
                {"AttributeName": "due_at", "AttributeType": "N"},
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "due",
                    "KeySchema": [
                        {"AttributeName": "due_shard", "KeyType": "HASH"},
                        {"AttributeName": "due_at", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        boto3.client("s3", region_name=REGION).create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        yield


@pytest.fixture
def russian(
    simulator: AmocrmSimulator,
    aws: None,  # noqa: ARG001 (wanted for what it does)
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> World:
    """Return an account on amocrm.ru to be connected."""
    return World(simulator, simulator.account("oknamaster"), tmp_path, capsys)


@pytest.fixture
def english(
    simulator: AmocrmSimulator,
    aws: None,  # noqa: ARG001 (wanted for what it does)
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> World:
    """Return an account on kommo.com to be connected."""
    return World(simulator, simulator.account("clearpanes"), tmp_path, capsys)
