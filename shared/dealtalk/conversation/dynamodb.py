"""The table on DynamoDB, through boto3's low-level client."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from dealtalk.conversation.table import (
    MAX_READS,
    MAX_WRITES,
    Absent,
    AnyOf,
    Check,
    Compare,
    Condition,
    ConditionFailed,
    Delete,
    Item,
    Key,
    Put,
    TableBusy,
    Update,
    Write,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

TRIES = 3
_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


class DynamoTable:
    """See `table.Table`. `pause` waits between tries of a contended write; seconds."""

    def __init__(self, client: DynamoDBClient, name: str, *, pause: Callable[[float], None]) -> None:
        self._client = client
        self._name = name
        self._pause = pause

    def read(self, keys: Sequence[Key]) -> dict[Key, Item]:
        """Return the items that exist, strongly consistent; at most 100 keys."""
        if len(keys) > MAX_READS:
            msg = f"at most {MAX_READS} keys are read at once"
            raise ValueError(msg)
        found: dict[Key, Item] = {}
        pending: Any = {self._name: {"Keys": [_key(key) for key in keys], "ConsistentRead": True}}
        for attempt in range(TRIES):
            answer = self._call(self._client.batch_get_item, RequestItems=pending)
            for raw in answer["Responses"].get(self._name, []):
                item = plain_item(raw)
                found[item["pk"], item["sk"]] = item
            pending = answer.get("UnprocessedKeys")
            if not pending:
                return found
            self._pause(_jitter(attempt))
        msg = "the table left keys unread"
        raise TableBusy(msg)

    def newest(self, partition: str, prefix: str, limit: int) -> list[Item]:
        """Return the last `limit` items of a partition, oldest first, strongly consistent."""
        answer = self._call(
            self._client.query,
            TableName=self._name,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={":pk": {"S": partition}, ":sk": {"S": prefix}},
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=limit,
        )
        return [plain_item(raw) for raw in reversed(answer["Items"])]

    def due(self, shard: str, until: int, limit: int) -> list[Item]:
        """Return the due keys of a shard, oldest first; eventually consistent."""
        answer = self._call(
            self._client.query,
            TableName=self._name,
            IndexName="due",
            KeyConditionExpression="due_shard = :shard AND due_at <= :until",
            ExpressionAttributeValues={":shard": {"S": shard}, ":until": {"N": str(until)}},
            Limit=limit,
        )
        return [plain_item(raw) for raw in answer["Items"]]

    def write(self, *writes: Write) -> None:
        """Do one write, or several in one transaction. Raises ConditionFailed, TableBusy."""
        if len(writes) > MAX_WRITES:
            msg = f"a transaction holds at most {MAX_WRITES} writes"
            raise ValueError(msg)
        if len(writes) == 1 and not isinstance(writes[0], Check):
            self._one(writes[0])
            return
        self._transaction([self._transact_item(write) for write in writes])

    def update(self, change: Update) -> Item:
        """Do one update and return the whole item after it. Raises ConditionFailed, TableBusy."""
        request = self._update_request(change)
        answer = self._retrying(self._client.update_item, {**request, "ReturnValues": "ALL_NEW"})
        return plain_item(answer["Attributes"])

    def _one(self, write: Write) -> None:
        match write:
            case Put():
                self._retrying(self._client.put_item, self._put_request(write))
            case Update():
                self._retrying(self._client.update_item, self._update_request(write))
            case Delete():
                self._retrying(self._client.delete_item, self._keyed_request(write))
            case Check():
                msg = "a check stands in a transaction only"
                raise ValueError(msg)

    def _transaction(self, items: list[Any]) -> None:
        for attempt in range(TRIES):
            try:
                self._client.transact_write_items(TransactItems=items)
            except self._client.exceptions.TransactionCanceledException as error:
                reasons: list[Any] = error.response["CancellationReasons"]
                for index, reason in enumerate(reasons):
                    if reason.get("Code") == "ConditionalCheckFailed":
                        raise ConditionFailed(index, plain_item(reason.get("Item", {}))) from None
            except (ClientError, BotoCoreError) as error:
                if _code(error) != "TransactionInProgressException":
                    raise _busy(error) from None
            else:
                return
            self._pause(_jitter(attempt))
        msg = "the table is contended"
        raise TableBusy(msg)

    def _retrying(self, call: Callable[..., Any], request: dict[str, Any]) -> Any:  # noqa: ANN401 (boto3's answer)
        for attempt in range(TRIES):
            try:
                return call(**request)
            except (ClientError, BotoCoreError) as error:
                code = _code(error)
                if code == "ConditionalCheckFailedException" and isinstance(error, ClientError):
                    old: Any = error.response.get("Item", {})
                    raise ConditionFailed(0, plain_item(old)) from None
                if code != "TransactionConflictException":
                    raise _busy(error) from None
            self._pause(_jitter(attempt))
        msg = "the table is contended"
        raise TableBusy(msg)

    def _call(self, call: Callable[..., Any], **request: object) -> Any:  # noqa: ANN401 (boto3's answer)
        try:
            return call(**request)
        except (ClientError, BotoCoreError) as error:
            raise _busy(error) from None

    def _transact_item(self, write: Write) -> dict[str, Any]:
        match write:
            case Put():
                return {"Put": self._put_request(write)}
            case Update():
                return {"Update": self._update_request(write)}
            case Check():
                return {"ConditionCheck": self._keyed_request(write)}
            case Delete():
                return {"Delete": self._keyed_request(write)}

    def _put_request(self, put: Put) -> dict[str, Any]:
        item = {"pk": put.key[0], "sk": put.key[1], **put.item}
        names = _Names()
        return {
            "TableName": self._name,
            "Item": {name: _serialize(value) for name, value in item.items() if value is not None},
            **names.condition(put.where),
        }

    def _update_request(self, update: Update) -> dict[str, Any]:
        names = _Names()
        removals = [*update.removals, *(name for name, value in update.values.items() if value is None)]
        sets = [f"{names.name(n)} = {names.value(v)}" for n, v in update.values.items() if v is not None]
        sets += [
            f"{names.name(n)} = if_not_exists({names.name(n)}, {names.value(v)})" for n, v in update.defaults.items()
        ]
        adds = [f"{names.name(n)} {names.value(v)}" for n, v in update.increments.items()]
        clauses = []
        if sets:
            clauses.append("SET " + ", ".join(sets))
        if adds:
            clauses.append("ADD " + ", ".join(adds))
        if removals:
            clauses.append("REMOVE " + ", ".join(names.name(n) for n in removals))
        return {
            "TableName": self._name,
            "Key": _key(update.key),
            "UpdateExpression": " ".join(clauses),
            **names.condition(update.where),
        }

    def _keyed_request(self, write: Check | Delete) -> dict[str, Any]:
        return {"TableName": self._name, "Key": _key(write.key), **_Names().condition(write.where)}


class _Names:
    """The placeholders of one request's expressions: attribute names may be reserved words."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, Any] = {}

    def name(self, attribute: str) -> str:
        return self._names.setdefault(attribute, f"#n{len(self._names)}")

    def value(self, value: object) -> str:
        placeholder = f":v{len(self._values)}"
        self._values[placeholder] = _serialize(value)
        return placeholder

    def condition(self, where: Iterable[Condition]) -> dict[str, Any]:
        expression = " AND ".join(self._clause(condition) for condition in where)
        request: dict[str, Any] = {}
        if expression:
            request["ConditionExpression"] = expression
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        if self._names:
            request["ExpressionAttributeNames"] = {placeholder: name for name, placeholder in self._names.items()}
        if self._values:
            request["ExpressionAttributeValues"] = self._values
        return request

    def _clause(self, condition: Condition) -> str:
        match condition:
            case Compare(name, op, value):
                return f"{self.name(name)} {op} {self.value(value)}"
            case Absent(name):
                return f"attribute_not_exists({self.name(name)})"
            case AnyOf(conditions):
                return "(" + " OR ".join(self._clause(each) for each in conditions) + ")"


def _key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def plain_item(raw: dict[str, Any]) -> Item:
    """Return an item as the table's port gives it, of what DynamoDB answered."""
    return {name: _plain(_deserialize(value)) for name, value in raw.items()}


def _plain(value: Any) -> Any:  # noqa: ANN401 (any attribute value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value
    if isinstance(value, Binary):
        return value.__bytes__()
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return value


def _code(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return type(error).__name__


def _busy(error: Exception) -> TableBusy:
    return TableBusy(f"the table answered {_code(error)}")


def _jitter(attempt: int) -> float:
    return random.uniform(0.01, 0.05 * 2**attempt)  # noqa: S311 (no secret: it only spreads the tries)
