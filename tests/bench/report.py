"""The figures as a page: what docs/benchmarks.md says, and the screen."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.bench import cold, turns, warm

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from tests.bench.cold import ColdStart
    from tests.bench.offices import OfficeTurns
    from tests.bench.turns import Turns
    from tests.bench.warm import Warm

PLAIN_BUILD = "`sam build` (no .pyc)"
WITH_BYTECODE = "`make build` (.pyc)"

COLD_NOTES = """\
Initialisation as the runtime interface emulator reports it, the interpreter's start included. The bare function imports
boto3, makes the same two clients (DynamoDB, SQS) and returns; boto3 has its .pyc on both sides, as in AWS's runtime.
Medians of {pairs} pairs of fresh processes, one after the other; the ratio is the median of the pairs' ratios. The
second row of each is what a plain `sam build` deploys: Lambda compiles the sources at every cold start.
Imported of {unwanted}: {imported}.
"""
WARM_NOTES = """\
Median of {iterations} invocations in one process; the AWS clients are replaced by ones that do nothing. One
`send_message` is one doorbell for the whole conversation.
"""
TURN_NOTES = """\
AWS requests + CRM requests of one turn: the first counted where botocore sends them, the change of the doorbell's
visibility among them; the second in the simulated CRM. Every message was answered before the next one came, 30 seconds
later. The profile (kept for a minute), the CRM's schema (ten minutes) and the secrets (five minutes) were in the
process's memory, since a turn in another chat came just before; not so in the last column, the first turn of a new
process in a new account, which reads all of them (the schema alone is 3 CRM requests).

With changes: a field, a note and a task; the deal is read again under its lease, and once more after the one PATCH.
Polled: no webhook tells of employees' messages, so the CRM is asked once before the first effect, and after a reply by
Salesbot also whether it was seen.

