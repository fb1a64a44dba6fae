"""All that runs together: the deployed stack, the simulated CRM with its connected accounts, and who answers."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.demo.answering import Answering, answering
from local.demo.children import child
from local.demo.connecting import ConnectedAccount, connect_all
from local.demo.control import Control
from local.demo.crms import DEFAULT, DemoCrm, demo_crm
from local.stack import Stack, up
from local.stack.progress import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class World:
    """What the script, the page and the tests work with."""

    stack: Stack
    control: Control
    answering: Answering
    crm: DemoCrm
    accounts: tuple[ConnectedAccount, ...]

    def account(self, subdomain: str) -> ConnectedAccount:
        """Return a connected account. Raises KeyError."""
        for account in self.accounts:
            if account.subdomain == subdomain:
                return account
        raise KeyError(subdomain)


@contextmanager
def open_world(
    chosen: Answering | None = None,
    *,
    crm: str = DEFAULT,
    auth: bool = False,
    parameters: Mapping[str, str] | None = None,
) -> Iterator[World]:
    """Start everything and connect the accounts; all of it ends with the block.

    `chosen`: the model, None for the stand-in. `crm` is one of `local.demo.crms`. Raises what `stack.up` raises,
    ChildError and ConnectError.
    """
    shown = demo_crm(crm)
    simulator = ("--port", "0", "--state-file", "{ready}", *shown.simulator_words)
    with answering(chosen) as model:
        say(model.said_plainly)
        with (
            child("simulator", shown.simulator, *simulator) as running,
            up(model.base_url, model.model, api_key=model.api_key, auth=auth, parameters=parameters) as stack,
        ):
            control = Control(running["control_url"])
            say(f"Connecting the simulated accounts with `dealtalk connect {shown.name}` ...")
            yield World(stack, control, model, shown, connect_all(stack, control, shown))
