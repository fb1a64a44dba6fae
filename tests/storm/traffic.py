"""What people will do in a storm, decided by the seed alone: who writes what, when, and where an employee cuts in.

The same seed and size give the same plan; how the machine interleaves it differs from run to run.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

RATES = (7, 10, 14)
"""Calls per second that an account takes; the first is amoCRM's published limit."""

BURST_SIZES = (1, 1, 1, 2, 2, 3)
BURST_COUNTS = (1, 1, 1, 1, 2)
BETWEEN_MESSAGES = (0.1, 3.0)
IN_ONE_BODY = 0.2
CUTS_IN = 0.06
ASKS_FOR_PERSON = 0.02
NEVER_RESUMES = -1
RESUMES_AFTER = 1


@dataclass(frozen=True, slots=True)
class Size:
    """How large a storm is.

    `seconds` is within how many customers begin to write, `pause` how long at most between two bursts of one customer,
    `kills` how many workers are killed meanwhile, `at_once` how many conversations are answered at the same time.
    """

    customers: int
    accounts: int
    seconds: float
    kills: int
    pause: float = 60.0
    at_once: int = 20


@dataclass(frozen=True, slots=True)
class PlannedAccount:
    """An account: its name, which kind of the CRM's accounts it is (an index), its limit and its resume rule."""

    name: str
    kind: int
    calls_per_second: int
    resume_after_minutes: int


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that happens in a customer's chat, `at` seconds after the storm's beginning.

    `texts` are the customer's messages that the CRM delivers in one body, or the one message of an employee.
    """

    at: float
    customer: int
    account: int
    texts: tuple[str, ...]
    employee: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """All that people will do, in the order of time."""

    seed: int
    size: Size
    accounts: tuple[PlannedAccount, ...]
    deeds: tuple[Deed, ...]

    @property
    def messages(self) -> int:
        """How many messages the customers will write."""
        return sum(len(deed.texts) for deed in self.deeds if not deed.employee)


def plan(seed: int, size: Size, kinds: int) -> Plan:
    """Return the plan of a seed; `kinds` is how many kinds of accounts the CRM has. Accounts get an equal share."""
    random = Random(seed)  # noqa: S311 (repeatable, not secret)
    accounts = tuple(
        PlannedAccount(
            name=f"storm{number}",
            kind=number % kinds,
            calls_per_second=RATES[number % len(RATES)] if number >= len(RATES) else RATES[0],
            resume_after_minutes=random.choice((NEVER_RESUMES, RESUMES_AFTER)),
        )
        for number in range(size.accounts)
    )
    deeds = [deed for customer in range(size.customers) for deed in _customer(random, customer, size)]
    deeds.sort(key=lambda deed: (deed.at, deed.customer))
    return Plan(seed, size, accounts, tuple(deeds))


def marker(customer: int, number: int) -> str:
    """Return the word by which a customer's message is known wherever it is quoted."""
    return f"q{customer}x{number}"


def _customer(random: Random, customer: int, size: Size) -> Iterator[Deed]:
    account = customer % size.accounts
    at = random.uniform(0, size.seconds)
    number = 0
    for _ in range(random.choice(BURST_COUNTS)):
        texts = []
        for _ in range(random.choice(BURST_SIZES)):
            texts.append(_words(random, marker(customer, number)))
            number += 1
        if random.random() < IN_ONE_BODY:
            yield Deed(at, customer, account, tuple(texts))
        else:
            for text in texts:
                yield Deed(at, customer, account, (text,))
                at += random.uniform(*BETWEEN_MESSAGES)
        if random.random() < CUTS_IN:
            later = at + random.uniform(0, 15)
            yield Deed(later, customer, account, (f"e{customer}x{number} Я сам отвечу",), employee=True)
        at += random.uniform(size.pause / 3, size.pause)


def _words(random: Random, mark: str) -> str:
    if random.random() < ASKS_FOR_PERSON:
        return f"{mark} позовите человека"
    return f"{mark} {random.choice(('здравствуйте', 'сколько стоит', 'нужны окна', 'когда приедете', 'а в Уфу?'))}"
