"""`python -m tests.storm`: a storm on the deployed template.

Exit code 1 where an invariant was broken, 2 where too few messages came in to prove anything.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from random import SystemRandom

from local.demo.signals import end_at_sigterm
from tests.storm.evidence import keep
from tests.storm.report import report
from tests.storm.running import SMALL, WHOLE, storm
from tests.storm.verdict import GIVEN_UP

MOST_GIVEN_UP = 0.02
"""The share of messages that may be lost to a busy machine."""

PROVES_NOTHING = 2


def main() -> int:
    """Run one storm and print what it came to."""
    arguments = argparse.ArgumentParser(prog="python -m tests.storm", description=__doc__)
    arguments.add_argument("--seed", type=int, help="the same traffic as another storm's; its interleaving differs")
    arguments.add_argument("--small", action="store_true", help="60 customers of 6 accounts, as in make test")
    arguments.add_argument("--customers", type=int)
    arguments.add_argument("--accounts", type=int)
    arguments.add_argument("--seconds", type=float, help="within how many seconds customers begin to write")
    arguments.add_argument("--kills", type=int)
    chosen = arguments.parse_args()
    given = {name: getattr(chosen, name) for name in ("customers", "accounts", "seconds", "kills")}
    size = replace(SMALL if chosen.small else WHOLE, **{k: v for k, v in given.items() if v is not None})
    seed = SystemRandom().randrange(1_000_000) if chosen.seed is None else chosen.seed
    sys.stdout.write(f"seed {seed}\n")
    sys.stdout.flush()
    end_at_sigterm()
    over = storm(size, seed)
    sys.stdout.write(report(over) + "\n")
    if file := keep(over):
        sys.stdout.write(f"all that is known of the customers concerned: {file}\n")
    if over.verdict.violations:
        return 1
    if over.verdict.excepted[GIVEN_UP] > MOST_GIVEN_UP * len(over.happened.said):
        sys.stdout.write("Too few messages came in: the machine was too busy, and this storm proves nothing.\n")
        return PROVES_NOTHING
    return 0


if __name__ == "__main__":
    sys.exit(main())
