"""A storm in a table of counts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.storm.running import Storm

MOST_SHOWN = 30


def report(storm: Storm) -> str:
    """Return the table, and what was broken."""
    return "\n".join(_lines(storm))


def _lines(storm: Storm) -> Iterator[str]:
    size = storm.plan.size
    yield f"seed {storm.plan.seed}, {size.customers} customers of {size.accounts} accounts"
    for name, value in _counts(storm):
        yield f"{name:<52}{value:>8}"
    yield from _section("messages", storm.verdict.outcomes)
    yield from _section("excepted", storm.verdict.excepted)
    yield from _section("faults of the CRM", storm.faults)
    yield from _section("faults of the model", storm.model_failures)
    yield from _section("seconds of wall time", {name: round(value) for name, value in storm.phases.items()})
    yield from _section("seconds of processor time", {name: round(v) for name, v in storm.cpu.seconds.items()})
    by_kind = Counter(f"invariant {violation.invariant}" for violation in storm.verdict.violations)
    yield f"{'violations':<52}{len(storm.verdict.violations):>8}"
    yield from (f"  {name:<50}{count:>8}" for name, count in sorted(by_kind.items()))
    for violation in storm.verdict.violations[:MOST_SHOWN]:
        yield f"  {violation}"


def _counts(storm: Storm) -> Iterator[tuple[str, int]]:
    talks, accounts = storm.records.talks, storm.records.accounts.values()
    deliveries = [delivery for account in accounts for delivery in account.deliveries]
    calls = [call for account in accounts for call in account.calls]
    yield "customers", len(talks)
    yield "messages of customers", len(storm.happened.said)
    yield "messages of employees", len(storm.happened.employees)
    yield "seconds in which everybody held back", round(storm.happened.held_back)
    yield "webhooks delivered", sum(delivery["accepted"] for delivery in deliveries)
    yield "  delivered twice on purpose", sum(delivery["fault"] == "webhook_duplicate" for delivery in deliveries)
    yield "  not taken at the first attempt", sum(not d["accepted"] and d["attempt"] == 1 for d in deliveries)
    yield "calls of the CRM", len(calls)
    limited = sum(call["status"] == 429 for call in calls)
    yield "  refused by the account's own limit", limited - storm.faults.get("status 429", 0)
    yield "calls of the model", storm.model_calls
    yield "faults injected", storm.faults.total() + storm.model_failures.total()
    yield "workers killed", storm.kills
    yield "dead letters at once, at most", storm.dead_letters
    yield "replies in the chats", sum(len(record.replies) for record in talks)
    yield "handoffs", sum(len(record.entries("handoff")) for record in talks)
    yield "takeovers", sum(bool(record.employees) for record in talks)
    yield (
        "deal changes, notes and tasks in the ledger",
        sum(bool(entry.get("applied")) for record in talks for entry in record.entries("change")),
    )


def _section(title: str, counts: Mapping[str, int]) -> Iterator[str]:
    if counts:
        yield title
    for name, count in sorted(counts.items(), key=lambda each: -each[1]):
        yield f"  {name:<50}{count:>8}"
