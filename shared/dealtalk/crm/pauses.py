"""How long to wait after "too many requests" where the CRM names no time."""

from __future__ import annotations

FIRST_PAUSE = 1.5
LONGEST_PAUSE = 30.0


class Pauses:
    """Longer pauses each time in a row, per host, in this process."""

    def __init__(self) -> None:
        self._in_a_row: dict[str, int] = {}

    def next(self, host: str) -> float:
        """Return the seconds to wait after one more refusal."""
        count = self._in_a_row.get(host, 0)
        self._in_a_row[host] = count + 1
        return float(min(FIRST_PAUSE * 2**count, LONGEST_PAUSE))

    def reset(self, host: str) -> None:
        """Forget the refusals: a call went through."""
        self._in_a_row.pop(host, None)
