"""How long each webhook's initialisation takes, next to a bare function that makes the same two clients."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from events.http_api import http_event
from local.rie import read_function, running
from local.stack.paths import PROJECT
from local.stack.sam import build_for_here, compile_bytecode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.rie import BuiltFunction

PAIRS = 15
BAR = 1.25
UNWANTED = ("openai", "pydantic", "requests")
FUNCTIONS = PROJECT / "functions"
NOWHERE = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
"""A port on which nobody listens: an initialisation calls nobody."""

BARE = """
import boto3

dynamodb = boto3.client("dynamodb")
sqs = boto3.client("sqs")


def handler(event, context):
    return {"statusCode": 200}
"""
INSIDE = """
import sys

import app


def handler(event, context):
    return sorted({name.partition(".")[0] for name in sys.modules})
"""


@dataclass(frozen=True, slots=True)
class ColdStart:
    """Initialisations of the two functions in milliseconds, measured in turn."""

    webhook: tuple[float, ...]
    bare: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios."""
        return median(ours / theirs for ours, theirs in zip(self.webhook, self.bare, strict=True))

    @property
    def holds(self) -> bool:
        """Whether the webhook is within its bar."""
        return self.ratio <= BAR


def webhooks() -> list[str]:
    """Return the folders of all functions that take a CRM's webhooks."""
    return sorted(folder.name for folder in FUNCTIONS.glob("*_webhook"))


def measure(name: str, *, bytecode: bool, pairs: int = PAIRS) -> ColdStart:
    """Measure pairs of fresh runtimes, the first of each pair in turn; `bytecode`: .pyc files beside all sources."""
    with _functions(name, bytecode=bytecode) as (webhook, bare):
        sides = {webhook.name: webhook, bare.name: bare}
        taken: dict[str, list[float]] = {side: [] for side in sides}
        probe = http_event(name.removesuffix("_webhook"), "GET", user_agent="bench")
        for number in range(-1, pairs):
            for side in sorted(sides, reverse=bool(number % 2)):
                milliseconds = _init(sides[side], probe)
                if number >= 0:  # the first pair only fills the disk's cache
                    taken[side].append(milliseconds)
        return ColdStart(tuple(taken[webhook.name]), tuple(taken[bare.name]))


def unwanted_modules(name: str) -> list[str]:
    """Return which of the packages that a webhook must not import it has imported."""
    with _functions(name, bytecode=True) as (webhook, _):
        (webhook.folder / "inside.py").write_text(INSIDE, encoding="utf-8")
        with running(replace(webhook, handler="inside.handler"), NOWHERE) as runtime:
            modules = runtime.invoke({})
    assert "boto3" in modules
    return [package for package in UNWANTED if package in modules]


def _init(function: BuiltFunction, probe: Any) -> float:
    with running(function, NOWHERE) as runtime:
        assert runtime.invoke(probe)["statusCode"] == 200
        (milliseconds,) = runtime.inits
        return milliseconds


@contextmanager
def _functions(name: str, *, bytecode: bool) -> Iterator[tuple[BuiltFunction, BuiltFunction]]:
    """Yield copies of the webhook and of the bare function, both with or both without bytecode."""
    values = {"Table": "t", "Queue": f"{NOWHERE['AWS_ENDPOINT_URL']}/queue", "AWS::StackName": "bench"}
    built = read_function(build_for_here(), "".join(part.capitalize() for part in name.split("_")), values)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        without = shutil.ignore_patterns("__pycache__")
        shutil.copytree(built.folder, root / "webhook", ignore=without)
        layers = tuple(root / f"layer{number}" for number, _ in enumerate(built.layers))
        for layer, copy in zip(built.layers, layers, strict=True):
            shutil.copytree(layer, copy, ignore=without)
        (root / "bare").mkdir()
        (root / "bare" / "app.py").write_text(BARE, encoding="utf-8")
        if bytecode:
            compile_bytecode(root)
        webhook = replace(built, folder=root / "webhook", layers=layers)
        yield webhook, replace(webhook, name="Bare", folder=root / "bare", layers=())
