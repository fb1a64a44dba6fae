"""A DynamoDB table in memory: conditions judged as DynamoDB judges them, transactions all or nothing."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import TYPE_CHECKING, Any

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
    Update,
    Write,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ORDER: dict[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


@dataclass
class MemoryTable:
    """See `table.Table`.

    `before` runs before each request with its name, so that a test can crash or interfere there.
    """

    items: dict[Key, Item] = field(default_factory=dict)
    before: Callable[[str], None] | None = None
    calls: list[str] = field(default_factory=list)

    def read(self, keys: Sequence[Key]) -> dict[Key, Item]:
        """See `table.Table`."""
        self._called("read")
        if len(keys) > MAX_READS or len(set(keys)) != len(keys):
            msg = "a batch reads at most 100 different keys"
            raise ValueError(msg)
        return {key: copy.deepcopy(self.items[key]) for key in keys if key in self.items}

    def newest(self, partition: str, prefix: str, limit: int) -> list[Item]:
        """See `table.Table`."""
        self._called("newest")
        keys = sorted(key for key in self.items if key[0] == partition and key[1].startswith(prefix))
        return [copy.deepcopy(self.items[key]) for key in keys[-limit:]]

    def due(self, shard: str, until: int, limit: int) -> list[Item]:
        """See `table.Table`."""
        self._called("due")
        found = [
            i for i in self.items.values() if i.get("due_shard") == shard and "due_at" in i and i["due_at"] <= until
        ]
        found.sort(key=lambda item: item["due_at"])
        return [{name: item[name] for name in ("pk", "sk", "due_shard", "due_at")} for item in found[:limit]]

    def write(self, *writes: Write) -> None:
        """See `table.Table`."""
        self._called("write")
        keys = [write.key for write in writes]
        if len(set(keys)) != len(keys) or len(keys) > MAX_WRITES:
            msg = "a transaction touches each item once, and at most 100"
            raise ValueError(msg)
        for index, write in enumerate(writes):
            old = self.items.get(write.key, {})
            if not all(_holds(condition, old) for condition in write.where):
                raise ConditionFailed(index, copy.deepcopy(old))
        for write in writes:
            self._apply(write)

    def update(self, change: Update) -> Item:
        """See `table.Table`."""
        self._called("update")
        old = self.items.get(change.key, {})
        if not all(_holds(condition, old) for condition in change.where):
            raise ConditionFailed(0, copy.deepcopy(old))
        self._apply(change)
        return copy.deepcopy(self.items[change.key])

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.before is not None:
            self.before(name)

    def _apply(self, write: Write) -> None:
        match write:
            case Put(key, item):
                kept = {name: _stored(value) for name, value in item.items() if value is not None}
                self.items[key] = {"pk": key[0], "sk": key[1], **kept}
            case Update():
                self._update(write)
            case Delete(key):
                self.items.pop(key, None)
            case Check():
                pass

    def _update(self, update: Update) -> None:
        item = self.items.setdefault(update.key, {"pk": update.key[0], "sk": update.key[1]})
        named = [*update.values, *update.defaults, *update.increments, *update.removals]
        if len(set(named)) != len(named):
            msg = "an update names each attribute once"
            raise ValueError(msg)
        for name, value in update.values.items():
            if value is None:
                item.pop(name, None)
            else:
                item[name] = _stored(value)
        for name, value in update.defaults.items():
            item.setdefault(name, _stored(value))
        for name, value in update.increments.items():
            item[name] = item.get(name, 0) + value
        for name in update.removals:
            item.pop(name, None)


def _holds(condition: Condition, item: Item) -> bool:
    match condition:
        case Absent(name):
            return name not in item
        case AnyOf(conditions):
            return any(_holds(each, item) for each in conditions)
        case Compare(name, "=", value):
            return (
                name in item and bool(item[name] == value) and isinstance(item[name], bool) == isinstance(value, bool)
            )
        case Compare(name, op, value):
            return name in item and ORDER[op](item[name], value)


def _stored(value: object) -> object:
    """Return the value as it comes back from DynamoDB; refuse what the table cannot hold."""
    if isinstance(value, float | set):
        msg = f"the table holds no {type(value).__name__}"
        raise TypeError(msg)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value
    if isinstance(value, list | tuple):
        return [_stored(each) for each in value]
    if isinstance(value, dict):
        return {name: _stored(each) for name, each in value.items()}
    return copy.deepcopy(value)
