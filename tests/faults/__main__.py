"""`python -m tests.faults`: many conversations under faults; `--seed N` replays one run and prints its timeline."""

from __future__ import annotations

import argparse
import sys
import time

from tests.faults.running import Figures, run_many, simulate, timeline


def main() -> int:
    """Return 1 where an invariant was broken."""
    arguments = argparse.ArgumentParser(prog="tests.faults")
    arguments.add_argument("--seed", type=int, help="replay this run and print its timeline")
    arguments.add_argument("--talk", default="", help="with --seed: only this conversation, such as c3")
    arguments.add_argument("--first", type=int, default=0, help="the first seed")
    arguments.add_argument("--conversations", type=int, default=20_000)
    chosen = arguments.parse_args()
    if chosen.seed is not None:
        company, verdict = simulate(chosen.seed)
        say(timeline(company, chosen.talk))
        for violation in verdict.violations:
            say(str(violation))
        return int(bool(verdict.violations))
    began = time.monotonic()
    figures = run_many(chosen.first, chosen.conversations)
    report(figures, chosen.first, time.monotonic() - began)
    return int(bool(figures.failures))


def report(figures: Figures, first: int, seconds: float) -> None:
    """Print the figures and what was broken."""
    say(f"seeds {first} to {first + figures.runs - 1} in {seconds:.0f} s")
    say(f"conversations {figures.conversations}, messages {figures.messages}, invocations {figures.invocations}")
    say(f"faults injected {figures.faults.total()}")
    for title, counts in (("", figures.faults), ("messages", figures.outcomes), ("excepted", figures.excepted)):
        for name, count in sorted(counts.items(), key=lambda each: -each[1]):
            say(f"  {title:<9}{name}: {count}")
    say(f"violations {sum(map(len, figures.failures.values()))}")
    for seed, violations in list(figures.failures.items())[:20]:
        for violation in violations[:3]:
            say(f"  seed {seed}: {violation}")
    if figures.failures:
        say(f"replay: make faults SEED={next(iter(figures.failures))}")


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
