"""What every simulator is, whichever CRM it plays: accounts on one loopback port, time, faults, a record of calls."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from local.simulators.clock import ManualClock, Scheduler, SystemClock
from local.simulators.faults import Fault, FaultKind, Faults
from local.simulators.journal import Call, Delivery, Journal
from local.simulators.serving import CONTROL, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from local.simulators.clock import Clock
    from local.simulators.serving import Front, Request, Response


class Account(Protocol):
    """What every account has."""

    subdomain: str
    base_url: str


A = TypeVar("A", bound=Account)


class Simulation(Generic[A]):
    """Serves accounts between `start` and `stop`, each at `account_url(subdomain)`.

    Subclasses call `_listen` once and give every new account to `_admit`.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or SystemClock()
        self.journal = Journal()
        self.faults = Faults()
        self.scheduler = Scheduler(self.clock)
        self._accounts: dict[str, A] = {}

    def _listen(
        self, name: str, port: int, front: Front, control: Callable[[Request], Response], stop: Iterable[Stoppable] = ()
    ) -> None:
        """Open the port; `stop` are what else runs and ends with it."""
        self._front = front
        self._ends = (self.scheduler, *stop)
        self._server = Server(port, front, control)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name=name, daemon=True)

    def start(self) -> Self:
        """Begin to serve."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and end all threads."""
        self._front.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        for each in self._ends:
            each.stop()
        self._thread.join(timeout=5)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        """The simulator's own address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def control_url(self) -> str:
        """The control API's address."""
        return self.base_url + CONTROL

    def account_url(self, account: str) -> str:
        """Return the address that stands for the account's own at the vendor."""
        return f"{self.base_url}/a/{account}"

    def _admit(self, one: A) -> A:
        """Add an account and return it. Raises ValueError where its subdomain is taken."""
        if one.subdomain in self._accounts:
            msg = f"there is an account {one.subdomain} already"
            raise ValueError(msg)
        one.base_url = self.account_url(one.subdomain)
        self._accounts[one.subdomain] = one
        return one

    def accounts(self) -> list[A]:
        """Return all accounts."""
        return list(self._accounts.values())

    def account(self, account: str) -> A:
        """Return an account's data; hold its `lock` while reading or changing it. Raises KeyError."""
        return self._accounts[account]

    def fault(self, kind: str | FaultKind, account: str | None = None, **options: Any) -> Fault:
        """Switch a fault on (see faults.Fault): path, method, count, skip, probability, seed, status, seconds, body."""
        return self.faults.add(Fault(FaultKind(kind), account, **options))

    def calls(self, account: str | None = None, **filters: Any) -> list[Call]:
        """Return the recorded calls: method, path_regex, since."""
        return self.journal.calls(account, **filters)

    def deliveries(self, account: str | None = None, **filters: Any) -> list[Delivery]:
        """Return the recorded deliveries: code, since."""
        return self.journal.deliveries(account, **filters)

    def advance(self, seconds: float) -> None:
        """Move a manual clock and wait until what became due is done. Raises TypeError for the machine's clock."""
        if not isinstance(self.clock, ManualClock):
            msg = "only a ManualClock can be advanced"
            raise TypeError(msg)
        self.clock.advance(seconds)
        self.settle()

    def settle(self, timeout: float = 10.0) -> bool:
        """Wait until no delivery is under way and nothing is due."""
        return self.scheduler.settle(timeout)


class Stoppable(Protocol):
    """What runs beside the server."""

    def stop(self) -> None:
        """End."""
        ...
