"""Tokens of a connection: a long-lived one, or OAuth's rotating pair, refreshed by one holder at a time."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from dealtalk.conversation.table import Absent, AnyOf, Compare, ConditionFailed, Item, Put, TableBusy, Update
from dealtalk.errors import DealtalkError, NeedsAttention, OutcomeUnknown, Retryable

if TYPE_CHECKING:
    from collections.abc import Callable

    from dealtalk.conversation.table import Key, Table
    from dealtalk.crm.secrets import Secrets
    from dealtalk.ports import Clock

LEASE_SECONDS = 30
"""Longer than a refresh can take: 3 s to connect and 10 s to read (crm/http.py), then the store."""

EARLY = timedelta(seconds=60)
"""A token that ends within this time is not used any more."""

WAIT_SECONDS = 15.0
POLL_SECONDS = 0.25
SETTLE_SECONDS = 1.0
SETTLE_READS = 3
STORE_TRIES = 5

_log = logging.getLogger(__name__)


class TokenSource(Protocol):
    """Where a bearer token comes from."""

    def bearer(self) -> str:
        """Return a token that should be valid now. Raises NeedsAttention, Retryable."""
        ...

    def renew(self, stale: str) -> str:
        """Return a token that is not `stale`, which the CRM just refused.

        Returns `stale` itself where there is no other. Raises NeedsAttention, Retryable.
        """
        ...


class StaticToken:
    """A long-lived token, kept in the connection's secret under `token`; `renew` reads the secret once more."""

    def __init__(self, secrets: Secrets, name: str) -> None:
        self._secrets = secrets
        self._name = name

    def bearer(self) -> str:
        """Return the token. Raises NeedsAttention where the secret has none."""
        return self._token(fresh=False)

    def renew(self, stale: str) -> str:  # noqa: ARG002 (the protocol's)
        """Return the token as the secret holds it now, perhaps replaced by the integrator a minute ago."""
        return self._token(fresh=True)

    def _token(self, *, fresh: bool) -> str:
        token = self._secrets.read(self._name, fresh=fresh).get("token", "")
        if not token:
            msg = "the connection's secret holds no token"
            raise NeedsAttention(msg)
        return token


class InvalidGrant(DealtalkError):
    """The CRM refused the refresh token: it was used before, was withdrawn or is too old."""


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a refresh returned."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Stored:
    pair: TokenPair
    version: int


def token_key(crm: str, account: str) -> Key:
    """Return the table key of an account's tokens."""
    return f"TOKEN#{crm}#{account}", "TOKEN"


def first_pair(crm: str, account: str, pair: TokenPair) -> Put:
    """Return the write that stores a pair just granted by the account's owner, whatever stood there before.

    Its version is a time, hence above every version that was counted up from an earlier grant.
    """
    return Put(token_key(crm, account), {**_attributes(pair), "version": int(pair.expires_at.timestamp())})


_kept: dict[Key, _Stored] = {}


