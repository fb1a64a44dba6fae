"""Writes the locks: the development environment's and those of the tools. They name no package index."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from local.stack.environments import LOCKS, find_uv
from local.stack.paths import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = ["--quiet", "--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url"]
OPTIONS += ["--no-annotate", "--custom-compile-command", "make lock"]


def write() -> None:
    """Resolve each environment anew, keeping the pins that still fit."""
    compile_lock("pyproject.toml", "--group", "dev", "--output-file", "requirements.lock")
    for name in ("sam", "emulator", "lambda", "scan", "openapi"):
        folder = LOCKS.relative_to(PROJECT)
        compile_lock(folder / f"{name}.in", "--output-file", folder / f"{name}.lock")


def compile_lock(*arguments: str | Path) -> None:
    """Run `uv pip compile` in the project's folder."""
    subprocess.run([find_uv(), "pip", "compile", *OPTIONS, *arguments], cwd=PROJECT, check=True)
