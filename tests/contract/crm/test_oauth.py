"""Rotating tokens under a lease, on DynamoDB's conditions and against the simulator's single-use refresh tokens."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from dealtalk.clock import SystemClock
from dealtalk.connections import Auth, Connection
from dealtalk.conversation.table import TableBusy
from dealtalk.crm.amocrm.auth import grant, refresher
from dealtalk.crm.http import BearerHttp, Http
from dealtalk.crm.oauth import LEASE_SECONDS, InvalidGrant, OAuthTokens, TokenPair, first_pair, token_key
from dealtalk.crm.registry import Opening, open_crm
from dealtalk.errors import NeedsAttention, OutcomeUnknown, Retryable
from local.simulators.amocrm import oauth as vendor
from local.simulators.amocrm.defaults import russian_account
from local.simulators.amocrm.simulator import AmocrmSimulator
from tests.contract.crm.world import FakeClock, GivenSecrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dealtalk.conversation.dynamodb import DynamoTable
    from dealtalk.conversation.table import Item, Key, Write
    from dealtalk.ports import Clock
    from local.simulators.amocrm.state import Account

KEY = token_key("amocrm", "1")


@pytest.fixture
def account() -> Iterator[tuple[AmocrmSimulator, Account]]:
    """Serve an account on the machine's time, for threads do not wait for a hand-set clock."""
    with AmocrmSimulator() as simulator:
        yield simulator, simulator.add_account(lambda clock: russian_account(clock, requests_per_second=1000))


class Granted:
    """An integration that the account's owner consented to, its first pair stored in the table."""

    def __init__(self, simulator: AmocrmSimulator, account: Account, table: DynamoTable, *, ends_in: float) -> None:
        self.simulator, self.account, self.table = simulator, account, table
        self.clock = SystemClock()
        integration = vendor.add_integration(account, "Dealtalk")
        client = {
            "client_id": integration.client_id,
            "client_secret": integration.client_secret,
            "redirect_uri": integration.redirect_uri,
        }
        self.secrets = GivenSecrets({"client": client})
        code = vendor.authorization_code(account, integration.client_id)
        pair = grant(self.http(), client, {"code": code}, self.clock)
        self.pair = replace(pair, expires_at=self.clock.now() + timedelta(seconds=ends_in))
        table.write(first_pair("amocrm", "1", self.pair))

    def http(self) -> Http:
        """Return a client of the account's host."""
        return Http(self.account.base_url, seconds_left=lambda: 60)

    def tokens(self) -> OAuthTokens:
        """Return a worker's own view of the tokens, with a memory of its own as in a process of its own."""
        exchange = refresher(self.http(), self.secrets, "client", self.clock, 300)
        return OAuthTokens(self.table, KEY, clock=self.clock, exchange=exchange, seconds_left=lambda: 60, kept={})

    def refreshes(self) -> int:
        """Return how often a refresh token was presented."""
        calls = self.simulator.calls(self.account.subdomain, path_regex="access_token")
        return sum(call.body.get("grant_type") == "refresh_token" for call in calls)


def together(work: Callable[[], str], workers: int) -> list[str]:
    """Return what `workers` threads got that all began at the same moment."""
    barrier = threading.Barrier(workers)

    def begin() -> str:
        barrier.wait(timeout=10)
        return work()

    with ThreadPoolExecutor(workers) as pool:
        return [future.result(timeout=30) for future in [pool.submit(begin) for _ in range(workers)]]


def test_sixteen_workers_with_an_ended_token_refresh_once(
    account: tuple[AmocrmSimulator, Account], table: DynamoTable
) -> None:
    """Exactly one refresh call, although it is slow; all sixteen get the new token, and it works."""
    granted = Granted(*account, table, ends_in=0)
    granted.simulator.fault("delay", granted.account.subdomain, path="access_token", seconds=0.3)

    got = together(lambda: granted.tokens().bearer(), 16)

    assert granted.refreshes() == 1
    assert len(set(got)) == 1
    assert got[0] != granted.pair.access
    answer = granted.http().get("/api/v4/account", headers={"Authorization": f"Bearer {got[0]}"})
    assert answer.status == 200


