"""Counting requests: to AWS where botocore sends them, each attempt, by service and operation; to CRMs by path."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.simulators.journal import Call


class Requests(list[str]):
    """The requests sent since the last `clear`, as "dynamodb.BatchGetItem"."""


@contextmanager
def counted_requests() -> Iterator[Requests]:
    """Yield a record of all requests of the clients that boto3's default session makes within the block."""
    sent = Requests()

    def note(event_name: str, **_: Any) -> None:
        sent.append(event_name.removeprefix("before-send."))

    previous = boto3.DEFAULT_SESSION
    boto3.setup_default_session()
    assert boto3.DEFAULT_SESSION is not None
    boto3.DEFAULT_SESSION.events.register("before-send", note)
    try:
        yield sent
    finally:
        boto3.DEFAULT_SESSION = previous


def call_line(call: Call) -> str:
    """Return method and path of a call to a CRM, numbers as *."""
    path = "/".join("*" if part.isdigit() else part for part in call.path.split("/"))
    return f"{call.method} {path}"
