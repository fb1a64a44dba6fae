"""What stands before an effect: has a person written, may a newer message of the customer still stop it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dealtalk.agent.profile import TakeoverSource
from dealtalk.connections import Mode
from dealtalk.conversation.journal import TakenOver
from dealtalk.conversation.state import meta_key, milliseconds
from dealtalk.conversation.table import ConditionFailed, Update

if TYPE_CHECKING:
    from datetime import datetime

    from dealtalk.agent.profile import Profile
    from dealtalk.connections import Connection
    from dealtalk.conversation.journal import Journal
    from dealtalk.conversation.table import Table
    from dealtalk.ports import Clock, Crm


def must_poll(profile: Profile, connection: Connection) -> bool:
    """Return whether an employee's message is only known by asking the CRM.

    The profile's word decides, then the connection's; else it is so as long as no outgoing message came by webhook.
    """
    source = profile.takeover.source
    if source is TakeoverSource.AUTO:
        source = TakeoverSource(connection.options.get("takeover_source", TakeoverSource.AUTO))
    return not connection.outgoing_seen if source is TakeoverSource.AUTO else source is TakeoverSource.POLL


@dataclass(slots=True)
class Gate:
    """What stands before each effect of a turn. Where it must, it asks the CRM once, before the first of them.

    `poll_since`: the CRM is asked about employees' messages after that moment; None: a webhook tells of them.
    `fresh`: the turn is to be dropped if the customer writes meanwhile.
    """

    table: Table
    crm: Crm
    journal: Journal
    clock: Clock
    fresh: bool
    poll_since: datetime | None
    passed: bool = False

    def before_act(self) -> bool:
        """Return whether the effect may only start while no newer message has come: the first one only."""
        fresh = self.fresh and not self.passed
        self._pass()
        return fresh

    def before_reply(self) -> bool:
        """Return whether the reply may only start while no newer message has come."""
        self._pass()
        return self.fresh

    def _pass(self) -> None:
        if not self.passed and self.poll_since is not None:
            self._ask(self.poll_since)
        self.passed = True

    def _ask(self, since: datetime) -> None:
        """Raise TakenOver, with the conversation set to `human`, where a person wrote after `since`."""
        asked_at, claim = self.clock.now(), self.journal.claim
        if not self.crm.employee_wrote(claim.state.chat, since):
            self.journal.polled_at = asked_at
            return
        values = {"mode": Mode.HUMAN.value, "employee_at": milliseconds(self.clock.now()), "expires_at": None}
        key = meta_key(claim.state.conversation)
        try:
            self.table.write(Update(key, values, where=claim.guard(fresh=False, heard=False)))
        except ConditionFailed as failure:
            raise claim.why_stopped(failure.old) from None
        raise TakenOver
