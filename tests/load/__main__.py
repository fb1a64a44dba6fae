"""`python -m tests.load`: outages and slow neighbours in simulated time, as tables. Nothing to set up, some seconds."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from tests.load.scenes import Recovery, crm_outage, model_outage, slow_neighbour

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAD = ("waiting", "first", "half", "last answered", "calls/s mean", "most in a second", "429s", "out of order", "dead")


def main() -> int:
    """Print the tables; return 1 where somebody was left without an answer."""
    arguments = argparse.ArgumentParser(prog="tests.load")
    arguments.add_argument("--customers", type=int, default=300, help="how many write during an outage")
    arguments.add_argument("--minutes", action="store_true", help="also what happened in each minute after the return")
    chosen = arguments.parse_args()
    count = chosen.customers
    crm = {
        "CRM down 1 h, 20 workers, 4 calls a reply": crm_outage(customers=count, workers=20),
        "CRM down 1 h, 20 workers, 2 calls a reply": crm_outage(customers=count, workers=20, requests=2),
        "CRM down 1 h, 10 workers, 4 calls a reply": crm_outage(customers=count, workers=10),
        "the same, and 20 write after the return": crm_outage(customers=count, workers=10, live=20),
    }
    model = {
        "model down 8 min, 10 accounts, 20 workers": model_outage(customers=count, accounts=10, workers=20),
        "model down 8 min, 1 account, 20 workers": model_outage(customers=count, accounts=1, workers=20),
    }
    table("After an outage (seconds from the return)", HEAD, {name: row(each) for name, each in (crm | model).items()})
    if chosen.minutes:
        for name, each in (crm | model).items():
            say(f"{name}: answers and calls per minute: " + ", ".join(f"{a}/{c}" for a, c in each.per_minute))
    live = crm["the same, and 20 write after the return"].live_waits
    say(f"Customers who wrote after the return waited {min(live):.0f} to {max(live):.0f} s.\n")
    neighbours = {
        "shared fairly, 10 workers": slow_neighbour(workers=10),
        "nobody counted, 10 workers": slow_neighbour(workers=10, slots=0),
        "shared fairly, 20 workers": slow_neighbour(workers=20),
        "nobody counted, 20 workers": slow_neighbour(workers=20, slots=0),
    }
    table(
        "100 chats of an account whose calls take 30 s, beside a quick account (waits in seconds)",
        ("quick, longest", "slow, longest", "workers held by the slow one"),
        {
            name: (f"{each.quick[-1]:.0f}", f"{each.slow[-1]:.0f}", str(each.most_workers))
            for name, each in neighbours.items()
        },
    )
    left = sum(each.unanswered + each.dead_letters for each in (crm | model).values())
    return int(left + sum(each.unanswered for each in neighbours.values()) > 0)


def row(came: Recovery) -> tuple[str, ...]:
    """Return the figures of an outage as cells."""
    times = (f"{seconds:.0f}" for seconds in (came.first, came.half, came.last))
    calls = (f"{came.mean_calls:.1f}", str(came.most_calls), str(came.refused))
    return str(came.customers), *times, *calls, str(came.overtaken), str(came.dead_letters)


def table(title: str, head: Sequence[str], rows: dict[str, tuple[str, ...]]) -> None:
    """Print a table in Markdown."""
    say(f"{title}\n")
    say(f"| | {' | '.join(head)} |")
    say("|---" * (len(head) + 1) + "|")
    for name, cells in rows.items():
        say(f"| {name} | {' | '.join(cells)} |")
    say("")


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
