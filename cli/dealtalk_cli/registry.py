"""Which CRMs can be connected: every module `connect_<crm>` beside this one, with its `doctor_<crm>`."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

import dealtalk_cli

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from dealtalk.agent.profile import Profile
    from dealtalk.connections import Connection
    from dealtalk.deals import DealSchema
    from dealtalk_cli.asking import Asking
    from dealtalk_cli.findings import Finding
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice

PREFIX = "connect_"


class Connector(Protocol):
    """What a module `connect_<crm>` offers."""

    TITLE: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the CRM's own options."""
        ...

    def connect(self, arguments: argparse.Namespace, stack: Stack, voice: Voice, asking: Asking) -> dict[str, object]:
        """Connect an account and return the result for scripts. Raises Trouble and DealtalkError."""
        ...


class Doctor(Protocol):
    """What a module `doctor_<crm>` offers."""

    def examine(self, connection: Connection, profile: Profile | None, stack: Stack, *, fix: bool) -> Iterator[Finding]:
        """Yield what is found at the CRM, good and bad; with `fix` repair what can be. Raises nothing."""
        ...

    def live_schema(self, connection: Connection, profile: Profile, stack: Stack) -> DealSchema:
        """Return the account's pipelines, fields and people as far as the profile names them. Raises Trouble."""
        ...


def crms() -> list[str]:
    """Return the names of the CRMs that can be connected."""
    found = (module.name for module in pkgutil.iter_modules(dealtalk_cli.__path__))
    return sorted(name.removeprefix(PREFIX) for name in found if name.startswith(PREFIX))


def connector(crm: str) -> Connector:
    """Return the CRM's connector."""
    return cast("Connector", import_module(f"dealtalk_cli.{PREFIX}{crm}"))


def doctor(crm: str) -> Doctor:
    """Return the CRM's doctor."""
    return cast("Doctor", import_module(f"dealtalk_cli.doctor_{crm}"))
