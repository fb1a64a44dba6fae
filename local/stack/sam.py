"""SAM CLI on the project's own template: build and deploy for this machine, or build for AWS."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from local.stack import processes
from local.stack.environments import LOCKS, environment
from local.stack.paths import PROJECT, STATE
from local.stack.progress import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

LOCAL_BUILD = STATE / "build"


class SamError(RuntimeError):
    """SAM CLI failed; the text ends with what it printed."""


def machine_parameters() -> dict[str, str]:
    """Return the template's parameters that say what this machine has."""
    arm = platform.machine().lower() in {"arm64", "aarch64"}
    runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return {"Runtime": runtime, "Architecture": "arm64" if arm else "x86_64"}


def build_for_here() -> Path:
    """Return the template built for this machine; builds only what has changed since the last time."""
    STATE.mkdir(exist_ok=True)
    stamp = LOCAL_BUILD / "fingerprint"
    wanted = fingerprint()
    with exclusive("build"):
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
            build(LOCAL_BUILD, machine_parameters())
            stamp.write_text(wanted, encoding="utf-8")
    return LOCAL_BUILD / "template.yaml"


def build_for_aws(parameters: Mapping[str, str]) -> Path:
    """Build for a deploy to AWS with `sam deploy`; `parameters` are the template's, its defaults where not given.

    Raises SamError where this machine has not the runtime's Python, whose bytecode and packages would not fit.
    """
    default = re.search(
        r"(?m)^  Runtime:\n(?:    .*\n)*?    Default: (\S+)", (PROJECT / "template.yaml").read_text("utf-8")
    )
    wanted = parameters.get("Runtime", default[1] if default else "")
    here = machine_parameters()["Runtime"]
    if wanted != here:
        raise SamError(
            f"The runtime is {wanted}, but .venv has {here}. Either install that Python and run "
            f"`PYTHON=/path/to/it make build`, or build and deploy with Runtime={here}: "
            f"`make build ARGS=Runtime={here}`, then `sam deploy --parameter-overrides Runtime={here}`."
        )
    folder = PROJECT / ".aws-sam" / "build"
    build(folder, parameters)
    return folder


def fingerprint() -> str:
    """Return a hash of all that a build depends on."""
    digest = hashlib.sha256(f"{sorted(machine_parameters().items())} {sys.version}".encode())
    files = [PROJECT / "template.yaml", LOCKS / "sam.lock"]
    for folder in ("shared", "functions"):
        files += (p for p in (PROJECT / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    for file in sorted(files):
        digest.update(f"{file.relative_to(PROJECT)} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def build(folder: Path, parameters: Mapping[str, str]) -> None:
    """Run `sam build`, then compile the bytecode."""
    say("Building the functions (the first time takes a minute) ...")
    began = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    arguments = ["build", "--parallel", "--build-dir", str(folder), *overrides(parameters)]
    sam("sam-build", arguments)
    compile_bytecode(folder)
    say(f"Built in {time.monotonic() - began:.0f} s.")


def compile_bytecode(folder: Path) -> None:
    """Put .pyc files into what was built, since Lambda cannot write them and would compile at every cold start.

    Unchecked hashes instead of times: the archive that Lambda unpacks does not keep times, and the same source gives
    the same archive.
    """
    for old in list(folder.rglob("__pycache__")):
        shutil.rmtree(old)
    python = environment("sam") / "bin" / "python"
    command: list[str | Path] = [
        python,
        "-m",
        "compileall",
        "-q",
        "-j",
        "0",
        "--invalidation-mode",
        "unchecked-hash",
        "-s",
        folder,
        folder,
    ]
    # Some packages ship files that are no Python of any version (templates); those are left as they are.
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)


def deploy(stack: str, template: Path, parameters: Mapping[str, str], env: Mapping[str, str]) -> None:
    """Run `sam deploy` against the endpoint that `env` names."""
    say("Deploying the template ...")
    began = time.monotonic()
    arguments = ["deploy", "--template-file", str(template), "--stack-name", stack, "--resolve-s3"]
    arguments += ["--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-fail-on-empty-changeset"]
    arguments += ["--no-progressbar", "--region", env["AWS_DEFAULT_REGION"]]
    arguments += overrides(parameters)
    sam("sam-deploy", arguments, {**env, "SAM_CLI_POLL_DELAY": "0.3"})
    say(f"Deployed in {time.monotonic() - began:.0f} s.")


def overrides(parameters: Mapping[str, str]) -> list[str]:
    """Return parameters as SAM CLI takes them, nothing for none."""
    return ["--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())] if parameters else []


def sam(log: str, arguments: Sequence[str], env: Mapping[str, str] | None = None) -> None:
    """Run SAM CLI, its output in a log file. Raises SamError with the end of it where it fails."""
    tools = environment("sam") / "bin"
    env = {**os.environ, **(env or {}), "SAM_CLI_TELEMETRY": "0", "PATH": f"{tools}:{os.environ['PATH']}"}
    env.pop("AWS_PROFILE", None)
    file = processes.log_file(log)
    with file.open("w", encoding="utf-8") as output:
        done = subprocess.run(
            [tools / "sam", *arguments], cwd=PROJECT, env=env, check=False, stdout=output, stderr=output
        )
    if done.returncode:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        raise SamError(f"sam {arguments[0]} failed ({file}):\n" + "\n".join(lines[-40:]))


@contextmanager
def exclusive(name: str) -> Iterator[None]:
    """Let one process at a time in."""
    with (STATE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
