"""MiniStack with our shims, on a free port of 127.0.0.1."""

from __future__ import annotations

import os
import shutil
import socket
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

from local.stack import processes
from local.stack.environments import environment
from local.stack.paths import PROJECT
from local.stack.progress import say

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}  # the emulator's root user
START_SECONDS = 30
INHERITED = (
    "HOME",
    "LANG",
    "PYTHONDONTWRITEBYTECODE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
"""All that the emulator gets of this process's environment: functions inherit the emulator's."""


class EmulatorError(RuntimeError):
    """The emulator did not start; the text ends with its log."""


@contextmanager
def emulator(*, auth: bool) -> Iterator[str]:
    """Run an emulator of one's own; yields its endpoint. `auth`: IAM policies are enforced."""
    port = free_port()
    name = f"emulator-{port}"
    files = processes.FILES / name  # the unpacked functions, which the emulator itself would leave behind
    files.mkdir(parents=True, exist_ok=True)
    processes.sweep("emulator-*")
    say(f"Starting the AWS emulator on 127.0.0.1:{port} ...")
    command: list[str | Path] = [environment("emulator") / "bin" / "python", "-m", "local.stack.launcher"]
    process = processes.start(name, command, {**env(port, auth=auth), "TMPDIR": str(files)}, cwd=PROJECT)
    endpoint = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(endpoint):
            if process.poll() is not None or time.monotonic() > deadline:
                raise EmulatorError("The AWS emulator did not start:\n" + tail(name))
            time.sleep(0.1)
        yield endpoint
    finally:
        processes.stop(name)
        process.wait()
        if process.stdin:
            process.stdin.close()
        shutil.rmtree(files, ignore_errors=True)


def env(port: int, *, auth: bool) -> dict[str, str]:
    """Return the emulator's whole environment."""
    inherited = {key: os.environ[key] for key in INHERITED if key in os.environ}
    local = [inherited.get("NO_PROXY", ""), "127.0.0.1", "localhost"]
    return {
        **inherited,
        **CREDENTIALS,
        "PATH": f"{environment('emulator') / 'bin'}:{os.environ['PATH']}",
        "NO_PROXY": ",".join(filter(None, local)),
        "AWS_DEFAULT_REGION": REGION,
        "MINISTACK_REGION": REGION,
        "MINISTACK_HOST": "127.0.0.1",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "AUTH": str(auth).lower(),
        "LOG_LEVEL": "INFO",
        "DEALTALK_PARENT_PIPE": "1",
        "PYTHONUNBUFFERED": "1",
    }


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(endpoint: str) -> bool:
    """Return whether the emulator is up."""
    try:
        with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=2) as response:  # noqa: S310 (http is meant)
            return bool(response.status == 200)  # noqa: PLR2004 (OK)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def tail(name: str, lines: int = 30) -> str:
    """Return the end of a process's log."""
    return "\n".join(processes.log_file(name).read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
