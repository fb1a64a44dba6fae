"""What an examination finds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at (`check`, a short name), what was seen, and what to do about it."""

    check: str
    level: Level
    sentence: str
    advice: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the finding for scripts."""
        return asdict(self) | {"level": self.level.value}

    def line(self) -> str:
        """Return the finding for people."""
        mark = {Level.OK: "✓ ok     ", Level.WARNING: "! warning", Level.PROBLEM: "✗ problem"}[self.level]
        return f"  {mark}  {self.check}: {self.sentence}" + (f". {self.advice}" if self.advice else "")


def ok(check: str, sentence: str) -> Finding:
    """Return a good finding."""
    return Finding(check, Level.OK, sentence)


def warning(check: str, sentence: str, advice: str = "") -> Finding:
    """Return a finding that stops nothing."""
    return Finding(check, Level.WARNING, sentence, advice)


def problem(check: str, sentence: str, advice: str = "") -> Finding:
    """Return a finding that stops the bot."""
    return Finding(check, Level.PROBLEM, sentence, advice)