def test_sixteen_workers_whose_token_is_refused_renew_once(
    account: tuple[AmocrmSimulator, Account], table: DynamoTable
) -> None:
    """A 401 of a token that should still be good: one refresh for all, and every request is repeated with it."""
    granted = Granted(*account, table, ends_in=3600)
    granted.simulator.revoke(granted.account.subdomain, granted.pair.access)

    def ask() -> str:
        return str(BearerHttp(granted.http(), granted.tokens()).get("/api/v4/account").status)

    assert together(ask, 16) == ["200"] * 16
    assert granted.refreshes() == 1


def test_the_pair_is_stored_for_the_next_worker(account: tuple[AmocrmSimulator, Account], table: DynamoTable) -> None:
    """A second process takes the stored token without asking the CRM; the lease is gone."""
    granted = Granted(*account, table, ends_in=0)
    first = granted.tokens().bearer()

    assert granted.tokens().bearer() == first
    assert granted.refreshes() == 1
    item = table.read([KEY])[KEY]
    assert "lease_owner" not in item


def test_an_account_whose_refresh_token_was_withdrawn_needs_attention(
    account: tuple[AmocrmSimulator, Account], table: DynamoTable
) -> None:
    """Used elsewhere, it is dead: after re-reading that nobody stored a newer pair."""
    granted = Granted(*account, table, ends_in=0)
    grant(granted.http(), granted.secrets.values["client"], {"refresh_token": granted.pair.refresh}, granted.clock)

    with pytest.raises(NeedsAttention, match="connected again"):
        granted.tokens().bearer()
    assert "lease_owner" not in table.read([KEY])[KEY]


def test_a_connection_by_oauth_is_opened_through_the_registry(
    account: tuple[AmocrmSimulator, Account], table: DynamoTable
) -> None:
    """The registry's adapter renews its token by itself in the middle of its work."""
    simulator, one = account
    granted = Granted(simulator, one, table, ends_in=0)
    table.write(first_pair("amocrm", str(one.id), granted.pair))
    _, lead = simulator.open_chat(one.subdomain)
    connection = Connection("amocrm", "c1", str(one.id), one.base_url, "client", "p", auth=Auth.OAUTH)
    crm = open_crm(connection, Opening(table, granted.secrets, granted.clock, lambda: 60))

    assert crm.read_deal(str(lead)).id == str(lead)
    assert granted.refreshes() == 1


class Exchange:
    """A CRM's token endpoint, told beforehand what to answer; `before` runs first, as other workers do meanwhile."""

    def __init__(self, *answers: TokenPair | Exception, before: Callable[[], None] | None = None) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.before = before

    def __call__(self, refresh: str) -> TokenPair:
        """Answer the next refresh."""
        self.asked.append(refresh)
        if self.before:
            self.before()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def pair(name: str, clock: Clock, seconds: float = 86_400) -> TokenPair:
    """Return a pair with these names."""
    return TokenPair(f"access-{name}", f"refresh-{name}", clock.now() + timedelta(seconds=seconds))


def worker(table: Any, clock: FakeClock, exchange: Exchange) -> OAuthTokens:
    """Return a worker with its own memory."""
    return OAuthTokens(table, KEY, clock=clock, exchange=exchange, seconds_left=lambda: 60, kept={})


def test_a_faster_worker_s_pair_is_taken_after_invalid_grant(table: DynamoTable) -> None:
    """Refused because somebody else was first: his stored pair is used, the account is alive."""
    clock = FakeClock()
    table.write(first_pair("amocrm", "1", pair("old", clock, 0)))
    version = table.read([KEY])[KEY]["version"]

    def other_worker() -> None:
        stored = pair("new", clock)
        table.write(first_pair("amocrm", "1", stored))
        assert table.read([KEY])[KEY]["version"] > version

    assert worker(table, clock, Exchange(InvalidGrant("used"), before=other_worker)).bearer() == "access-new"


def test_a_dead_holder_s_lease_runs_out(table: DynamoTable) -> None:
    """Nobody waits for ever: the waiting worker gives up as retryable, and after the lease another one refreshes."""
    clock = FakeClock()
    table.write(first_pair("amocrm", "1", pair("old", clock, 0)))
    holder = worker(table, clock, Exchange())
    assert holder._take_lease(table.read([KEY])[KEY]["version"])

    with pytest.raises(Retryable):
        worker(table, clock, Exchange()).bearer()
    clock.sleep(LEASE_SECONDS + 1)

    assert worker(table, clock, Exchange(pair("new", clock))).bearer() == "access-new"


