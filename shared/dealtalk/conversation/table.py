"""The table as the rules need it: strongly consistent reads, conditional writes, transactions.

The conditions are data, not expression strings, so that a fake can judge them exactly as DynamoDB does and the same
protocol code runs on both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from dealtalk.errors import Retryable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Key = tuple[str, str]
"""Partition key and sort key."""

Item = dict[str, Any]
"""Attributes: str, int, Decimal, bool, bytes, None, list and dict. No float, no set."""


@dataclass(frozen=True, slots=True)
class Compare:
    """The attribute exists and compares so with the value."""

    name: str
    op: Literal["=", "<", "<=", ">", ">="]
    value: Any


@dataclass(frozen=True, slots=True)
class Absent:
    """The item has no such attribute (for `pk`: there is no such item)."""

    name: str


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of the conditions holds."""

    conditions: tuple[Condition, ...]


Condition = Compare | Absent | AnyOf


def equals(name: str, value: object) -> Condition:
    """Return the condition that the attribute has this value; None means that it is absent."""
    return Absent(name) if value is None else Compare(name, "=", value)


@dataclass(frozen=True, slots=True)
class Put:
    """Write a whole item."""

    key: Key
    item: Item
    where: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Update:
    """Change attributes of an item, creating it where absent.

    `values` are set, `defaults` are set where the attribute is absent, `increments` are added to a number (absent
    counts as 0), `removals` are removed. A None in `values` removes the attribute.
    """

    key: Key
    values: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    increments: Mapping[str, int] = field(default_factory=dict)
    removals: tuple[str, ...] = ()
    where: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """Assert a condition on an item without changing it; only inside a transaction."""

    key: Key
    where: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove an item."""

    key: Key
    where: tuple[Condition, ...] = ()


Write = Put | Update | Check | Delete

MAX_READS = 100
MAX_WRITES = 100


class ConditionFailed(Exception):
    """A condition did not hold and nothing was written: a fact to be judged, not a fault.

    `index` is the place of the failed write among those given; `old` the item as it stood (empty where it is absent).
    """

    def __init__(self, index: int, old: Item) -> None:
        super().__init__(f"condition of write {index} failed")
        self.index = index
        self.old = old


class TableBusy(Retryable):
    """The table did not take the request: contention after several tries, throttling, or out of reach."""


class Table(Protocol):
    """One DynamoDB table with keys `pk`, `sk` and the sparse index `due` (`due_shard`, `due_at`).

    All methods raise TableBusy.
    """

    def read(self, keys: Sequence[Key]) -> dict[Key, Item]:
        """Return the items that exist, strongly consistent; at most 100 keys."""
        ...

    def newest(self, partition: str, prefix: str, limit: int) -> list[Item]:
        """Return the last `limit` items of a partition whose sort key begins so: oldest first, strongly consistent."""
        ...

    def due(self, shard: str, until: int, limit: int) -> list[Item]:
        """Return keys and `due_at` of items of a shard that were due at `until` (epoch seconds), oldest first.

        Eventually consistent.
        """
        ...

    def write(self, *writes: Write) -> None:
        """Do one write, or several in one transaction (at most 100). Raises ConditionFailed."""
        ...

    def update(self, change: Update) -> Item:
        """Do one update and return the whole item after it. Raises ConditionFailed."""
        ...
