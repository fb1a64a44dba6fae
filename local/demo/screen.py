"""The timeline on the terminal: one line per event, with the seconds since the dialogue began."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

from local.demo.story import EventKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from local.demo.story import Event

COLORS = {
    EventKind.MESSAGE: "36",
    EventKind.DOORBELL: "33",
    EventKind.MODEL: "35",
    EventKind.CHANGE: "34",
    EventKind.REPLY: "32;1",
    EventKind.HANDOFF: "31",
    EventKind.END: "2",
}
MARGIN = " " * 21
WIDEST = 120


def wants_color() -> bool:
    """Return whether standard output is a terminal that shows colours (https://no-color.org)."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


class Screen:
    """Prints each event once."""

    def __init__(self) -> None:
        self._shown: set[str] = set()
        self._began: datetime | None = None
        self._color = wants_color()

    def show(self, events: Iterable[Event], until: datetime) -> None:
        """Print what is new and happened before `until`: what is younger may still get something before it."""
        for event in events:
            if event.at < until and event.key not in self._shown:
                self._shown.add(event.key)
                self._print(event)

    def _print(self, event: Event) -> None:
        self._began = self._began or event.at
        elapsed = f"{(event.at - self._began).total_seconds():6.2f} s"
        kind = self._paint(f"{event.kind.value:<9}", COLORS[event.kind])
        lines = self._wrapped(sentence(event))
        print(f"{elapsed}  {kind}  {lines[0]}", flush=True)
        for line in lines[1:]:
            print(f"{MARGIN}{line}", flush=True)

    def say(self, text: str, color: str = "1") -> None:
        """Print a line of our own."""
        print(self._paint(text, color), flush=True)

    def _paint(self, text: str, color: str) -> str:
        return f"\x1b[{color}m{text}\x1b[0m" if self._color else text

    def _wrapped(self, text: str) -> list[str]:
        width = max(40, min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns) - len(MARGIN))
        lines = [part for line in text.splitlines() for part in textwrap.wrap(line, width)]
        return [printable(line) for line in lines] or [""]


def sentence(event: Event) -> str:
    """Return the event in words, a changed value with the old one before it."""
    if event.old is not None or event.new is not None:
        return f"{event.title}: {event.old or '(empty)'} → {event.new or '(empty)'}"
    return f"{event.title}: {event.text}" if event.text else event.title


def printable(text: str) -> str:
    """Return the text without control characters: a customer's words must not steer the terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
