"""What is printed: a line per step for people, or one JSON object for scripts with the lines on standard error."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Voice:
    """Says what happens. With `as_json` standard output holds the result alone."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.done_steps: list[str] = []
        self.warnings: list[str] = []

    def done(self, sentence: str) -> None:
        """Say that a step is done and what was found."""
        self.done_steps.append(sentence)
        self._line(f"✓ {sentence}")

    def warn(self, sentence: str) -> None:
        """Say what is not as it should be, though it stops nothing."""
        self.warnings.append(sentence)
        self._line(f"! {sentence}")

    def line(self, sentence: str = "") -> None:
        """Print a line as it is."""
        self._line(sentence)

    def result(self, result: Mapping[str, Any]) -> None:
        """Print the result for a script; nothing for people, who have read it."""
        if self.as_json:
            print(_escaped(json.dumps(result, ensure_ascii=False, indent=2, default=str)))

    def _line(self, text: str) -> None:
        print(printable(text), file=sys.stderr if self.as_json else sys.stdout, flush=True)


def printable(text: str) -> str:
    """Return the text without what a terminal would obey: names in a CRM are anybody's."""
    return "".join(char if char.isprintable() else " " for char in text)


def _escaped(text: str) -> str:
    """Return JSON in which a terminal finds nothing to obey: the same values, such characters as escapes."""
    return "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text)


def never_fail_on_letters() -> None:
    """Let a terminal that cannot show a letter show a question mark instead."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
