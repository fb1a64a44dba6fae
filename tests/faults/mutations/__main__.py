"""`python -m tests.faults.mutations`: which mutation is caught in which seed, by which invariant."""

from __future__ import annotations

import sys
from dataclasses import replace

from tests.faults.mutations.mutation import first_caught
from tests.faults.mutations.rules import MUTATIONS, SURVIVORS


def main() -> int:
    """Return 1 where a mutation survives."""
    survivors = 0
    for mutation in MUTATIONS:
        caught = first_caught(replace(mutation, known=0))
        survivors += caught is None
        told = "SURVIVES" if caught is None else f"seed {caught[0]}, invariant {caught[1].invariant}"
        sys.stdout.write(f"{mutation.name:<64}{told} (of {mutation.seeds})\n")
        sys.stdout.flush()
    sys.stdout.write(f"{len(MUTATIONS)} mutations, {survivors} survive\n")
    for name, why in SURVIVORS.items():
        sys.stdout.write(f"known to survive: {name}: {why}\n")
    return int(survivors > 0)


if __name__ == "__main__":
    sys.exit(main())
