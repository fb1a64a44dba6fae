"""A built function under the runtime interface emulator and client, one invocation at a time."""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.rie import logs
from local.stack import processes
from local.stack.environments import environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from local.rie.built import BuiltFunction

REGION = "us-east-1"
START_SECONDS = 20
START_TRIES = 3
EXTRA_SECONDS = 30
"""How much longer than its timeout a function is waited for: its initialisation does not count."""

RUNTIME_ERROR = 502
TIMED_OUT = "Task timed out after"
EXITED = "Runtime.ExitError"


class RuntimeStartError(RuntimeError):
    """The emulator did not start; the text ends with its log."""


class FunctionError(RuntimeError):
    """The function raised, or could not be initialised: `error_type` is the exception's name."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(f"{error_type}: {message}")
        self.error_type = error_type


class FunctionTimedOut(FunctionError):
    """The function was stopped at its timeout."""


class FunctionExited(FunctionError):
    """The function's process ended before it had answered."""


def unavailable() -> str | None:
    """Return why this machine cannot run the emulator, None where it can."""
    if sys.platform != "linux":
        return f"the runtime interface emulator is a Linux program; this is {platform.system()}"
    if _architecture() is None:
        return f"the runtime interface emulator exists for x86_64 and arm64; this is {platform.machine()}"
    return None


@dataclass(slots=True)
class Runtime:
    """A function that runs. Not initialised until it is invoked for the first time."""

    function: BuiltFunction
    port: int
    log_name: str
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def invoke(self, event: object) -> Any:
        """Return what the function returned. Raises FunctionTimedOut, FunctionExited, FunctionError.

        The emulator dies of a second invocation at the same time (its open issue 97), so callers wait for each other.
        """
        url = f"http://127.0.0.1:{self.port}/2015-03-31/functions/function/invocations"
        request = urllib.request.Request(url, json.dumps(event).encode(), method="POST")
        with self._turn:
            try:
                with urllib.request.urlopen(request, timeout=self.function.timeout + EXTRA_SECONDS) as response:  # noqa: S310 (http)
                    return _result(response.read().decode())
            except urllib.error.HTTPError as error:
                if error.code != RUNTIME_ERROR:
                    raise
                raise _failure(error.read().decode()) from None

    @property
    def log(self) -> str:
        """What the emulator and the function wrote so far."""
        return processes.log_file(self.log_name).read_text(encoding="utf-8", errors="replace")

    @property
    def inits(self) -> list[float]:
        """See `logs.inits`."""
        return logs.inits(self.log)

    @property
    def reports(self) -> list[logs.Report]:
        """See `logs.reports`. The line of an invocation may come just after its answer."""
        return logs.reports(self.log)


@contextmanager
def running(function: BuiltFunction, env: Mapping[str, str] | None = None) -> Iterator[Runtime]:
    """Run a function on ports of its own until the block ends; `env` is added to its own variables.

    Its environment is Lambda's, not this process's. Raises RuntimeStartError and ToolMissingError.
    """
    processes.sweep(f"rie-{function.name}-*")
    for _ in range(START_TRIES):
        invoke, api = _two_free_ports()
        name = f"rie-{function.name}-{invoke}"
        command: list[str | Path] = [_emulator(), "--log-level", "info"]
        command += ["--runtime-interface-emulator-address", f"127.0.0.1:{invoke}"]
        command += ["--runtime-api-address", f"127.0.0.1:{api}"]
        command += [runtime_python(), "-m", "awslambdaric", function.handler]
        process = processes.start(name, command, {**_lambda_env(function), **(env or {})}, cwd=function.folder)
        try:
            if _answers(invoke, process):
                yield Runtime(function, invoke, name)
                return
        finally:
            processes.stop(name)
            process.wait()
            if process.stdin:
                process.stdin.close()
    raise RuntimeStartError("the emulator did not start:\n" + processes.log_file(name).read_text(encoding="utf-8"))


def runtime_python() -> Path:
    """Return the interpreter that has the runtime's packages, their bytecode in place as in AWS's own runtime."""
    folder = environment("lambda")
    stamp = folder / "compiled"
    if not stamp.exists():
        python = folder / "bin" / "python"
        subprocess.run([python, "-m", "compileall", "-q", folder / "lib"], check=False, stdout=subprocess.DEVNULL)
        stamp.touch()
    return folder / "bin" / "python"


def _lambda_env(function: BuiltFunction) -> dict[str, str]:
    """Return the variables that Lambda sets, without leave to write bytecode: there the disk is read-only."""
    inherited = {key: os.environ[key] for key in ("HOME", "PATH") if key in os.environ}
    return {
        **inherited,
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": os.pathsep.join(map(str, function.path)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LAMBDA_TASK_ROOT": str(function.folder),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        **function.env,
    }


def _emulator() -> Path:
    (found,) = environment("sam").glob(
        f"lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-{_architecture()}"
    )
    return found


def _architecture() -> str | None:
    names = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
    return names.get(platform.machine().lower())


def _two_free_ports() -> tuple[int, int]:
    """Return two ports that nobody listens on: both are held at once, so that they differ."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(2)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        invoke, api = (int(probe.getsockname()[1]) for probe in probes)
        return invoke, api


def _answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return True
    return False


def _result(body: str) -> Any:
    """Return the function's result of an answer with status 200, by which the emulator reports failures too."""
    try:
        value = json.loads(body)
    except ValueError:
        kind = FunctionTimedOut if TIMED_OUT in body else FunctionError
        raise kind("Lambda", body.strip()[-500:]) from None
    if isinstance(value, dict) and {"errorType", "errorMessage"} <= value.keys():
        kind = FunctionTimedOut if TIMED_OUT in str(value["errorMessage"]) else FunctionError
        raise kind(value["errorType"], str(value["errorMessage"]))
    return value


def _failure(body: str) -> FunctionError:
    """Return the exception of an answer with status 502: the process ended, or never was ready."""
    try:
        value = json.loads(body)
        error_type, message = str(value["errorType"]), str(value["errorMessage"])
    except (ValueError, KeyError, TypeError):
        error_type, message = EXITED, body.strip()[-500:]
    return (FunctionExited if error_type == EXITED else FunctionError)(error_type, message)
