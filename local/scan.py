"""`make scan`: ruff's security rules on the code, checkov on the template, known holes of the locked packages.

What cannot be checked here is said and is no failure; a finding is. `docs/security.md` gives the reason for each skip.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from local.stack.environments import ToolMissingError, environment
from local.stack.paths import PROJECT

SKIPPED = {
    "CKV_AWS_18": "The bucket holds profiles and schemas; who reads them is CloudTrail's to tell.",
    "CKV_AWS_26": "Alarms hold the names of functions and metrics only.",
    "CKV_AWS_27": "Queues are encrypted with SQS's own key; the check knows KMS alone. Doorbells hold hashes.",
    "CKV_AWS_115": "Each throttle would burn a doorbell's receive; the queue's mapping has its own limit.",
    "CKV_AWS_116": "The queue has its dead-letter queue; webhooks are answered 500, schedules run again.",
    "CKV_AWS_117": "Functions call the CRM, the model and AWS over TLS; a VPC would add a NAT gateway only.",
    "CKV_AWS_119": "The table is encrypted with DynamoDB's own key; a key of the customer costs a call per read.",
    "CKV_AWS_149": "Secrets are encrypted with the account's key for Secrets Manager.",
    "CKV_AWS_158": "Log groups are encrypted by CloudWatch; no customer's word stands in them.",
    "CKV_AWS_173": "Variables hold names and addresses and no secret (tests/template).",
}
"""checkov's checks that are left out, and why."""

LOCKS = (PROJECT / "requirements.lock", *sorted((PROJECT / "functions").glob("*/requirements.txt")))


def main() -> int:
    """Run all scans; 0 where none of them found anything."""
    try:
        tools = environment("scan") / "bin"
    except (ToolMissingError, subprocess.CalledProcessError) as error:
        print(f"The scanners' environment is not there: {error}", file=sys.stderr)
        return 1
    clean = [code(), template(tools), packages(tools)]
    return 0 if all(clean) else 1


def code() -> bool:
    """Run ruff's S rules, which are bandit's; `make lint` runs them too."""
    ruff = Path(sys.executable).with_name("ruff")
    done = subprocess.run([ruff, "check", "--quiet", "--select", "S", "."], cwd=PROJECT, check=False)
    return told(
        "code, ruff's S rules", "no finding" if done.returncode == 0 else "findings", clean=done.returncode == 0
    )


def template(tools: Path) -> bool:
    """Run checkov on template.yaml, without its own service and without what `SKIPPED` says."""
    command: list[str | Path] = [
        tools / "checkov",
        "--file",
        "template.yaml",
        "--framework",
        "cloudformation",
        "--skip-download",
    ]
    command += ["--output", "json", "--skip-check", ",".join(SKIPPED)]
    done = subprocess.run(command, cwd=PROJECT, check=False, capture_output=True, text=True)
    try:
        report: dict[str, Any] = json.loads(done.stdout)
        passed, failed = report["summary"]["passed"], report["results"]["failed_checks"]
    except (ValueError, KeyError, TypeError):
        print(done.stderr, file=sys.stderr)
        return told("template, checkov", "it did not run", clean=False)
    for each in failed:
        print(f"  {each['check_id']} {each['resource']}: {each['check_name']}")
    words = f"{passed} checks passed, {len(failed)} failed, {len(SKIPPED)} kinds skipped with a reason"
    return told("template, checkov", words, clean=not failed and passed > 0)


def packages(tools: Path) -> bool:
    """Ask pip-audit's advisory service for known holes of all that is locked.

    One package is asked about first: where no service answers, pip-audit calls everything skipped, and that fine.
    """
    pins = sorted({pin for lock in LOCKS for pin in re.findall(r"(?m)^[a-z0-9.-]+==[^\s;]+", lock.read_text("utf-8"))})
    if audited(tools, pins[:1]) is None:
        return told("packages, pip-audit", "NOT CHECKED: no advisory service answers from here", clean=True)
    found = audited(tools, pins)
    if found is None:
        return told("packages, pip-audit", "NOT CHECKED: the advisory service did not answer for all", clean=True)
    for name, holes in found.items():
        print(f"  {name}: {', '.join(holes)}")
    return told("packages, pip-audit", f"{len(pins)} packages, {len(found)} with known holes", clean=not found)


def audited(tools: Path, pins: list[str]) -> dict[str, list[str]] | None:
    """Return the known holes by package; None where the service did not answer for every pin."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(pins))
        file.flush()
        command: list[str | Path] = [
            tools / "pip-audit",
            "--requirement",
            file.name,
            "--disable-pip",
            "--no-deps",
            "--format",
            "json",
        ]
        command += ["--progress-spinner", "off", "--timeout", "10"]
        done = subprocess.run(command, cwd=PROJECT, check=False, capture_output=True, text=True)
    try:
        rows: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return None
    if not rows or any("skip_reason" in row for row in rows):
        return None
    return {row["name"]: [hole["id"] for hole in row["vulns"]] for row in rows if row["vulns"]}


def told(what: str, words: str, *, clean: bool) -> bool:
    """Print a line and return whether it is a good one."""
    print(f"{'ok  ' if clean else 'FAIL'} {what}: {words}")
    return clean


if __name__ == "__main__":
    sys.exit(main())
