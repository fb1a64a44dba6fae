"""The ledger.

A row in the timeline for every change that was tried, with the old and the new value and what came of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.agent.outcome import describe_result
from dealtalk.conversation.change_items import change_item
from dealtalk.conversation.timeline import Done, EntryKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dealtalk.deals import ChangeResult, DealSchema


def ledger_rows(step: str, results: Sequence[ChangeResult], schema: DealSchema) -> list[Done]:
    """Return the rows of a journal step; the turn and the moment are added where they are written."""
    return [
        Done(
            EntryKind.CHANGE,
            f"{step}.{number}",
            describe_result(result, schema) if result.applied else f"not done: {result.refusal}",
            {"applied": result.applied, "old": result.old, "new": result.new, "change": change_item(result.change)},
        )
        for number, result in enumerate(results)
    ]
