"""Failures of a function under the runtime interface emulator: each is an exception, and the next invocation works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local.rie import (
    BuiltFunction,
    FunctionError,
    FunctionExited,
    FunctionTimedOut,
    Runtime,
    running,
    unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(unavailable() is not None, reason=unavailable() or "")]

HANDLER = """
import os, threading

def handler(event, context):
    if event == "raise":
        raise KeyError("it")
    if event == "wait":
        threading.Event().wait()
    if event == "exit":
        os._exit(3)
    return {"said": event}
"""


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    """Run a small function with a timeout of a second."""
    (tmp_path / "app.py").write_text(HANDLER, encoding="utf-8")
    with running(BuiltFunction("Probe", tmp_path, (), "app.handler", 1, 128, {})) as started:
        yield started


@pytest.mark.parametrize(
    ("said", "error"), [("raise", FunctionError), ("wait", FunctionTimedOut), ("exit", FunctionExited)]
)
def test_a_failure_is_an_exception_and_not_the_end(runtime: Runtime, said: str, error: type[FunctionError]) -> None:
    """The emulator answers some of them with 200; who reads only statuses would take them for success."""
    with pytest.raises(FunctionError) as failure:
        runtime.invoke(said)
    assert type(failure.value) is error
    assert runtime.invoke("ja") == {"said": "ja"}


def test_a_function_that_cannot_be_imported_says_so(tmp_path: Path) -> None:
    """The error names what is missing."""
    (tmp_path / "app.py").write_text("import not_there", encoding="utf-8")
    function = BuiltFunction("Probe", tmp_path, (), "app.handler", 1, 128, {})
    with running(function) as runtime, pytest.raises(FunctionError, match="not_there") as failure:
        runtime.invoke({})
    assert failure.value.error_type == "Runtime.ImportModuleError"


def test_the_log_tells_how_long_initialisations_took(runtime: Runtime) -> None:
    """One for the first invocation, one more after the process ended, none for a warm invocation."""
    runtime.invoke("a")
    runtime.invoke("b")
    assert len(runtime.inits) == 1
    with pytest.raises(FunctionExited):
        runtime.invoke("exit")
    runtime.invoke("c")
    assert len(runtime.inits) == 2
    assert all(milliseconds > 0 for milliseconds in runtime.inits)
