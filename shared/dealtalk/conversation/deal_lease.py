"""A short lease on a deal: two chats may share one, and their writes must not cross."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from dealtalk.conversation.table import Absent, AnyOf, Compare, ConditionFailed, Key, Put, Table, Update, equals
from dealtalk.errors import OutcomeUnknown, Retryable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dealtalk.ports import Clock

LEASE_SECONDS = 30
TRIES = 10
PAUSE_SECONDS = 0.5


class DealLease:
    """Leases deals of one account to one owner (a conversation's turn)."""

    def __init__(self, table: Table, clock: Clock, *, crm: str, account: str, owner: str) -> None:
        self._table = table
        self._clock = clock
        self._prefix = f"DEAL#{crm}#{account}#"
        self._owner = owner

    @contextmanager
    def held(self, deal_id: str) -> Iterator[None]:
        """Hold the deal, waiting up to five seconds for another owner. Raises Retryable where that was not enough.

        It is given back at the end of the block, unless that ends in an OutcomeUnknown.
        """
        key = (self._prefix + deal_id, "LEASE")
        for attempt in range(TRIES):
            if self._take(key):
                break
            if attempt == TRIES - 1:
                msg = "another conversation is changing the same deal"
                raise Retryable(msg, after=5)
            self._clock.sleep(PAUSE_SECONDS)
        try:
            yield
        except OutcomeUnknown:
            # The request may act yet: nobody else is let in before the lease runs out by itself.
            raise
        except BaseException:
            self._release(key)
            raise
        self._release(key)

    def _take(self, key: Key) -> bool:
        now = int(self._clock.now().timestamp())
        free = AnyOf((Absent("pk"), Compare("until", "<=", now), equals("owner", self._owner)))
        until = now + LEASE_SECONDS
        try:
            self._table.write(
                Put(key, {"owner": self._owner, "until": until, "expires_at": until + 3600}, where=(free,))
            )
        except ConditionFailed:
            return False
        return True

    def _release(self, key: Key) -> None:
        try:
            self._table.write(Update(key, {"until": 0}, where=(equals("owner", self._owner),)))
        except ConditionFailed:
            return
