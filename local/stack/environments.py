"""The tools' own Python environments, apart from the project's: SAM CLI's pins and the emulator's differ from ours."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from local.stack.paths import ENVIRONMENTS
from local.stack.progress import say

LOCKS = Path(__file__).parent / "requirements"


class ToolMissingError(RuntimeError):
    """A tool that the local stack needs is not there; the text says what to install."""


def environment(name: str) -> Path:
    """Return the environment `sam`, `emulator`, `lambda`, `scan` or `openapi`, installed exactly as its lock says.

    Installs on first use and when the lock or the interpreter has changed. Raises ToolMissingError without uv and
    CalledProcessError where the package index cannot be reached.
    """
    folder = ENVIRONMENTS / name
    lock = LOCKS / f"{name}.lock"
    stamp = folder / "installed"
    wanted = f"{sys.version.split()[0]} {hashlib.sha256(lock.read_bytes()).hexdigest()}"
    if stamp.exists() and stamp.read_text() == wanted:
        return folder
    say(f"Installing the environment {name} ...")
    uv = find_uv()
    base = Path(sys.executable).resolve()
    env = {**os.environ, "VIRTUAL_ENV": str(folder)}
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", base, folder], check=True)
    subprocess.run([uv, "pip", "sync", "--quiet", "--require-hashes", lock], check=True, env=env)
    stamp.write_text(wanted)
    return folder


def find_uv() -> str:
    """Return uv: the one on PATH, or the one that local/bootstrap installed."""
    bundled = ENVIRONMENTS / "uv" / "bin" / "uv"
    found = shutil.which("uv") or (str(bundled) if bundled.exists() else None)
    if found is None:
        msg = "uv was not found. Run local/bootstrap (or any make target), which installs it."
        raise ToolMissingError(msg)
    return found
