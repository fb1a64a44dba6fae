"""Settling an unfinished turn.

What was begun and not seen to its end is asked about in the CRM, never repeated blindly.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from dealtalk.connections import UncertainSend
from dealtalk.conversation.change_items import change_from_item, result_item
from dealtalk.conversation.journal import StepKind, StepState
from dealtalk.conversation.timer import Postponed
from dealtalk.crm.readback import holds, judge, shown_hash
from dealtalk.deals import AddTag, ChangeResult, RemoveTag
from dealtalk.errors import DealGone
from dealtalk.ledger import ledger_rows
from dealtalk.ports import Certainty

if TYPE_CHECKING:
    from dealtalk.conversation.journal import Journal, Step
    from dealtalk.deals import Deal, DealAddition, DealSchema, DealUpdate
    from dealtalk.messages import Chat
    from dealtalk.ports import Clock, Crm

BELIEVE_NO_AFTER = timedelta(seconds=60)
"""The dead worker's request may still be under way, a Salesbot still queued: an earlier "no" means nothing."""

REPLACED = "The deal was changed by somebody else meanwhile: it is {value} now. It is not written again; decide anew."
NOT_KNOWN = "The CRM cannot say whether this was written."


@dataclass(frozen=True, slots=True)
class Settler:
    """Resolves the started steps of a turn to done or cancelled."""

    crm: Crm
    journal: Journal
    clock: Clock
    chat: Chat
    uncertain_send: UncertainSend

    def settle(self, schema: DealSchema) -> None:
        """Resolve every started step.

        Raises Postponed where it is too early to believe the CRM, and what the CRM raises.
        """
        for step in self.journal.steps(StepKind.UPDATE, StepState.STARTED):
            self._update(step, schema)
        for step in self.journal.steps(StepKind.ADDITION, StepState.STARTED):
            self._addition(step, schema)
        for step in self.journal.steps(StepKind.REPLY, StepState.STARTED):
            self._reply(step)

    def _update(self, step: Step, schema: DealSchema) -> None:
        wished = [cast("DealUpdate", change_from_item(each)) for each in step.data["changes"]]
        try:
            deal = self.crm.read_deal(self._deal_id())
        except DealGone:
            self.journal.cancel(step)
            return
        if not all(holds(deal, update, schema) for update in wished):
            self._believe_no(step)
            if not self._was_touched(step, deal, wished, schema):
                self.journal.cancel(step)
                return
        judged = judge(deal, deal, wished, schema)
        old = step.data.get("old", [None] * len(wished))
        results = [
            ChangeResult(r.change, r.applied, old=before, new=r.new, refusal=_replaced(r))
            for r, before in zip(judged, old, strict=True)
        ]
        self.journal.finish(
            step, {"results": [result_item(r) for r in results]}, ledger_rows(step.name, results, schema)
        )

    def _was_touched(self, step: Step, deal: Deal, wished: list[DealUpdate], schema: DealSchema) -> bool:
        """Return whether any of the values is not the one that stood there when the step was begun.

        Then the request has acted and somebody changed the deal again, or somebody changed it instead: either way it
        must not be written over. Tags stand beside each other, so only the wished one counts.
        """
        for update, before in zip(wished, step.data.get("before", ()), strict=False):
            is_tag = isinstance(update, AddTag | RemoveTag)
            if holds(deal, update, schema) if is_tag else shown_hash(deal, update, schema) != before:
                return True
        return False

    def _addition(self, step: Step, schema: DealSchema) -> None:
        addition = cast("DealAddition", change_from_item(step.data["change"]))
        certainty = self.crm.was_added(step.data.get("place") or self._deal_id(), addition, step.at)
        if certainty is Certainty.NO:
            self._believe_no(step)
            self.journal.cancel(step)
            return
        known = certainty is Certainty.YES
        result = ChangeResult(addition, applied=known, refusal=None if known else NOT_KNOWN)
        self.journal.finish(step, {"result": result_item(result)}, ledger_rows(step.name, [result], schema))

    def _reply(self, step: Step) -> None:
        certainty = self.crm.was_sent(self.chat, self.journal.claim.deal_id, step.data["text"], step.at)
        if certainty is Certainty.YES:
            self.journal.finish(step, {"message_id": None, "confirmed": True, "way": "settled"})
            return
        self._believe_no(step)
        if certainty is Certainty.NO or self.uncertain_send is UncertainSend.RESEND:
            self.journal.cancel(step)
        else:
            self.journal.finish(step, {"message_id": None, "confirmed": True, "way": "settled", "uncertain": True})

    def _believe_no(self, step: Step) -> None:
        believable = step.at + BELIEVE_NO_AFTER
        if self.clock.now() < believable:
            raise Postponed(believable, "to_be_settled")

    def _deal_id(self) -> str:
        deal_id = self.journal.claim.deal_id
        if deal_id is None:
            msg = "the turn has no deal"
            raise DealGone(msg)
        return deal_id


def _replaced(result: ChangeResult) -> str | None:
    return None if result.applied else REPLACED.format(value=result.new or "empty")
