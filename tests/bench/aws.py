"""AWS as far as the functions need it: the local stack's emulator without a deploy, with table, queues and bucket."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest import mock
from uuid import uuid4

import boto3

from local.stack.emulator import CREDENTIALS, REGION
from tests.contract.table.suite import create_table

if TYPE_CHECKING:
    from collections.abc import Iterator

FIFO = {"FifoQueue": "true"}


@dataclass(frozen=True, slots=True)
class Aws:
    """Where everything is; `name` is the table's, the bucket's and the stack's."""

    endpoint: str
    name: str
    queue_url: str
    dlq_url: str

    @property
    def secrets_prefix(self) -> str:
        """What the names of the stack's secrets begin with."""
        return f"dealtalk/{self.name}"

    @property
    def env(self) -> dict[str, str]:
        """The environment in which boto3 talks to this AWS."""
        return {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": REGION,
        }

    def client(self, service: str) -> Any:
        """Return a client of this AWS."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def put_profile(self, name: str, text: str) -> None:
        """Put a bot's profile into the bucket."""
        self.client("s3").put_object(Bucket=self.name, Key=name, Body=text.encode())

    def put_secret(self, name: str, **values: str) -> str:
        """Make a secret below the stack's prefix and return its whole name."""
        whole = f"{self.secrets_prefix}/{name}"
        self.client("secretsmanager").create_secret(Name=whole, SecretString=json.dumps(values))
        return whole


def new_aws(endpoint: str) -> Aws:
    """Make an empty stack of its own on a running emulator."""
    name = f"dealtalk-{uuid4().hex[:8]}"
    bare = Aws(endpoint, name, "", "")
    create_table(bare.client("dynamodb"), name)
    sqs = bare.client("sqs")
    urls = [sqs.create_queue(QueueName=f"{name}-{each}.fifo", Attributes=FIFO)["QueueUrl"] for each in ("a", "dead")]
    bare.client("s3").create_bucket(Bucket=name)
    return Aws(endpoint, name, *urls)


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Set variables of this process until the block ends; a profile of the machine's AWS settings is left out."""
    kept = {name: value for name, value in os.environ.items() if name != "AWS_PROFILE"}
    with mock.patch.dict(os.environ, {**kept, **values}, clear=True):
        yield
