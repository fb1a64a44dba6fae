"""What the vendors' own checkers say."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from local.stack.paths import PROJECT
from tests.template.conftest import NO_AWS, Template

if TYPE_CHECKING:
    from pathlib import Path


def test_sam_validate_with_lint_accepts_the_template(sam_environment: Path) -> None:
    """`sam validate --lint` has nothing to say about the template as written."""
    command: list[str | Path] = [sam_environment / "sam", "validate", "--lint", "--region", "us-east-1"]
    env = {**NO_AWS, "PATH": f"{sam_environment}:{NO_AWS['PATH']}"}
    done = subprocess.run(command, cwd=PROJECT, env=env, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_cfn_lint_accepts_the_translated_template(sam_environment: Path, template: Template, region: str) -> None:
    """cfn-lint has nothing to say about what SAM makes of the template, warnings and hints included."""
    command: list[str | Path] = [
        sam_environment / "cfn-lint",
        "--include-checks",
        "I",
        "--regions",
        region,
        "--",
        template.file,
    ]
    done = subprocess.run(command, env=NO_AWS, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
