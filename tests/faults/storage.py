"""The table as one process reaches it: faults at every request, and a record of every write and of forbidden keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from dealtalk.conversation.table import Check, Item, Key, Put, TableBusy, Update, Write
from tests.fakes.table import MemoryTable
from tests.faults.faults import Fault, Port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tests.faults.outside import Outside
    from tests.faults.scheduler import Container, Process

T = TypeVar("T")

EFFECT_WITHIN = 55.0
"""Seconds: a request acts within this time after its step's start, or never; the rules wait for 60."""


@dataclass(frozen=True, slots=True)
class Written:
    """One request that was accepted, in the order of acceptance."""

    number: int
    time: float
    process: str
    writes: tuple[Write, ...]


@dataclass
class Storage:
    """The one table of the stack, with what was written into it and which foreign keys were asked for."""

    memory: MemoryTable = field(default_factory=MemoryTable)
    log: list[Written] = field(default_factory=list)
    trespasses: list[str] = field(default_factory=list)
    metas: set[Key] = field(default_factory=set)
    last_due: dict[str, list[Item]] = field(default_factory=dict)

    def due_at(self) -> int | None:
        """Return the earliest timer."""
        times = [self.memory.items[key].get("due_at") for key in self.metas if key in self.memory.items]
        return min((time for time in times if time is not None), default=None)


def table_error(fault: Fault) -> Exception:
    """Return what the table raises."""
    return TableBusy("the table answered ProvisionedThroughputExceeded" if fault is Fault.REFUSED else "no answer")


@dataclass
class ProcessTable:
    """See `table.Table`."""

    storage: Storage
    outside: Outside
    container: Container

    @property
    def process(self) -> Process:
        """The process that runs here now."""
        return self.container.running

    def read(self, keys: Sequence[Key]) -> dict[Key, Item]:
        """See `table.Table`."""
        return self._call("read", keys, lambda: self.storage.memory.read(keys))

    def newest(self, partition: str, prefix: str, limit: int) -> list[Item]:
        """See `table.Table`."""
        keys = [(partition, prefix)]
        return self._call("newest", keys, lambda: self.storage.memory.newest(partition, prefix, limit))

    def due(self, shard: str, until: int, limit: int) -> list[Item]:
        """See `table.Table`. The index is eventually consistent: now and then it answers as it did the last time."""
        found = self._call("due", (), lambda: self.storage.memory.due(shard, until, limit))
        dice, last = self.outside.dice, self.storage.last_due.get(shard, [])
        self.storage.last_due[shard] = found
        if dice.open and "table" in dice.families and dice.coin(0.2):
            dice.happened(Fault.STALE)
            return last
        return found

    def write(self, *writes: Write) -> None:
        """See `table.Table`. A single write may be repeated by the SDK, a transaction carries a token."""
        process = self.process

        def effect() -> None:
            self.storage.memory.write(*writes)
            self._accepted(process, writes)

        keys = [write.key for write in writes]
        again = effect if len(writes) == 1 else None
        self._call(lambda: "write " + " | ".join(map(_words, writes)), keys, effect, again=again)

    def update(self, change: Update) -> Item:
        """See `table.Table`."""
        process = self.process

        def effect() -> Item:
            item = self.storage.memory.update(change)
            self._accepted(process, (change,))
            return item

        return self._call(lambda: f"update {_words(change)}", [change.key], effect, again=effect)

    def _call(
        self,
        what: str | Callable[[], str],
        keys: Iterable[Key],
        effect: Callable[[], T],
        again: Callable[[], T] | None = None,
    ) -> T:
        self._guard(keys)
        return self.outside.call(
            self.process, Port.TABLE, what, effect, errors=table_error, twice=again is not None, retried=again
        )

    def _accepted(self, process: Process, writes: tuple[Write, ...]) -> None:
        now = self.outside.scheduler.time
        self.storage.log.append(Written(len(self.storage.log), now, process.name, writes))
        for write in writes:
            if write.key[1] == "META":
                self.storage.metas.add(write.key)
            process.slots += taken_slots(write)
            for name, _ in started_steps(write):
                process.step = (write.key[1], name)
                process.effect_until = now + EFFECT_WITHIN

    def _guard(self, keys: Iterable[Key]) -> None:
        """Note a key that this process has no business with."""
        allowed = tuple(self.process.scope.split())
        for key in keys:
            if allowed and not any(_covers(each, key[0]) for each in allowed):
                self.storage.trespasses.append(f"{self.process.name} asked for {key[0]} / {key[1]}")


def _covers(allowed: str, partition: str) -> bool:
    return partition.startswith(allowed[:-1]) if allowed.endswith("*") else partition == allowed


def started_steps(write: Write) -> list[tuple[str, Item]]:
    """Return the effects whose start this write notes."""
    if not isinstance(write, Update) or not write.key[1].startswith("TURN#"):
        return []
    return [
        (name.removeprefix("step_"), value)
        for name, value in write.values.items()
        if name.startswith("step_") and value["state"] == "started"
    ]


def taken_slots(write: Write) -> list[tuple[str, Item]]:
    """Return the slots of an account that this write takes."""
    if not isinstance(write, Update) or write.key[1] != "RATE":
        return []
    return [(name, value) for name, value in write.values.items() if name.startswith("slot_") and value is not None]


def _words(write: Write) -> str:
    match write:
        case Put(key, _):
            return f"put {key[1]}"
        case Check(key, _):
            return f"check {key[1]}"
        case Update(key, values):
            plain = {name: value for name, value in values.items() if not isinstance(value, list)}
            shown = {name: value["state"] if name.startswith("step_") else value for name, value in plain.items()}
            told = {n: v for n, v in shown.items() if not isinstance(v, dict) and n not in {"expires_at", "connection"}}
            return f"{key[1]} {told}"
        case _:
            return f"delete {write.key[1]}"
