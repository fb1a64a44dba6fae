"""Settling an unfinished turn.

What was begun and not seen to its end is asked about in the CRM, never repeated blindly.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from dealtalk.connections import UncertainSend
from dealtalk.conversation.change_items import change_from_item, result_item
from dealtalk.conversation.journal import StepKind, StepState
from dealtalk.crm.readback import holds, judge
from dealtalk.deals import ChangeResult
from dealtalk.errors import DealGone
from dealtalk.ledger import ledger_rows
from dealtalk.ports import Certainty

if TYPE_CHECKING:
    from dealtalk.conversation.journal import Journal, Step
    from dealtalk.deals import DealAddition, DealSchema, DealUpdate
    from dealtalk.messages import Chat
    from dealtalk.ports import Clock, Crm

BELIEVE_NO_AFTER = timedelta(seconds=60)
"""The dead worker's request may still be under way, a Salesbot still queued: an earlier "no" means nothing."""

NOT_KNOWN = "The CRM cannot say whether this was written."


class Postponed(Exception):
    """Nothing more can be done before `at`; the doorbell is acknowledged and the timer set."""

    def __init__(self, at: datetime, why: str) -> None:
        super().__init__(why)
        self.at = at
        self.why = why


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
            self.journal.cancel(step)
            return
        results = judge(deal, deal, wished, schema)
        results = [ChangeResult(r.change, r.applied, new=r.new, refusal=r.refusal) for r in results]
        self.journal.finish(
            step, {"results": [result_item(r) for r in results]}, ledger_rows(step.name, results, schema)
        )

    def _addition(self, step: Step, schema: DealSchema) -> None:
        addition = cast("DealAddition", change_from_item(step.data["change"]))
        certainty = self.crm.was_added(self._deal_id(), addition, step.at)
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
