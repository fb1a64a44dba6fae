"""The sweeper: whose bell it rings in a run, and in which order."""

from __future__ import annotations

import pytest

from dealtalk.conversation.state import due_shard, meta_key, milliseconds
from dealtalk.conversation.table import Put
from dealtalk.messages import ConversationKey
from dealtalk.recovery.sweep import PER_ACCOUNT, Sweeper
from tests.fakes.clock import FakeClock
from tests.fakes.doorbell import FakeDoorbell
from tests.fakes.table import MemoryTable


class Backlog:
    """Conversations whose customers wait, and a sweeper."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.table = MemoryTable()
        self.doorbell = FakeDoorbell(self.clock)
        self.sweeper = Sweeper(self.table, self.doorbell, self.clock)

    def waits(self, account: str, chat: str, *, asked: float, due: float) -> None:
        """Let a customer wait since `asked` seconds ago, the timer due since `due` seconds ago."""
        key = ConversationKey("amocrm", account, chat)
        now = self.clock.now().timestamp()
        meta = {
            "connection": f"connection-{account}",
            "arrived": 1,
            "customer_no": 1,
            "waiting_since": milliseconds(self.clock.now()) - int(asked * 1000),
            "due_at": int(now - due),
            "due_shard": due_shard(key),
        }
        self.table.write(Put(meta_key(key), meta))

    @property
    def rung(self) -> list[tuple[str, str]]:
        """Account and chat of each ring, in order."""
        return [(ring.conversation.account, ring.conversation.id) for ring in self.doorbell.rings]


def test_the_customer_who_has_waited_longest_is_rung_for_first() -> None:
    """After an outage the timers were moved about: what counts is when the customer asked."""
    backlog = Backlog()
    for name, asked, due in (("new", 60, 500), ("oldest", 3600, 1), ("old", 600, 60)):
        backlog.waits("1", name, asked=asked, due=due)
    backlog.sweeper.run()
    assert [chat for _, chat in backlog.rung] == ["oldest", "old", "new"]


def test_one_run_rings_for_so_many_of_an_account_and_the_next_goes_on() -> None:
    """A backlog is worked off without a stampede, and in order."""
    backlog = Backlog()
    for number in range(PER_ACCOUNT + 10):
        backlog.waits("1", f"chat-{number:03d}", asked=1000 - number, due=number + 1)
    assert backlog.sweeper.run().rung == PER_ACCOUNT
    assert backlog.sweeper.run().rung == 10
    assert [chat for _, chat in backlog.rung] == [f"chat-{number:03d}" for number in range(PER_ACCOUNT + 10)]


def test_an_accounts_long_backlog_does_not_hide_what_another_has_due() -> None:
    """Two thousand older timers stand before the one of the other account."""
    backlog = Backlog()
    for number in range(2000):
        backlog.waits("1", f"chat-{number}", asked=5000, due=4000)
    backlog.waits("2", "alone", asked=100, due=1)
    backlog.sweeper.run()
    assert ("2", "alone") in backlog.rung[:2]


def test_accounts_take_turns() -> None:
    """A run that dies early has not served one account only."""
    backlog = Backlog()
    for number in range(10):
        backlog.waits("1", f"a-{number}", asked=900 - number, due=900)
        backlog.waits("2", f"b-{number}", asked=90 - number, due=90)
    backlog.sweeper.run()
    assert [account for account, _ in backlog.rung[:6]] in (["1", "2"] * 3, ["2", "1"] * 3)


@pytest.mark.parametrize("gone", [True, False])
def test_what_the_index_still_lists_though_it_is_not_due_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, gone: bool
) -> None:
    """Another run has claimed it, or the conversation was answered: the index is behind the table."""
    backlog = Backlog()
    backlog.waits("1", "claimed", asked=100, due=1)
    listed = backlog.table.due(due_shard(ConversationKey("amocrm", "1", "claimed")), 2**40, 10)
    key = meta_key(ConversationKey("amocrm", "1", "claimed"))
    if gone:
        del backlog.table.items[key]["due_at"]
    else:
        backlog.table.items[key]["due_at"] += 120
    monkeypatch.setattr(backlog.table, "due", lambda shard, *_: listed if shard == listed[0]["due_shard"] else [])
    assert backlog.sweeper.run().rung == 0
