"""The locks: complete, hashed, and in step with what they are made from."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

import pytest

from local.stack.environments import LOCKS
from local.stack.launcher import PINNED
from local.stack.paths import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

TOOLS = ("sam", "emulator", "lambda", "scan", "openapi")
ALL_LOCKS = [PROJECT / "requirements.lock", *(LOCKS / f"{name}.lock" for name in TOOLS)]


def names(requirements: list[str]) -> set[str]:
    """Return the normalised names of requirements."""
    found = (re.match(r"[A-Za-z0-9._-]+", line) for line in requirements)
    return {re.sub(r"[._-]+", "-", match[0]).lower() for match in found if match}


def locked(text: str) -> set[str]:
    """Return the names that a lock pins."""
    return names(re.findall(r"(?m)^[a-z0-9.-]+==.*", text))


def test_everything_that_the_project_names_is_locked() -> None:
    """A dependency that was added without `make lock` would be missing on the next machine."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = names(project["project"]["dependencies"] + project["dependency-groups"]["dev"])
    assert wanted <= locked((PROJECT / "requirements.lock").read_text(encoding="utf-8"))


@pytest.mark.parametrize("lock", ALL_LOCKS, ids=lambda path: path.name)
def test_every_pin_has_hashes_and_no_index_is_named(lock: Path) -> None:
    """The same files everywhere, from whatever index a machine uses."""
    lock_text = lock.read_text(encoding="utf-8")
    assert not re.search(r"https?://|--index|--find-links", lock_text)
    for pin in re.split(r"\n(?=[a-z0-9])", lock_text)[1:]:
        assert "--hash=sha256:" in pin


def test_the_shims_know_the_emulator_that_is_locked() -> None:
    """The shims patch private functions of exactly one release."""
    text = (LOCKS / "emulator.lock").read_text(encoding="utf-8")
    assert f"\nministack=={PINNED} " in f"\n{text}"
