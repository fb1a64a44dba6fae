"""The example profiles fit the accounts that the demo and the simulator offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest

from dealtalk.agent.profile import check_against
from dealtalk.crm.amocrm.schema import read_schema
from local.simulators.amocrm import render
from local.simulators.amocrm.defaults import english_account, russian_account
from local.simulators.clock import SystemClock
from tests.unit.agent.accounts import example

if TYPE_CHECKING:
    from dealtalk.crm.amocrm.api import Api
    from local.simulators.amocrm.state import Account


@dataclass
class Rendered:
    """The lists that a simulated account's API returns, without its HTTP server."""

    account: Account

    def rows(self, path: str, _key: str) -> list[dict[str, Any]]:
        """Return the rows of a list."""
        entity = path.split("/")[3]
        if path.endswith("/custom_fields"):
            fields = self.account.fields.values()
            return [render.custom_field(self.account, field) for field in fields if field.entity.value == entity]
        if path.endswith("/pipelines"):
            return [render.pipeline(self.account, each) for each in self.account.pipelines.values()]
        return [render.user(self.account, person, set()) for person in self.account.users.values()]


@pytest.mark.parametrize(
    ("name", "account"), [("windows-ru.yaml", russian_account), ("booking-en.yaml", english_account)]
)
def test_an_example_fits_its_simulated_account(name: str, account: Any) -> None:
    """Every pipeline, stage, field and person that the example names exists there, once."""
    api = cast("Api", Rendered(account(SystemClock())))
    assert check_against(example(name), read_schema(api, contact_fields=True)) == []
