"""An account's live schema, kept 10 minutes for all workers and a minute in the process."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from dealtalk.conversation.table import Item, Key, Put, TableBusy
from dealtalk.deals import DealSchema, FieldKind, FieldSchema, Option, Outcome, Person, Pipeline, Stage
from dealtalk.errors import Retryable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dealtalk.connections import Connection
    from dealtalk.conversation.table import Table
    from dealtalk.ports import Clock, Crm

SHARED = timedelta(seconds=600)
IN_PROCESS = timedelta(seconds=60)
BETWEEN_REFRESHES = timedelta(seconds=10)
MAX_ITEM_BYTES = 350_000
"""Above this the compressed schema goes to the bucket: a DynamoDB item holds 400 KB."""

MAX_SCHEMA_BYTES = 32 * 1024 * 1024
SORT_KEY = "SCHEMA"


def schema_key(connection: Connection) -> Key:
    """Return the table key of the connection's schema, to be read in the turn's one BatchGet."""
    return connection.partition, SORT_KEY


def encode_schema(schema: DealSchema) -> bytes:
    """Return the schema as compressed JSON."""
    body = {
        "pipelines": [
            [p.id, p.name, [[stage.id, stage.name, stage.outcome.value] for stage in p.stages]]
            for p in schema.pipelines
        ],
        "fields": [_field_row(field) for field in schema.fields],
        "contact_fields": [_field_row(field) for field in schema.contact_fields],
        "people": [[person.id, person.name, person.active] for person in schema.people],
        "currency": schema.currency,
    }
    return zlib.compress(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())


def decode_schema(body: bytes) -> DealSchema:
    """Return the schema that `encode_schema` wrote. Raises ValueError where it is none."""
    try:
        unpacker = zlib.decompressobj()
        plain = unpacker.decompress(body, MAX_SCHEMA_BYTES)
        data = json.loads(plain)
        return DealSchema(
            pipelines=tuple(
                Pipeline(pid, name, tuple(Stage(sid, stage, Outcome(outcome)) for sid, stage, outcome in stages))
                for pid, name, stages in data["pipelines"]
            ),
            fields=tuple(_field(row) for row in data["fields"]),
            contact_fields=tuple(_field(row) for row in data["contact_fields"]),
            people=tuple(Person(*row) for row in data["people"]),
            currency=data["currency"],
        )
    except (zlib.error, KeyError, TypeError, ValueError):
        msg = "not a stored schema"
        raise ValueError(msg) from None


class Overflow(Protocol):
    """Where schemas go that are too large for the table."""

    def put(self, name: str, body: bytes) -> None:
        """Store the bytes. Raises Retryable."""
        ...

    def get(self, name: str) -> bytes | None:
        """Return the bytes, None where there are none. Raises Retryable."""
        ...


class BucketOverflow:
    """See `Overflow`: objects of the stack's bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, name: str, body: bytes) -> None:
        """Store the bytes. Raises Retryable."""
        try:
            self._client.put_object(Bucket=self._bucket, Key=name, Body=body)
        except (ClientError, BotoCoreError) as error:
            msg = f"the bucket did not take a schema: {type(error).__name__}"
            raise Retryable(msg) from None

    def get(self, name: str) -> bytes | None:
        """Return the bytes, None where there are none. Raises Retryable."""
        try:
            return self._client.get_object(Bucket=self._bucket, Key=name)["Body"].read()
        except self._client.exceptions.NoSuchKey:
            return None
        except (ClientError, BotoCoreError) as error:
            msg = f"the bucket did not give a schema: {type(error).__name__}"
            raise Retryable(msg) from None


@dataclass(frozen=True, slots=True)
class _Kept:
    schema: DealSchema
    read_at: datetime
    until: datetime


class SchemaCache:
    """One per process. Keys are connections, so one account never sees another's schema."""

    def __init__(self, table: Table, clock: Clock, overflow: Overflow | None = None) -> None:
        self._table = table
        self._clock = clock
        self._overflow = overflow
        self._kept: dict[str, _Kept] = {}
        self._refreshed: dict[str, datetime] = {}

    def decode_item(self, item: Item | None) -> DealSchema | None:
        """Return the schema that a table item holds or points to; None where it is absent, old or unreadable."""
        if not item or int(item.get("expires_at", 0)) <= self._clock.now().timestamp():
            return None
        body = item.get("body")
        if body is None and self._overflow and item.get("pointer"):
            body = self._overflow.get(str(item["pointer"]))
        if not isinstance(body, bytes):
            return None
        try:
            return decode_schema(body)
        except ValueError:
            return None

    def get(self, connection: Connection, crm: Crm, item: Item | None) -> DealSchema:
        """Return the schema: the process's, the item's, or the CRM's own, which is then stored.

        Raises as `Crm` does.
        """
        return self.known(connection, item) or self._read(connection, crm)

    def known(self, connection: Connection, item: Item | None = None) -> DealSchema | None:
        """Return the schema without asking the CRM: the process's, else the item's; None where both are old."""
        now = self._clock.now()
        kept = self._kept.get(connection.partition)
        if kept and now < kept.until:
            return kept.schema
        schema = self.decode_item(item)
        if schema is None or item is None:
            return None
        shared_until = datetime.fromtimestamp(int(item["expires_at"]), UTC)
        read_at = datetime.fromtimestamp(int(item.get("fetched_at", 0)), UTC)
        self._kept[connection.partition] = _Kept(schema, read_at, min(now + IN_PROCESS, shared_until))
        return schema

    def refresh(self, connection: Connection, crm: Crm) -> DealSchema:
        """Return a schema read from the CRM now, because a name was unknown.

        At most once in 10 seconds per connection and process: a model that invents names must not flood the CRM.
        """
        last = self._refreshed.get(connection.partition)
        kept = self._kept.get(connection.partition)
        if kept and last and self._clock.now() < last + BETWEEN_REFRESHES:
            return kept.schema
        return self._read(connection, crm)

    def _read(self, connection: Connection, crm: Crm) -> DealSchema:
        now = self._clock.now()
        schema = crm.read_schema()
        self._refreshed[connection.partition] = now
        self._kept[connection.partition] = _Kept(schema, now, now + IN_PROCESS)
        self._store(connection, schema, now)
        return schema

    def _store(self, connection: Connection, schema: DealSchema, now: datetime) -> None:
        """Share the schema; a store that fails costs the next worker a read, so it is no error."""
        body = encode_schema(schema)
        item: Item = {"fetched_at": int(now.timestamp()), "expires_at": int((now + SHARED).timestamp())}
        try:
            if len(body) <= MAX_ITEM_BYTES:
                item["body"] = body
            elif self._overflow:
                item["pointer"] = f"schemas/{connection.crm}/{connection.id}"
                self._overflow.put(item["pointer"], body)
            else:
                return
            self._table.write(Put(schema_key(connection), item))
        except (TableBusy, Retryable):
            return


def _field_row(field: FieldSchema) -> list[Any]:
    options = [[option.id, option.name] for option in field.options]
    return [field.id, field.name, field.kind.value, options, field.code, field.read_only]


def _field(row: list[Any]) -> FieldSchema:
    field_id, name, kind, options, code, read_only = row
    return FieldSchema(field_id, name, FieldKind(kind), tuple(Option(*each) for each in options), code, read_only)
