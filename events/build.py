# ruff: noqa: INP001 (a folder of events and the scripts that write them, no package)
"""Writes the events of every function, so that what is encoded or hashed there can be read here.

Run it from the project's root: `python -m events.build`. A test compares the files with what this writes. Every other
module of this folder with `FUNCTIONS` is one source; each of these gives its cases by the name of their file, and its
own name is the folder's.
"""

from __future__ import annotations

import json
import pkgutil
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).parent


def files() -> dict[Path, str]:
    """Return every file that is written, with its text."""
    modules = [
        import_module(f"events.{each.name}") for each in pkgutil.iter_modules([str(HERE)]) if each.name != "build"
    ]
    return {
        HERE / function.__name__ / f"{name}.json": json.dumps(case, ensure_ascii=False, indent=2) + "\n"
        for module in modules
        for function in getattr(module, "FUNCTIONS", ())
        for name, case in function().items()
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
