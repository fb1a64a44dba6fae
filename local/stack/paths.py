"""Where the local stack finds the project and keeps its own files."""

from __future__ import annotations

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
STATE = PROJECT / ".local"
"""Everything that the local stack writes; not under version control."""

ENVIRONMENTS = STATE / "venvs"
STACK_FILE = STATE / "stack.json"
