"""One line per step on standard error, so that nobody looks at a silent screen."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """Print one line of progress at once."""
    print(text, file=sys.stderr, flush=True)
