"""The doorbells that rang, from the responder's log: the table holds what was done, not each time somebody looked."""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.stack import Stack

LOOK_EVERY_SECONDS = 0.4
WAKE_UP = "wake-up"
FAILED = "doorbell failed"
REPORT = re.compile(r"REPORT RequestId: (\S+)\s+Duration: ([\d.]+) ms")


@dataclass(frozen=True, slots=True)
class WakeUp:
    """One invocation of the responder: when it began and ended, why the bell rang, what it came to.

    `doing` and `why` are the responder's own fixed words; `failed` where the doorbell rings again.
    """

    request_id: str
    conversation: str
    began: datetime
    ended: datetime
    ring: str
    doing: str
    why: str
    failed: bool = False


class WakeUps:
    """Follows the responder's log group; safe to be asked by many threads."""

    def __init__(self, stack: Stack) -> None:
        self._logs = stack.client("logs")
        self._group = f"/dealtalk/{stack.secrets_prefix.removeprefix('dealtalk/')}/responder"
        self._lock = threading.Lock()
        self._found: dict[str, WakeUp] = {}
        self._lasted: dict[str, timedelta] = {}
        self._since = 0
        self._looked = 0.0

    def of(self, conversation: str) -> list[WakeUp]:
        """Return the wake-ups of a conversation (its hashed id), in the order of their beginning."""
        with self._lock:
            if time.monotonic() - self._looked >= LOOK_EVERY_SECONDS:
                self._look()
                self._looked = time.monotonic()
            mine = [self._timed(each) for each in self._found.values() if each.conversation == conversation]
        return sorted(mine, key=lambda wake_up: wake_up.began)

    def _look(self) -> None:
        given: dict[str, Any] = {"logGroupName": self._group, "startTime": self._since}
        while True:
            answer = self._logs.filter_log_events(**given)
            for event in answer["events"]:
                self._since = max(self._since, event["timestamp"])
                self._take(event["message"].strip(), event["timestamp"])
            if not (token := answer.get("nextToken")):
                return
            given["nextToken"] = token

    def _take(self, line: str, at: int) -> None:
        if report := REPORT.match(line):
            self._lasted[report[1]] = timedelta(milliseconds=float(report[2]))
        elif line.startswith("{"):
            wake_up = parse(line, datetime.fromtimestamp(at / 1000, UTC))
            if wake_up:
                self._found[wake_up.request_id] = wake_up

    def _timed(self, wake_up: WakeUp) -> WakeUp:
        return replace(wake_up, began=wake_up.ended - self._lasted.get(wake_up.request_id, timedelta()))


def parse(line: str, at: datetime) -> WakeUp | None:
    """Return the wake-up that a log line tells of; None: it tells of something else."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    if said.get("message") not in {WAKE_UP, FAILED} or "conversation" not in said:
        return None
    failed = said["message"] == FAILED
    return WakeUp(
        request_id=said.get("function_request_id", ""),
        conversation=said["conversation"],
        began=at,
        ended=at,
        ring=said.get("ring", ""),
        doing="failed" if failed else said.get("doing", ""),
        why=f"{said.get('error', '')}: {said.get('fact', '')}" if failed else said.get("why", ""),
        failed=failed,
    )