@pytest.mark.parametrize("error", [Retryable("busy"), OutcomeUnknown("lost")])
def test_a_failed_refresh_frees_the_lease_and_is_retryable(table: DynamoTable, error: Exception) -> None:
    """The next worker need not wait for the lease to run out; nobody declares the account dead."""
    clock = FakeClock()
    table.write(first_pair("amocrm", "1", pair("old", clock, 0)))

    with pytest.raises(Retryable) as failed:
        worker(table, clock, Exchange(error)).bearer()

    assert not isinstance(failed.value, OutcomeUnknown)
    assert worker(table, clock, Exchange(pair("new", clock))).bearer() == "access-new"


def test_a_pair_is_stored_although_the_lease_ran_out_meanwhile(table: DynamoTable) -> None:
    """Whoever was given the new pair holds the account's only key: the version decides, not the lease."""
    clock = FakeClock()
    table.write(first_pair("amocrm", "1", pair("old", clock, 0)))
    slow = Exchange(pair("new", clock), before=lambda: clock.sleep(LEASE_SECONDS + 5))

    worker(table, clock, slow).bearer()

    assert table.read([KEY])[KEY]["refresh"] == "refresh-new"


class FlakyTable:
    """A table whose writes of a new pair fail as busy so many times."""

    def __init__(self, table: DynamoTable, failures: int) -> None:
        self._table = table
        self.failures = failures

    def read(self, keys: list[Key]) -> dict[Key, Item]:
        """Read."""
        return self._table.read(keys)

    def write(self, *writes: Write) -> None:
        """Write, or be busy."""
        if self.failures and "refresh" in getattr(writes[0], "values", {}):
            self.failures -= 1
            msg = "busy"
            raise TableBusy(msg)
        self._table.write(*writes)


def test_a_busy_table_is_tried_again_before_the_only_key_is_lost(table: DynamoTable) -> None:
    """The store of a renewed pair is worth several tries."""
    clock = FakeClock()
    table.write(first_pair("amocrm", "1", pair("old", clock, 0)))

    assert worker(FlakyTable(table, 3), clock, Exchange(pair("new", clock))).bearer() == "access-new"
    assert table.read([KEY])[KEY]["access"] == "access-new"


def test_a_token_is_renewed_before_it_ends(table: DynamoTable) -> None:
    """A token that ends within a minute might end on the way."""
    clock = FakeClock()
    table.write(first_pair("amocrm", "1", pair("old", clock, 59)))

    assert worker(table, clock, Exchange(pair("new", clock))).bearer() == "access-new"


def test_a_warm_process_reads_no_table(table: DynamoTable) -> None:
    """The token is kept in the process while it is good."""
    clock = FakeClock()
    table.write(first_pair("amocrm", "1", pair("good", clock)))
    tokens = worker(table, clock, Exchange())
    tokens.bearer()
    table.write(first_pair("amocrm", "1", pair("other", clock, 90_000)))

    assert tokens.bearer() == "access-good"


def test_no_stored_tokens_need_attention(table: DynamoTable) -> None:
    """An account that was never connected by OAuth says so."""
    with pytest.raises(NeedsAttention):
        worker(table, FakeClock(), Exchange()).bearer()


def test_tokens_stand_in_no_text_of_their_objects() -> None:
    """A pair in a traceback's locals or a log line shows no token."""
    assert "access-x" not in repr(pair("x", FakeClock(datetime(2026, 1, 1, tzinfo=UTC))))
    assert "refresh-x" not in repr(pair("x", FakeClock(datetime(2026, 1, 1, tzinfo=UTC))))


def test_a_new_consent_beats_every_older_pair(table: DynamoTable) -> None:
    """Connecting again raises the version, so a late store of an old refresh cannot undo it."""
    clock = FakeClock()
    table.write(first_pair("amocrm", "1", pair("old", clock, 0)))

    def reconnect() -> None:
        clock.sleep(1)
        table.write(first_pair("amocrm", "1", pair("consented", clock)))

    late = Exchange(pair("late", clock), before=reconnect)

    assert worker(table, clock, late).bearer() == "access-consented"
    assert table.read([KEY])[KEY]["refresh"] == "refresh-consented"
