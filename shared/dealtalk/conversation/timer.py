"""When somebody must look at a conversation again: by a ring now, or by its one timer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.conversation.doorbell import counted_dedup
from dealtalk.conversation.rules import Decision, Doing
from dealtalk.conversation.state import due_shard, meta_key
from dealtalk.conversation.table import ConditionFailed, Update, equals

if TYPE_CHECKING:
    from datetime import datetime

    from dealtalk.conversation.state import State
    from dealtalk.conversation.table import Table
    from dealtalk.ports import Doorbell
    from dealtalk.watch import Watch


class Postponed(Exception):
    """Nothing more can be done before `at`; the doorbell is acknowledged and the timer set."""

    def __init__(self, at: datetime, why: str) -> None:
        super().__init__(why)
        self.at = at
        self.why = why


def set_timer(
    table: Table, doorbell: Doorbell, watch: Watch, state: State, connection: str, decision: Decision
) -> None:
    """Carry out what a decision says about looking again.

    RING_AGAIN rings by the queue's delay. LOOK_AGAIN sets the timer to `decision.at`, or removes it where that is None.
    Any other decision removes the timer where nothing is unanswered. A message that came meanwhile keeps its own timer.
    """
    conversation = state.conversation
    key = meta_key(conversation)
    if decision.doing is Doing.RING_AGAIN:
        rings = table.update(Update(key, increments={"rings": 1}))["rings"]
        dedup = counted_dedup(conversation, decision.why, rings)
        doorbell.ring(conversation, connection=connection, arrival=state.customer_no, dedup=dedup, reason=decision.why)
        return
    if decision.doing is not Doing.LOOK_AGAIN and state.is_asked:
        return
    due, shard = None, None
    if decision.at is not None:
        due, shard = int(decision.at.timestamp()) + 1, due_shard(conversation)
    newest = (equals("customer_no", state.customer_no or None), equals("pending_no", state.pending_no or None))
    try:
        table.write(Update(key, {"due_at": due, "due_shard": shard}, where=newest))
    except ConditionFailed:
        watch.say("a newer message keeps its own timer")
