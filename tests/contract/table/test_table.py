"""The table in memory and DynamoDB (moto's) pass one suite; the emulator's does in tests/e2e/test_table.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from dealtalk.conversation.dynamodb import DynamoTable
from tests.contract.table.suite import TableContract, create_table
from tests.fakes.table import MemoryTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dealtalk.conversation.table import Table


class TestMemoryTable(TableContract):
    """The fake."""

    @pytest.fixture
    def table(self) -> Table:
        """Return an empty table."""
        return MemoryTable()


class TestDynamoTable(TableContract):
    """DynamoDB as moto plays it."""

    @pytest.fixture
    def table(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
        """Return an empty table."""
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        with mock_aws():
            client = boto3.client("dynamodb")
            create_table(client, "dealtalk")
            yield DynamoTable(client, "dealtalk", pause=lambda _: None)
