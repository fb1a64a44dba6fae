"""What the agent's modules import: the pure ones neither AWS nor HTTP nor pydantic, and only model.py openai."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[3] / "shared"
HEAVY = ["openai", "pydantic", "boto3", "botocore", "requests", "httpx2", "yaml"]


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("policy", set()),
        ("tools", set()),
        ("values", set()),
        ("names", set()),
        ("outcome", set()),
        ("reply", set()),
        ("think", set()),
        ("prompt", {"pydantic", "yaml"}),
        ("profile", {"pydantic", "yaml"}),
    ],
)
def test_a_module_imports_nothing_heavy(module: str, allowed: set[str]) -> None:
    """The policy can be tested and reasoned about alone, and a cold start pays for openai once, in the responder."""
    code = f"import sys, dealtalk.agent.{module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(SHARED)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert set(done.stdout.split()) <= allowed
