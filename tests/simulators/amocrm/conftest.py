"""A simulator with two accounts on a clock that stands still, a client for each, and a receiver of webhooks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import requests

from local.simulators.amocrm import AmocrmSimulator, ManualClock, english_account, russian_account
from tests.simulators.receiver import PATIENCE, Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.simulators.amocrm.state import Account


@dataclass
class Client:
    """One account as an integration with an administrator's long-lived token sees it."""

    sim: AmocrmSimulator
    name: str
    token: str
    http: requests.Session = field(default_factory=requests.Session)

    @property
    def account(self) -> Account:
        """The account's data."""
        return self.sim.account(self.name)

    def call(self, method: str, path: str, *, token: str | None = None, **options: Any) -> requests.Response:
        """Send a request below the account's address."""
        headers = {"Authorization": f"Bearer {token or self.token}"} | options.pop("headers", {})
        url = self.sim.account_url(self.name) + path
        return self.http.request(method, url, headers=headers, timeout=PATIENCE, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        """GET."""
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        """POST JSON."""
        return self.call("POST", path, json=body, **options)

    def patch(self, path: str, body: Any, **options: Any) -> requests.Response:
        """PATCH JSON."""
        return self.call("PATCH", path, json=body, **options)

    def heard(self, receiver: Receiver) -> list[dict[str, str]]:
        """Return the forms that the receiver got, after all deliveries."""
        assert self.sim.settle()
        return [hit.form for hit in receiver.hits]

    def field_id(self, name: str) -> int:
        """Return the id of a lead field."""
        return self.account.field_named(name).id

    def enum_id(self, name: str, value: str) -> int:
        """Return the id of a field's choice."""
        return next(o.id for o in self.account.field_named(name).enums or [] if o.value == value)

    def stage(self, pipeline: str, name: str) -> tuple[int, int]:
        """Return the ids of a pipeline and its stage."""
        one = next(p for p in self.account.pipelines.values() if p.name == pipeline)
        return one.id, next(s.id for s in one.statuses if s.name == name)

    def user_id(self, name: str) -> int:
        """Return a person's id."""
        return next(u.id for u in self.account.users.values() if u.name == name)

    def bot_id(self) -> int:
        """Return the id of the account's bot."""
        return next(iter(self.account.bots))

    def talk_id(self, chat_id: str) -> int:
        """Return the id of a chat's newest conversation."""
        return max(t.talk_id for t in self.account.talks.values() if t.chat_id == chat_id)

    def subscribe(self, url: str, *codes: str) -> None:
        """Subscribe to webhooks, which must work."""
        self.post("/api/v4/webhooks", {"destination": url, "settings": list(codes)}).raise_for_status()


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that stands still."""
    return ManualClock()


@pytest.fixture
def sim(clock: ManualClock) -> Iterator[AmocrmSimulator]:
    """Return a running simulator with both default accounts and no request limit in the way."""
    with AmocrmSimulator([russian_account, english_account], clock=clock) as running:
        for account in running.accounts():
            running.switch(account.subdomain, requests_per_second=1000)
        yield running


@pytest.fixture
def amo(sim: AmocrmSimulator) -> Client:
    """Return the Russian account on amocrm.ru."""
    return Client(sim, "oknamaster", sim.token("oknamaster"))


@pytest.fixture
def kommo(sim: AmocrmSimulator) -> Client:
    """Return the English account on kommo.com."""
    return Client(sim, "clearpanes", sim.token("clearpanes"))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a server that receives webhooks."""
    running = Receiver()
    yield running
    running.stop()