Message 2 in detail:
"""
OFFICE_NOTES = """\
Requests of one turn to the CRM, counted in its strict simulator with the real adapter and responder; `batch` of
Bitrix24 carries up to 50 commands. The first turn of a process also reads the CRM's schema, which is then remembered
for ten minutes. With changes: a field, a note and a task. Bitrix24 and RetailCRM are asked before the first effect
whether a person leads, as `dealtalk connect` sets it (one `batch`; the chat's messages and its dialog). Not counted
are the poller's own reads (RetailCRM: one request every five seconds, however many write); the webhooks call no CRM.
Table and queue are in memory here: what a turn asks of AWS is counted above.

A plain turn in detail:
"""


@dataclass(frozen=True, slots=True)
class Cold:
    """Both variants of one webhook's cold start, and which unwanted packages it imports."""

    name: str
    with_bytecode: ColdStart
    without: ColdStart
    unwanted: Sequence[str]


@dataclass(frozen=True, slots=True)
class Figures:
    """All that was measured. `cold` is the reason where this machine cannot measure it."""

    cold: Sequence[Cold] | str
    warm: Warm
    turns: Sequence[Turns]
    offices: Sequence[OfficeTurns]

    def missed(self) -> list[str]:
        """Return the bars that were missed, in words."""
        found = []
        for each in () if isinstance(self.cold, str) else self.cold:
            if not each.with_bytecode.holds:
                found.append(f"cold start of {each.name} {each.with_bytecode.ratio:.2f} x, at most {cold.BAR} x")
            found += [f"{each.name} imports {package}" for package in each.unwanted]
        if self.warm.milliseconds >= warm.BAR_MILLISECONDS:
            found.append(f"warm {self.warm.milliseconds:.2f} ms, below {warm.BAR_MILLISECONDS:g} ms")
        if self.warm.calls.get("send_message") != 1:
            found.append("more than one doorbell for one conversation")
        found += [f"calls of a plain reply, {each.way.name}" for each in self.turns if not each.holds]
        return found + [f"calls of a plain reply, {each.office.name}" for each in self.offices if not each.holds]


def page(figures: Figures, command: str, at: datetime) -> str:
    """Return the figures as Markdown."""
    missed = figures.missed()
    lines = [
        "# Benchmarks",
        "",
        f"Written by `{command}` on {at:%d %B %Y}. Machine: {machine()}.",
        "Times differ from machine to machine and from run to run: look at ratios. Counts do not: a test holds them.",
        "",
        "All bars hold." if not missed else "Missed: " + "; ".join(missed) + ".",
        "",
        *_cold(figures.cold),
        *_warm(figures.warm),
        *_turns(figures.turns),
        *offices_section(figures.offices),
    ]
    return "\n".join(lines).rstrip() + "\n"


def machine() -> str:
    """Return what this ran on."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cpus} cores, {platform.system()}, Python {platform.python_version()}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def _cold(figures: Sequence[Cold] | str) -> Iterator[str]:
    yield "## Cold starts of the webhooks"
    yield ""
    if isinstance(figures, str):
        yield f"Not measured: {figures}."
        yield ""
        return
    yield from _table(
        ("function", "what is deployed", "webhook, ms", "bare function, ms", "ratio", "bar"),
        [
            row
            for each in figures
            for row in (
                _cold_row(f"`{each.name}`", WITH_BYTECODE, each.with_bytecode, f"≤ {cold.BAR} x"),
                _cold_row("", PLAIN_BUILD, each.without, "none"),
            )
        ],
    )
    pairs = len(figures[0].with_bytecode.webhook)
    imported = ", ".join(sorted({package for each in figures for package in each.unwanted})) or "none of them"
    yield COLD_NOTES.format(pairs=pairs, unwanted=", ".join(cold.UNWANTED), imported=imported)


def _cold_row(name: str, build: str, measured: ColdStart, bar: str) -> tuple[str, ...]:
    ours, bare = median(measured.webhook), median(measured.bare)
    return name, build, f"{ours:.0f}", f"{bare:.0f}", f"{measured.ratio:.2f} x", bar


def _warm(measured: Warm) -> Iterator[str]:
    yield "## Warm invocation of `amocrm_webhook`"
    yield ""
    calls = ", ".join(f"{count} {name}" for name, count in measured.calls.items())
    yield from _table(
        ("body", "processor time, ms", "bar", "AWS calls"),
        (
            (
                f"a form with {warm.MESSAGES} messages of one conversation",
                f"{measured.milliseconds:.2f}",
                f"< {warm.BAR_MILLISECONDS:g} ms",
                calls,
            ),
        ),
    )
    yield WARM_NOTES.format(iterations=warm.ITERATIONS)


def _turns(measured: Sequence[Turns]) -> Iterator[str]:
    yield "## Calls of a reply"
    yield ""
    numbers = list(measured[0].plain)
    heads = ("way of sending", *(f"message {number}" for number in numbers), "bar", "with changes", "new process")
    yield from _table(heads, (_turn_row(each) for each in measured))
    yield TURN_NOTES
    yield from _table(
        ("way of sending", "AWS", "CRM"),
        ((each.way.name, _listed(each.plain[2].aws), _listed(each.plain[2].crm)) for each in measured),
    )


def _turn_row(each: Turns) -> tuple[str, ...]:
    plain = (_sum(cost.totals) for cost in each.plain.values())
    bar = f"{turns.AWS_BAR} + {each.crm_bar}"
    return each.way.name, *plain, bar, _sum(each.changes.totals), _sum(each.cold.totals)


def offices_section(measured: Sequence[OfficeTurns]) -> Iterator[str]:
    """Return the lines on the CRMs beside amoCRM."""
    yield "## Calls of a reply in the other CRMs"
    yield ""
    yield from _table(
        ("CRM", "plain", "bar", "with changes", "new process"),
        (
            (
                each.office.name,
                *map(str, (each.plain.total(), each.office.bar, each.changes.total(), each.first.total())),
            )
            for each in measured
        ),
    )
    yield OFFICE_NOTES
    yield from _table(("CRM", "calls"), ((each.office.name, _listed(each.plain)) for each in measured))


def _office_row(each: OfficeTurns) -> tuple[str, ...]:
    plain, changes, first = (calls.total() for calls in (each.plain, each.changes, each.first))
    return each.office.name, str(plain), f"≤ {each.office.bar}", str(changes), str(first)


def _sum(totals: tuple[int, int]) -> str:
    return f"{totals[0]} + {totals[1]}"


def _listed(counted: Counter[str]) -> str:
    return ", ".join(f"{name} × {count}" if count > 1 else name for name, count in sorted(counted.items()))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield "| " + " | ".join(cell.replace("*", "\\*") for cell in row) + " |"
    yield ""
