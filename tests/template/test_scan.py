"""What `make scan` leaves out is said, with its reason, where people look for it."""

from __future__ import annotations

from local.scan import SKIPPED
from local.stack.paths import PROJECT


def test_every_skipped_check_and_its_reason_stand_in_the_documentation() -> None:
    """docs/security.md and the code name the same checks for the same reasons."""
    text = (PROJECT / "docs" / "security.md").read_text(encoding="utf-8")
    for check, reason in SKIPPED.items():
        assert f"| {check} | {reason} |" in text
    assert text.count("| CKV_") == len(SKIPPED)
