"""The processor time of the webhook's own code: ten messages of one conversation, AWS's answers at hand."""

from __future__ import annotations

import gc
import importlib.util
import os
import time
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from boto3.dynamodb.types import TypeSerializer

from dealtalk.connection_store import connection_item, connection_key
from dealtalk.connections import Connection, connection_id
from events import amocrm
from events.http_api import KEY
from local.stack.paths import PROJECT
from tests.bench.aws import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

APP = PROJECT / "functions" / "amocrm_webhook" / "app.py"
ITERATIONS = 2000
WARMING = 100
MESSAGES = 10
BAR_MILLISECONDS = 2.0
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "DEALTALK_TABLE": "t",
    "DEALTALK_QUEUE_URL": "http://127.0.0.1:9/queue",
    "POWERTOOLS_METRICS_NAMESPACE": "Bench",
}


@dataclass
class NoAws:
    """Both clients at once: it knows the connection and no conversation, takes every write, and counts."""

    calls: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        connection = Connection(
            crm="amocrm",
            id=connection_id(KEY),
            account=amocrm.ACCOUNT["id"],
            api_base="https://oknaufa.amocrm.ru",
            secret="s",
            profile="p",
            options={"subdomain": amocrm.ACCOUNT["subdomain"]},
        )
        pk, sk = connection_key("amocrm", connection.id)
        item = {"pk": pk, "sk": sk, **connection_item(connection)}
        self._key = {"pk": {"S": pk}, "sk": {"S": sk}}
        self._item = {name: TypeSerializer().serialize(value) for name, value in item.items()}

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 (boto3's)
        """Return the connection where it is asked for."""
        self._count("batch_get_item")
        ((table, request),) = RequestItems.items()
        return {"Responses": {table: [self._item] if self._key in request["Keys"] else []}}

    def transact_write_items(self, **_: Any) -> dict[str, Any]:
        """Take the writes."""
        self._count("transact_write_items")
        return {}

    def send_message(self, **_: Any) -> dict[str, Any]:
        """Take the doorbell."""
        self._count("send_message")
        return {}

    def _count(self, name: str) -> None:
        self.calls[name] = self.calls.get(name, 0) + 1


@dataclass(frozen=True, slots=True)
class Warm:
    """Processor time of one invocation in milliseconds, the median of many, and the AWS calls of one."""

    milliseconds: float
    calls: dict[str, int]


def measure(iterations: int = ITERATIONS) -> Warm:
    """Invoke the webhook again and again with the same ten messages."""
    event = ten_messages()
    with _webhook() as (app, aws):
        for _ in range(WARMING):
            assert app.handler(event, None)["statusCode"] == 200
        aws.calls.clear()
        gc.collect()
        taken = []
        for _ in range(iterations):
            began = time.process_time_ns()
            app.handler(event, None)
            taken.append(time.process_time_ns() - began)
    calls = {name: count // iterations for name, count in aws.calls.items()}
    assert {name: count * iterations for name, count in calls.items()} == aws.calls
    return Warm(median(taken) / 1e6, calls)


def ten_messages() -> Any:
    """Return the event of a body with ten messages of one conversation."""
    said = [amocrm.message(number, f"строка {number}: окно 1300 на 1400 & подоконник") for number in range(MESSAGES)]
    return amocrm.event(body=amocrm.form(message={"add": amocrm.numbered(said)}))


@contextmanager
def _webhook() -> Iterator[tuple[Any, NoAws]]:
    """Yield the function's module, its clients replaced; what it logs goes nowhere, but is written."""
    # A name of its own, since loggers of one name share the stream of the first.
    values = {**ENVIRONMENT, "POWERTOOLS_SERVICE_NAME": f"bench-{uuid4().hex}"}
    with environment(values), Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        spec = importlib.util.spec_from_file_location("amocrm_webhook_app", APP)
        assert spec is not None
        assert spec.loader is not None
        app: Any = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(app)
        aws = NoAws()
        app.table._client = app.doorbell._client = aws
        yield app, aws
