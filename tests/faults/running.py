"""Runs of the simulation: one seed, or many on all cores, and what they come to."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.faults.company import Company
from tests.faults.verdict import judge

if TYPE_CHECKING:
    from tests.faults.faults import Fault
    from tests.faults.violations import Verdict, Violation

SEEDS_AT_ONCE = 50


@dataclass
class Figures:
    """What many runs came to. `failures` maps a seed to its violations."""

    runs: int = 0
    conversations: int = 0
    messages: int = 0
    invocations: int = 0
    faults: Counter[Fault] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    excepted: Counter[str] = field(default_factory=Counter)
    failures: dict[int, list[Violation]] = field(default_factory=dict)

    def add(self, other: Figures) -> None:
        """Add another part's figures."""
        self.runs += other.runs
        self.conversations += other.conversations
        self.messages += other.messages
        self.invocations += other.invocations
        self.faults += other.faults
        self.outcomes += other.outcomes
        self.excepted += other.excepted
        self.failures |= other.failures


def simulate(seed: int, focus: tuple[str, ...] = ()) -> tuple[Company, Verdict]:
    """Run one seed to its end and judge it."""
    company = Company(seed, focus)
    company.run()
    return company, judge(company)


def timeline(company: Company, conversation: str = "") -> str:
    """Return what happened, line by line; of one conversation (and of nobody's) where it is named."""
    lines = [line for line in company.outside.lines if not conversation or line.about in {conversation, ""}]
    return "\n".join(map(str, lines))


def digest(company: Company) -> str:
    """Return a hash of the whole timeline: equal for two runs that are the same in every step."""
    return hashlib.sha256(timeline(company).encode()).hexdigest()


def run_seeds(seeds: range) -> Figures:
    """Run some seeds in this process."""
    figures = Figures()
    for seed in seeds:
        company, verdict = simulate(seed)
        figures.runs += 1
        figures.conversations += len(company.talks)
        figures.messages += sum(len(talk.said) for talk in company.talks)
        figures.invocations += company.invocations
        figures.faults += company.dice.counts
        figures.outcomes += verdict.outcomes
        figures.excepted += verdict.excepted
        if verdict.violations:
            figures.failures[seed] = verdict.violations
    return figures


def run_many(first: int, conversations: int) -> Figures:
    """Run seeds from `first` on, on all cores, until so many conversations were simulated."""
    figures = Figures()
    with multiprocessing.get_context("spawn").Pool() as pool:
        parts = (range(start, start + SEEDS_AT_ONCE) for start in range(first, first + conversations, SEEDS_AT_ONCE))
        for part in pool.imap(run_seeds, parts):
            figures.add(part)
            if figures.conversations >= conversations:
                pool.terminate()
                break
    return figures
