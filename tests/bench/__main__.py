"""`python -m tests.bench`: measures, prints the figures and writes them to docs/benchmarks.md."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime

from local.rie import unavailable
from local.stack.emulator import emulator
from local.stack.paths import PROJECT
from local.stack.progress import say
from tests.bench import cold, offices, turns, warm
from tests.bench.report import Cold, Figures, page

PAGE = PROJECT / "docs" / "benchmarks.md"


def main() -> int:
    """Measure and report; 1 where a bar was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--pairs", type=int, default=cold.PAIRS, help="pairs of cold starts")
    parser.add_argument("--messages", type=int, default=max(turns.NUMBERS), help="messages of a conversation")
    parser.add_argument("--no-page", action="store_true", help="leave docs/benchmarks.md as it is")
    arguments = parser.parse_args()
    figures = Figures(_cold(arguments.pairs), _warm(), _turns(arguments.messages), _offices())
    text = page(figures, "make bench", datetime.now(UTC))
    sys.stdout.write("\n" + text)
    if not arguments.no_page:
        PAGE.write_text(text, encoding="utf-8")
    return 1 if figures.missed() else 0


def _cold(pairs: int) -> list[Cold] | str:
    if reason := unavailable():
        return reason
    found = []
    for name in cold.webhooks():
        say(f"Cold starts of {name}: 2 x {pairs} pairs ...")
        with_bytecode = cold.measure(name, bytecode=True, pairs=pairs)
        without = cold.measure(name, bytecode=False, pairs=pairs)
        found.append(Cold(name, with_bytecode, without, cold.unwanted_modules(name)))
    return found


def _warm() -> warm.Warm:
    say("Warm invocations of amocrm_webhook ...")
    return warm.measure()


def _turns(messages: int) -> list[turns.Turns]:
    numbers = [number for number in turns.NUMBERS if number <= messages]
    say(f"Turns of the responder: {max(numbers)} messages by each way of sending ...")
    with emulator(auth=False) as endpoint:
        return turns.measure(endpoint, numbers)


def _offices() -> list[offices.OfficeTurns]:
    say("Turns in the other CRMs ...")
    return [offices.measure(office) for office in offices.OFFICES]


if __name__ == "__main__":
    sys.exit(main())
