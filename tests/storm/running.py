"""One storm from the first process to the verdict."""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from local.demo.children import child
from local.model import MODEL_NAME
from local.stack import processes, up
from local.stack.progress import say
from tests.storm import mischief
from tests.storm.company import StormAccount, connect_all
from tests.storm.control import StormControl
from tests.storm.cpu import CpuTimes, measure
from tests.storm.crms import AMOCRM, StormCrm
from tests.storm.driver import Driver, Happened
from tests.storm.mind import Mind
from tests.storm.mischief import Killer
from tests.storm.records import Records, read
from tests.storm.settling import Left, Schedules, Settling
from tests.storm.traffic import Plan, Size, plan
from tests.storm.verdict import Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from local.stack import Stack

WHOLE = Size(customers=2000, accounts=40, seconds=200.0, kills=40)
SMALL = Size(customers=60, accounts=6, seconds=15.0, kills=4, pause=15.0, at_once=6)
PARAMETERS = {"QuietSeconds": "1", "ModelTimeoutSeconds": "2"}
RETRIES_COMPRESSED = "20"
"""amoCRM sends a failed webhook again after 5 minutes; here after 15 seconds."""

HIDDEN_SECONDS = 105
"""How long the queue hides a doorbell by default; the template's 540 matter only to a worker that is killed before its
handler's first call, and no storm waits nine minutes for that one."""

NO_EVENT = b'{"Records": [], "requestContext": {"http": {"method": "GET", "path": "/"}}, "headers": {}}'

MISCHIEF_ENDS_AT = 0.05
"""The share of customers for whom a doorbell waits at which the faults end, once everybody has written."""

LONGEST_WARM_UP = 90.0
LONGEST_BACKLOG = 240.0
LONGEST_CALM = 900.0
FAILED = "doorbell failed"


@dataclass
class Storm:
    """A storm that is over, and what it came to."""

    plan: Plan
    happened: Happened
    records: Records
    verdict: Verdict
    left: Left
    faults: Counter[str]
    model_failures: Counter[str]
    model_calls: int
    kills: int
    dead_letters: int
    cpu: CpuTimes
    phases: dict[str, float] = field(default_factory=dict)
    """Seconds of wall time."""


def storm(size: Size, seed: int, crm: StormCrm = AMOCRM) -> Storm:
    """Run a storm and judge it. Progress goes to standard error. Raises what `local.stack.up` and connecting raise."""
    planned = plan(seed, size, len(crm.kinds))
    clock = Phases()
    with world(planned, crm) as (stack, control, mind, simulator):
        clock.ended("start and deploy")
        say(f"Connecting {size.accounts} accounts ...")
        with tempfile.TemporaryDirectory() as folder:
            accounts = connect_all(stack, control, crm, planned.accounts, Path(folder))
        clock.ended("connect")
        # As many as can be at work: an account's webhooks come one after the other, and a crowd of cold starts would
        # take longer than the CRM waits for an answer.
        prepare(stack, {"Responder": size.at_once, crm.webhook: size.accounts})
        clock.ended("warm up")
        run = _Run(planned, stack, control, mind, accounts, emulator_pid(stack), clock)
        with Schedules(stack) as schedules:
            happened, faults = run.weather()
            left = run.calm()
        say("Reading what was left behind ...")
        cpu = measure(run.emulator, simulator, stack.functions)
        records = read(stack, control, happened)
        verdict = judge(records, mind, left, unknown_errors(stack))
        clock.ended("read and judge")
        return Storm(
            planned,
            happened,
            records,
            verdict,
            left,
            faults,
            mind.failures,
            mind.asked_for,
            run.killed,
            schedules.most_letters,
            cpu,
            clock.seconds,
        )


@contextmanager
def world(planned: Plan, crm: StormCrm) -> Iterator[tuple[Stack, StormControl, Mind, int]]:
    """Start model, simulator and stack; yields them with the simulator's process number."""
    parameters = {**PARAMETERS, "MaximumConcurrency": str(planned.size.at_once)}
    arguments = ("--port", "0", "--state-file", "{ready}", "--time-factor", RETRIES_COMPRESSED)
    with (
        Mind(planned.seed) as mind,
        child("storm-simulator", crm.simulator, *arguments) as ready,
        up(mind.base_url, MODEL_NAME, auth=True, parameters=parameters) as stack,
    ):
        yield stack, StormControl(ready["control_url"]), mind, int(ready["pid"])


