"""Carries out a plan: customers write and employees cut in at their moments, through the CRM's control API."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from tests.storm.company import StormAccount
    from tests.storm.control import StormControl
    from tests.storm.traffic import Deed, Plan

HANDS = 8
WAITS = 0.5


@dataclass(frozen=True, slots=True)
class Talk:
    """One customer's chat and deal."""

    customer: int
    account: StormAccount
    chat: str
    deal: str


@dataclass(frozen=True, slots=True)
class Said:
    """A message that was written: `mark` is its first word. `at` is when the CRM had taken it (epoch seconds)."""

    customer: int
    mark: str
    message_id: str
    at: float


@dataclass
class Happened:
    """What people did."""

    talks: dict[int, Talk] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)
    employees: list[Said] = field(default_factory=list)
    held_back: float = 0.0
    """How many seconds everybody held back, since the machine had not caught up."""


class Driver:
    """Carries out one plan. While `is_crowded`, its clock stands still: the machine is the limit, not the plan."""

    def __init__(
        self, control: StormControl, plan: Plan, accounts: tuple[StormAccount, ...], is_crowded: Callable[[], bool]
    ) -> None:
        self.happened = Happened()
        self._is_crowded = is_crowded
        self._control = control
        self._plan = plan
        self._accounts = accounts
        self._writing = Lock()
        self._opening: dict[int, Lock] = {deed.customer: Lock() for deed in plan.deeds}

    def run(self) -> Happened:
        """Do everything at its moment and return when the last message is written."""
        began = time.monotonic()
        under_way: list[Future[None]] = []
        with ThreadPoolExecutor(HANDS) as pool:
            for deed in self._plan.deeds:
                time.sleep(max(0.0, began + deed.at - time.monotonic()))
                while self._is_crowded():
                    time.sleep(WAITS)
                    began += WAITS
                    self.happened.held_back += WAITS
                under_way.append(pool.submit(self._do, deed))
            wait(under_way)
        for each in under_way:
            each.result()
        return self.happened

    def _do(self, deed: Deed) -> None:
        account = self._accounts[deed.account]
        with self._opening[deed.customer]:
            talk = self.happened.talks.get(deed.customer) or self._open(deed.customer, account)
        if len(deed.texts) > 1:
            ids = self._control.burst(account.name, talk.chat, deed.texts)
        else:
            who = "employee" if deed.employee else "customer"
            ids = [self._control.say(account.name, talk.chat, deed.texts[0], who=who)]
        at = time.time()
        said = [
            Said(deed.customer, text.split()[0], message_id, at)
            for text, message_id in zip(deed.texts, ids, strict=True)
        ]
        with self._writing:
            (self.happened.employees if deed.employee else self.happened.said).extend(said)

    def _open(self, customer: int, account: StormAccount) -> Talk:
        chat, deal = self._control.open_chat(account.name, contact=f"Customer {customer}")
        talk = Talk(customer, account, chat, str(deal))
        self.happened.talks[customer] = talk
        return talk
