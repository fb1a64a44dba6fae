"""All that runs together: the deployed stack, the simulated CRM with its connected accounts, and who answers."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.demo.answering import Answering, answering
from local.demo.children import child
from local.demo.connecting import BOTS, ConnectedAccount, connect_all
from local.demo.control import Control
from local.stack import Stack, up
from local.stack.progress import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RETRY_HOURS_COMPRESSED = "60"
"""amoCRM sends a failed webhook again after minutes and hours; here an hour is a minute."""


@dataclass(frozen=True, slots=True)
class World:
    """What the script, the page and the tests work with."""

    stack: Stack
    control: Control
    answering: Answering
    accounts: tuple[ConnectedAccount, ...]

    def account(self, subdomain: str) -> ConnectedAccount:
        """Return a connected account. Raises KeyError."""
        for account in self.accounts:
            if account.subdomain == subdomain:
                return account
        raise KeyError(subdomain)


@contextmanager
def open_world(
    chosen: Answering | None = None, *, auth: bool = False, parameters: Mapping[str, str] | None = None
) -> Iterator[World]:
    """Start everything and connect the accounts; all of it ends with the block.

    `chosen`: the model, None for the stand-in. Raises what `stack.up` raises, ChildError and ConnectError.
    """
    simulator = ("--port", "0", "--state-file", "{ready}", "--time-factor", RETRY_HOURS_COMPRESSED)
    with answering(chosen) as model:
        say(model.said_plainly)
        with (
            child("simulator", "local.simulators.amocrm", *simulator) as crm,
            up(model.base_url, model.model, api_key=model.api_key, auth=auth, parameters=parameters) as stack,
        ):
            control = Control(crm["control_url"])
            say("Connecting the simulated accounts with `dealtalk connect amocrm` ...")
            yield World(stack, control, model, connect_all(stack, control, BOTS))
