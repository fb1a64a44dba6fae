"""What the runtime interface emulator writes about initialisations and invocations."""

from __future__ import annotations

import re
from dataclasses import dataclass

# The "Init Duration" of a REPORT line is not the initialisation's: the emulator measures something else there.
_INIT = re.compile(r"INIT REPORT\(durationMs: (?P<ms>[0-9.]+)\)")
_REPORT = re.compile(r"^REPORT RequestId: (?P<id>\S+)\t(?:[^\n]*\t)?Duration: (?P<ms>[0-9.]+) ms", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Report:
    """One invocation: its request id and its duration in milliseconds, an initialisation before it included."""

    request_id: str
    milliseconds: float


def inits(log: str) -> list[float]:
    """Return the duration of each initialisation in milliseconds: the interpreter's start, then the imports."""
    return [float(found["ms"]) for found in _INIT.finditer(log)]


def reports(log: str) -> list[Report]:
    """Return the invocations that have ended."""
    return [Report(found["id"], float(found["ms"])) for found in _REPORT.finditer(log)]
