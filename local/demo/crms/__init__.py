"""The CRMs that the demo can show: one module of this package each, with its `DEMO`."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from local.demo.control import Control

    Words = Sequence[Sequence[str]]

DEFAULT = "amocrm"


@dataclass(frozen=True, slots=True)
class Bot:
    """Who answers in an account: an example profile of `profiles/`, and the language of its customers (ru or en)."""

    profile: str
    language: str


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A customer's burst, and all that must have come of it in the deal card, and nothing else.

    `fields` maps a field to the values that are right, compared without case; a value that ends in an asterisk need
    only begin the field's. `own_fields` are fields that Dealtalk itself may write. The deal's pipeline must not change.
    """

    customer: str
    burst: tuple[str, ...]
    stage: str
    fields: Mapping[str, tuple[str, ...]]
    tags: tuple[str, ...]
    notes: int = 1
    own_fields: frozenset[str] = frozenset()


WINDOWS_RU = Dialogue(
    customer="Иван Петров",
    burst=("здравствуйте", "окна", "3 штуки, Уфа, пластик"),
    stage="Квалификация",
    fields={"Товар": ("окн*", "пвх*", "пластиковые окн*"), "Количество": ("3",), "Город": ("Уфа",)},
    tags=("ии",),
)


@dataclass(frozen=True, slots=True)
class DemoCrm:
    """One CRM of the demo.

    `simulator` is the module that runs it: it takes `--port`, `--state-file` and `--time-factor`, and its control API
    is that of `local.simulators.control`. `bots` says by an account's `settings.platform` who answers there.
    `connect_words` returns the options of `dealtalk connect <name>` for one of the simulator's accounts; `secrets` the
    environment in which that command finds the token that the simulator gave. `tell_crm` is for CRMs whose own people
    enter the webhook: it is called with the account and what the command printed. `account_secrets` returns what else
    of an account the command finds in its environment.
    """

    name: str
    title: str
    simulator: str
    bots: Mapping[str, Bot]
    connect_words: Callable[[Mapping[str, Any]], Words]
    secrets: Callable[[str], Mapping[str, str]]
    dialogue: Dialogue = WINDOWS_RU
    simulator_words: Sequence[str] = field(default=())
    tell_crm: Callable[[Control, Mapping[str, Any], Mapping[str, Any]], None] | None = None
    account_secrets: Callable[[Mapping[str, Any]], Mapping[str, str]] | None = None


def names() -> list[str]:
    """Return the names of the CRMs that can be shown."""
    return sorted(each.name for each in pkgutil.iter_modules(__path__))


def demo_crm(name: str) -> DemoCrm:
    """Return the CRM of this name. Raises ModuleNotFoundError."""
    found: DemoCrm = import_module(f"{__name__}.{name}").DEMO
    return found
