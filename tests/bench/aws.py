"""AWS as far as the functions need it: the local stack's emulator without a deploy, with table, queues and bucket."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest import mock

import boto3

from local.stack.emulator import CREDENTIALS, REGION, emulator
from tests.contract.table.suite import create_table

if TYPE_CHECKING:
    from collections.abc import Iterator

STACK = "bench"
TABLE = "dealtalk"
BUCKET = "dealtalk-bench"
PREFIX = f"dealtalk/{STACK}"
MODEL_SECRET = f"{PREFIX}/model"
FIFO = {"FifoQueue": "true"}


@dataclass(frozen=True, slots=True)
class Aws:
    """Where everything is."""

    endpoint: str
    queue_url: str
    dlq_url: str

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
        self.client("s3").put_object(Bucket=BUCKET, Key=name, Body=text.encode())

    def put_secret(self, name: str, **values: str) -> None:
        """Make a secret."""
        self.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(values))


@contextmanager
def emulated_aws() -> Iterator[Aws]:
    """Run an emulator with an empty stack until the block ends."""
    with emulator(auth=False) as endpoint:
        bare = Aws(endpoint, "", "")
        create_table(bare.client("dynamodb"), TABLE)
        sqs = bare.client("sqs")
        urls = [sqs.create_queue(QueueName=f"{name}.fifo", Attributes=FIFO)["QueueUrl"] for name in ("queue", "dead")]
        bare.client("s3").create_bucket(Bucket=BUCKET)
        yield Aws(endpoint, *urls)


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Set variables of this process until the block ends; a profile of the machine's AWS settings is left out."""
    kept = {name: value for name, value in os.environ.items() if name != "AWS_PROFILE"}
    with mock.patch.dict(os.environ, {**kept, **values}, clear=True):
        yield