class OAuthTokens:
    """The rotating pair of one account, shared by all workers through the table's item at `token_key`.

    A refresh token works once, so only the holder of a lease on the item refreshes; the others wait for the new
    version and take it. The store is conditional on the version that was refreshed: whoever was given the new pair
    holds the only living one, even if its lease ran out meanwhile. A refused refresh token is re-read before the
    account is declared dead, since another holder may have been faster.

    One window cannot be closed: a holder that dies after the CRM rotated the pair and before it is stored takes the new
    refresh token with it. The next refresh is then refused and the account's owner has to connect it again
    (NeedsAttention).

    `exchange` asks the CRM for a new pair; it raises InvalidGrant, Retryable (nothing happened) or OutcomeUnknown.
    `kept` is the process's memory, so that a warm turn reads no item.
    """

    def __init__(
        self,
        table: Table,
        key: Key,
        *,
        clock: Clock,
        exchange: Callable[[str], TokenPair],
        seconds_left: Callable[[], float],
        kept: dict[Key, _Stored] | None = None,
    ) -> None:
        self._table = table
        self._key = key
        self._clock = clock
        self._exchange = exchange
        self._seconds_left = seconds_left
        self._kept = _kept if kept is None else kept
        self._owner = uuid.uuid4().hex

    def bearer(self) -> str:
        """Return a valid access token, refreshed where it ends within a minute. Raises NeedsAttention, Retryable."""
        kept = self._kept.get(self._key)
        if kept and self._is_valid(kept):
            return kept.pair.access
        stored = self._read()
        if self._is_valid(stored):
            return self._keep(stored)
        return self._refresh(stored.version)

    def renew(self, stale: str) -> str:
        """Return a newer access token than `stale`: one that another worker stored, or a refreshed one."""
        stored = self._read()
        if stored.pair.access != stale and self._is_valid(stored):
            return self._keep(stored)
        return self._refresh(stored.version)

    def _refresh(self, version: int) -> str:
        waited = 0.0
        limit = min(WAIT_SECONDS, self._seconds_left())
        while True:
            stored = self._read()
            if stored.version != version:
                return self._keep(stored)
            if self._take_lease(version):
                return self._keep(self._exchanged(stored))
            if waited >= limit:
                msg = "another worker holds the token's lease"
                raise Retryable(msg, after=POLL_SECONDS)
            self._clock.sleep(POLL_SECONDS)
            waited += POLL_SECONDS

    def _exchanged(self, stored: _Stored) -> _Stored:
        try:
            pair = self._exchange(stored.pair.refresh)
        except InvalidGrant:
            return self._after_refusal(stored.version)
        except OutcomeUnknown as error:
            self._release_lease(stored.version)
            msg = "the CRM did not say whether it renewed the token"
            raise Retryable(msg, after=error.after) from None
        except Retryable:
            self._release_lease(stored.version)
            raise
        return self._store(pair, stored.version)

    def _store(self, pair: TokenPair, version: int) -> _Stored:
        """Write the pair; a busy table is tried again, for this pair is the account's only key."""
        new = Update(
            self._key,
            values={**_attributes(pair), "version": version + 1, "lease_owner": None, "lease_until": None},
            where=(Compare("version", "=", version),),
        )
        for attempt in range(STORE_TRIES):
            try:
                self._table.write(new)
            except TableBusy:
                self._clock.sleep(0.1 * 2**attempt)
            except ConditionFailed:
                return self._read()
            else:
                return _Stored(pair, version + 1)
        _log.error("a renewed token could not be stored; the account must be connected again")
        msg = "the renewed token could not be stored"
        raise Retryable(msg)

    def _after_refusal(self, version: int) -> _Stored:
        """Return the pair that another worker stored meanwhile; only where there is none, the account is dead."""
        for attempt in range(SETTLE_READS):
            if attempt:
                self._clock.sleep(SETTLE_SECONDS)
            stored = self._read()
            if stored.version != version:
                return stored
        self._release_lease(version)
        msg = "the CRM refused the refresh token: the account must be connected again"
        raise NeedsAttention(msg)

    def _take_lease(self, version: int) -> bool:
        now = int(self._clock.now().timestamp())
        free = AnyOf((Absent("lease_until"), Compare("lease_until", "<", now)))
        claim = Update(
            self._key,
            values={"lease_owner": self._owner, "lease_until": now + LEASE_SECONDS},
            where=(Compare("version", "=", version), free),
        )
        try:
            self._table.write(claim)
        except ConditionFailed:
            return False
        return True

    def _release_lease(self, version: int) -> None:
        mine = (Compare("version", "=", version), Compare("lease_owner", "=", self._owner))
        try:
            self._table.write(Update(self._key, removals=("lease_owner", "lease_until"), where=mine))
        except (ConditionFailed, TableBusy):
            _log.info("the token's lease was left to run out")

    def _read(self) -> _Stored:
        item = self._table.read([self._key]).get(self._key)
        if not item or not item.get("refresh"):
            msg = "the account has no stored tokens: it must be connected again"
            raise NeedsAttention(msg)
        return _stored(item)

    def _keep(self, stored: _Stored) -> str:
        self._kept[self._key] = stored
        return stored.pair.access

    def _is_valid(self, stored: _Stored) -> bool:
        return stored.pair.expires_at - EARLY > self._clock.now()


def _attributes(pair: TokenPair) -> Item:
    return {"access": pair.access, "refresh": pair.refresh, "expires_at": int(pair.expires_at.timestamp())}


def _stored(item: Item) -> _Stored:
    expires_at = datetime.fromtimestamp(int(item.get("expires_at", 0)), UTC)
    return _Stored(
        TokenPair(str(item.get("access", "")), str(item["refresh"]), expires_at), int(item.get("version", 0))
    )
