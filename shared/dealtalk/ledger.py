"""The ledger.

A row in the timeline for every change that was tried, with the old and the new value and what came of it; and one for
what the model asked for in a round and the policy did not allow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.agent.outcome import describe_result
from dealtalk.conversation.change_items import change_item
from dealtalk.conversation.timeline import Done, EntryKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dealtalk.agent.tools import PlannedAct
    from dealtalk.deals import ChangeResult, DealSchema

REFUSED = "not done: not allowed: "
MAX_WORDS = 1500
"""Characters of a row about what was refused."""


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


def refused_rows(step: str, planned: Sequence[PlannedAct], beyond: int) -> list[Done]:
    """Return the row about what the policy refused in a round; `beyond` calls were too many. None: an empty list.

    One row, since a model that was talked into something may try hundreds of things.
    """
    refused = [(act.tool, list(act.refusals)) for act in planned if act.refusals]
    if beyond > 0:
        refused.append(("", [f"{beyond} calls too many"]))
    if not refused:
        return []
    words = " ".join(f"{tool}: {' '.join(why)}" if tool else why[0] for tool, why in refused)
    details = {"applied": False, "refused": [{"tool": tool, "why": why} for tool, why in refused]}
    return [Done(EntryKind.CHANGE, step, (REFUSED + words)[:MAX_WORDS], details)]
