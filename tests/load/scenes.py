"""What happens in the town: an outage of a CRM or of the model, a CRM that is slow, and what was measured."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.load.town import Account, Town

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.load.town import Span

HOUR = 3600.0
BEFORE = 60.0
LONG = 2.0
"""Seconds: a wake-up that only looks is shorter."""

LIVE = "live"


@dataclass(frozen=True, slots=True)
class Recovery:
    """What came of an outage. Times are seconds from the return.

    `calls` is how many calls each account took in each second from the return on; `overtaken`: how many customers, at
    most, were answered before one who had asked earlier in the same account. `waits` are those of customers who wrote
    after the return.
    """

    customers: int
    first: float
    half: float
    last: float
    mean_calls: float
    most_calls: int
    refused: int
    overtaken: int
    live_waits: tuple[float, ...]
    dead_letters: int
    unanswered: int
    per_minute: tuple[tuple[int, int], ...]
    """Answers and calls in each minute from the return on."""


def crm_outage(*, customers: int, workers: int, minutes: float = 60, requests: int = 4, live: int = 0) -> Recovery:
    """Let an account's CRM be down while so many customers write, evenly; `live` more write after its return.

    A reply takes `requests` requests: 2 by talks, 3 by Salesbot, 4 where employees are asked for as well.
    """
    end = BEFORE + minutes * 60
    account = Account("oknaufa", down=(BEFORE, end), requests_per_send=min(requests - 1, 2), polls=requests > 3)
    town = Town([account], workers=workers)
    _write(town, account.name, customers, BEFORE, end)
    for number in range(live):
        town.asks(account.name, f"{LIVE}-{number}", end + 20.0 * (number + 1))
    town.run(until=end + 4 * HOUR)
    return _recovery(town, end)


def model_outage(*, customers: int, accounts: int, workers: int, minutes: float = 8) -> Recovery:
    """Let the model be down while so many customers of so many accounts write, evenly."""
    end = BEFORE + minutes * 60
    all_accounts = [Account(f"account{number}") for number in range(accounts)]
    town = Town(all_accounts, workers=workers, model_down=(BEFORE, end))
    for number, account in enumerate(all_accounts):
        _write(town, account.name, customers // accounts, BEFORE + number, end)
    town.run(until=end + 2 * HOUR)
    return _recovery(town, end)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """How long the customers of a quick account waited beside a slow one, and how many workers the slow one held."""

    quick: tuple[float, ...]
    slow: tuple[float, ...]
    most_workers: int
    unanswered: int


def slow_neighbour(*, chats: int = 100, workers: int = 10, slots: int | None = None, quick: int = 32) -> Neighbours:
    """Let so many customers write at once to an account whose calls take 30 s, and others to a quick one meanwhile.

    It is slow for nine minutes: the schema, three calls, was read just before and is kept for ten.
    """
    slow, other = Account("slow", slow=(BEFORE, BEFORE + 540)), Account("quick")
    town = Town([slow, other], workers=workers, slots=slots)
    town.asks(slow.name, "first", 1.0)
    _write(town, slow.name, chats, BEFORE, BEFORE + 20)
    _write(town, other.name, quick, BEFORE + 30, BEFORE + 30 + 15.0 * quick)
    town.run(until=3 * HOUR)
    return Neighbours(
        tuple(sorted(town.waits(other.name))),
        tuple(sorted(town.waits(slow.name, since=BEFORE))),
        _most_at_once([span for name, span in town.worked if name == slow.name and span[1] - span[0] > LONG]),
        len(town.waiting),
    )


def _most_at_once(spans: Sequence[Span]) -> int:
    """Return how many of the spans hold at the same time, at most."""
    return max((sum(1 for other in spans if other[0] <= begin < other[1]) for begin, _ in spans), default=0)


def _write(town: Town, account: str, customers: int, begin: float, end: float) -> None:
    for number in range(customers):
        town.asks(account, f"{account}-{number}", begin + 1 + (end - begin - 2) * number / customers)


def _recovery(town: Town, end: float) -> Recovery:
    waited = {key: at for key, at in town.answered.items() if not key[1].startswith(LIVE)}
    times = sorted(at - end for at in waited.values() if at >= end)
    seconds = [Counter(int(call - end) for call in each.calls if call >= end) for each in town.accounts]
    drained = max(times, default=1.0)
    busiest = max(seconds, key=lambda counts: counts.total())
    minutes = range(int(drained // 60) + 1)
    return Recovery(
        customers=len(times),
        first=times[0],
        half=times[len(times) // 2],
        last=drained,
        mean_calls=sum(count for second, count in busiest.items() if second <= drained) / drained,
        most_calls=max(_most_in_a_second([call for call in each.calls if call >= end]) for each in town.accounts),
        refused=sum(each.refused for each in town.accounts),
        overtaken=max(_overtaken(town, each.name, end) for each in town.accounts),
        live_waits=tuple(town.waits(town.accounts[0].name, since=end)),
        dead_letters=len(town.dead.bells),
        unanswered=len(town.waiting),
        per_minute=tuple(
            (
                sum(1 for at in times if at // 60 == minute),
                sum(counts[second] for counts in seconds for second in range(minute * 60, minute * 60 + 60)),
            )
            for minute in minutes
        ),
    )


def _most_in_a_second(calls: Sequence[float]) -> int:
    """Return the most calls within any second."""
    most = first = 0
    for index, at in enumerate(calls):
        while calls[first] <= at - 1:
            first += 1
        most = max(most, index - first + 1)
    return most


def _overtaken(town: Town, account: str, end: float) -> int:
    """Return how many later questions were answered, at most, before one that was asked earlier."""
    asked = [each for each in town.questions if each.account == account and each.at < end]
    answers = [town.answered.get((each.account, each.chat), float("inf")) for each in asked]
    answers = [at for at in answers if at >= end]
    return max((sum(1 for later in answers[place:] if later < at) for place, at in enumerate(answers)), default=0)
