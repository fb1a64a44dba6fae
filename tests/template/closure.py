"""Which modules of ours a function runs: what its `app.py` imports, and what that imports, but for types."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from local.stack.paths import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SHARED = PROJECT / "shared"
NAMED = re.compile(r'"(dealtalk(?:\.\w+)+)"')
"""Adapters are imported by their names, which stand in the registry as texts."""


def modules(function: str) -> dict[str, str]:
    """Return the sources of a function's modules by name; `app` is its own."""
    app = PROJECT / "functions" / function / "app.py"
    found: dict[Path, str] = {app: app.read_text(encoding="utf-8")}
    todo = [app]
    while todo:
        for name in imported(found[todo.pop()]):
            path = (SHARED / name.replace(".", "/")).with_suffix(".py")
            if path not in found and path.exists():
                found[path] = path.read_text(encoding="utf-8")
                todo.append(path)
    return {"app" if path == app else _name(path): source for path, source in found.items()}


def imported(source: str) -> set[str]:
    """Return the names that a module may import when it runs."""
    return {*_names(ast.parse(source).body), *NAMED.findall(source)}


def _names(statements: Iterable[ast.stmt]) -> Iterator[str]:
    for statement in statements:
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.dump(statement.test):
            continue
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            yield statement.module
            yield from (f"{statement.module}.{alias.name}" for alias in statement.names)
        for block in ("body", "orelse", "finalbody"):
            yield from _names(getattr(statement, block, []))


def _name(path: Path) -> str:
    return ".".join(path.relative_to(SHARED).with_suffix("").parts)