def prepare(stack: Stack, workers: Mapping[str, int]) -> None:
    """Shorten the queue's default visibility and start so many workers of each function."""
    visibility = {"VisibilityTimeout": str(HIDDEN_SECONDS)}
    stack.client("sqs").set_queue_attributes(QueueUrl=stack.queue_url, Attributes=visibility)
    functions, emulator = stack.client("lambda"), emulator_pid(stack)
    for name, many in workers.items():
        for _ in range(many):
            functions.invoke(FunctionName=stack.functions[name], Payload=NO_EVENT, InvocationType="Event")
    deadline = time.monotonic() + LONGEST_WARM_UP
    while any(len(mischief.workers(emulator, stack.functions[name])) < many for name, many in workers.items()):
        if time.monotonic() > deadline:
            say("Not all workers have started; the storm begins all the same.")
            return
        time.sleep(1)


@dataclass
class Phases:
    """Measures how long each part took."""

    seconds: dict[str, float] = field(default_factory=dict)
    _since: float = field(default_factory=time.monotonic)

    def ended(self, name: str) -> None:
        """Note that a part ended."""
        now = time.monotonic()
        self.seconds[name], self._since = now - self._since, now


@dataclass
class _Run:
    plan: Plan
    stack: Stack
    control: StormControl
    mind: Mind
    accounts: tuple[StormAccount, ...]
    emulator: int
    clock: Phases
    killed: int = 0

    def __post_init__(self) -> None:
        self.settling = Settling(self.stack, self.control)

    def weather(self) -> tuple[Happened, Counter[str]]:
        """Let people do what is planned while everything fails a little, until most of it is dealt with."""
        say(f"The storm: {len(self.plan.deeds)} deeds of {self.plan.size.customers} customers ...")
        mischief.begin(self.control, self.plan.seed)
        size = self.plan.size
        responder = self.stack.functions["Responder"]
        with Killer(self.emulator, responder, size.kills, size.seconds, self.plan.seed) as killer:
            crowded = partial(self.settling.is_crowded, size.at_once)
            happened = Driver(self.control, self.plan, self.accounts, crowded).run()
            self.clock.ended("everybody writes")
            few = max(5, int(size.customers * MISCHIEF_ENDS_AT))
            self.settling.wait_for_backlog(LONGEST_BACKLOG, doorbells=few)
        self.killed = killer.killed
        self.mind.calm = True
        faults = mischief.end(self.control)
        self.clock.ended("faults go on")
        return happened, faults

    def calm(self) -> Left:
        """Wait, without faults, until nothing is left."""
        say("Calm: waiting until nothing is left ...")
        left = self.settling.wait_for_end(LONGEST_CALM)
        self.clock.ended("calm")
        return left


def emulator_pid(stack: Stack) -> int:
    """Return the process number of the stack's own emulator. Raises RuntimeError where it is not remembered."""
    found = processes.running(f"emulator-{urlsplit(stack.aws_endpoint).port}")
    if found is None:
        msg = "the emulator's process is not known"
        raise RuntimeError(msg)
    return found.pid


def unknown_errors(stack: Stack) -> list[str]:
    """Return the errors that the responder did not expect, from its log."""
    group = f"/dealtalk/{stack.secrets_prefix.removeprefix('dealtalk/')}/responder"
    found: Counter[str] = Counter()
    pages = stack.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    for page in pages:
        for event in page["events"]:
            if FAILED in event["message"] and '"fact":"unknown"' in event["message"].replace(" ", ""):
                found[str(_error(event["message"]))] += 1
    return [f"{name}, {count} times" for name, count in found.items()]


def _error(line: str) -> str:
    try:
        return str(json.loads(line)["error"])
    except (ValueError, KeyError):
        return line[:200]
