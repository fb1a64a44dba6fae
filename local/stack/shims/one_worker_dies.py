"""Gap: an execution environment that dies while it starts takes along all of its function's, those at work too.

In AWS each environment is on its own: its invocation fails, the others know nothing of it.
"""

from __future__ import annotations

from typing import Any

from ministack.core import lambda_runtime


def apply() -> None:
    """Let a start that failed be this one worker's error; it starts anew with its next invocation."""
    original = lambda_runtime.Worker.invoke

    def invoke(worker: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
        try:
            return dict(original(worker, *arguments, **options))
        except (OSError, RuntimeError) as error:
            process, worker._proc = worker._proc, None
            lambda_runtime._signal(process)
            return {"status": "error", "error": f"{type(error).__name__} at the start", "cold_start": True, "log": ""}

    lambda_runtime.Worker.invoke = invoke
