"""A mutation: a piece of a function's source replaced, compiled into its module, and put back afterwards."""

from __future__ import annotations
import __future__

import importlib
import inspect
import sys
import textwrap
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.faults.running import simulate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.violations import Violation


@dataclass(frozen=True, slots=True)
class Mutation:
    """`place` is `module:function` or `module:Class.method` of the real code, in which `old` becomes `new`.

    `breaks` are the invariants of which at least one must be seen broken within `seeds` runs with the faults `focus`.
    """

    name: str
    place: str
    old: str
    new: str
    breaks: frozenset[int]
    focus: tuple[str, ...]
    seeds: int = 400
    known: int = 0
    """A seed in which it was caught; tried first, so that the tests are quick."""


@contextmanager
def mutated(mutation: Mutation) -> Iterator[None]:
    """Run with the mutation in force. Raises ValueError where the code no longer holds the piece exactly once."""
    module_name, path = mutation.place.split(":")
    module: Any = importlib.import_module(module_name)
    *owners, name = path.split(".")
    owner = module
    for each in owners:
        owner = getattr(owner, each)
    real = owner.__dict__[name]
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(real)))
    if source.count(mutation.old) != 1:
        msg = f"{mutation.name}: {mutation.place} holds the piece {source.count(mutation.old)} times"
        raise ValueError(msg)
    flags = __future__.annotations.compiler_flag
    made: dict[str, Any] = {}
    code = compile(source.replace(mutation.old, mutation.new), f"<{mutation.name}>", "exec", flags, dont_inherit=True)
    exec(code, module.__dict__, made)  # noqa: S102 (our own source, with one piece replaced)
    users = [owner] if owners else [m for m in list(sys.modules.values()) if _uses(m, name, real)]
    for user in users:
        setattr(user, name, made[name])
    try:
        yield
    finally:
        for user in users:
            setattr(user, name, real)


def _uses(module: object, name: str, real: object) -> bool:
    return getattr(module, "__name__", "").startswith(("dealtalk", "tests.")) and vars(module).get(name) is real


def first_caught(mutation: Mutation) -> tuple[int, Violation] | None:
    """Return a seed in which the mutation breaks what it must break, and how; None: it survives all its seeds.

    A seed counts only where the real code holds in the very same run: otherwise it says nothing about the mutation.
    """
    for seed in (mutation.known, *range(mutation.seeds)):
        with mutated(mutation):
            _, verdict = simulate(seed, mutation.focus)
        broken = next((each for each in verdict.violations if each.invariant in mutation.breaks), None)
        if broken is not None and not simulate(seed, mutation.focus)[1].violations:
            return seed, broken
    return None
