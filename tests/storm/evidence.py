"""What is kept of a storm for who has to find out: all that is known of the customers whose invariants were broken."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from local.stack import processes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.storm.records import Record
    from tests.storm.running import Storm


def keep(storm: Storm) -> Path | None:
    """Write a file beside the stack's logs and return it; None where nothing was broken."""
    broken = {violation.customer for violation in storm.verdict.violations}
    if not broken:
        return None
    file = processes.log_file(f"storm-{storm.plan.seed}").with_suffix(".json")
    found = [_all_of(storm, record) for record in storm.records.talks if record.talk.customer in broken]
    text = json.dumps({"violations": [str(each) for each in storm.verdict.violations], "customers": found}, default=str)
    file.write_text(text, encoding="utf-8")
    return file


def _all_of(storm: Storm, record: Record) -> dict[str, Any]:
    account = storm.records.accounts[record.talk.account.name]
    ids = {said.message_id for said in (*record.said, *record.employees)}
    about = [call for call in account.calls if record.talk.deal in f"{call['path']} {call['body']}"]
    return {
        "customer": record.talk.customer,
        "account": record.talk.account.planned,
        "chat": record.talk.chat,
        "said": record.said,
        "employees": record.employees,
        "lines": record.lines,
        "deal": record.deal,
        "items": record.items,
        "calls": about,
        "deliveries": [each for each in account.deliveries if any(known in str(each["body"]) for known in ids)],
    }
