"""Reading a connection's options into an adapter's dataclass: an unknown key and an unusable value are named."""

from __future__ import annotations

from dataclasses import fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from dealtalk.errors import NeedsAttention

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Options = TypeVar("Options")

SHARED = frozenset({"subdomain", "calls_per_second"})
"""Options that others read in every CRM: the command line, and the account's rate (conversation/rate.py)."""


class TakeoverSource(StrEnum):
    """How it is learned that an employee wrote: by webhook, by asking, or by asking until a webhook was seen."""

    AUTO = "auto"
    WEBHOOK = "webhook"
    POLL = "poll"


def read_options(
    kind: type[Options],
    given: Mapping[str, Any],
    readers: Mapping[str, Callable[[Any], Any]],
    *,
    crm: str,
    defaults: Mapping[str, Any] | None = None,
    not_ours: frozenset[str] = SHARED,
) -> Options:
    """Return the settings of a connection: what is given, else `defaults`, else the dataclass's own.

    `readers` are one per field. Raises NeedsAttention with the key that is unknown or cannot be read.
    """
    known = {each.name for each in fields(kind)}  # type: ignore[arg-type]  # a dataclass; its type cannot be said
    own = {name: value for name, value in given.items() if name not in not_ours and value is not None}
    if unknown := sorted(own.keys() - known):
        msg = f"unknown option {unknown[0]} of a connection to {crm}"
        raise NeedsAttention(msg)
    values: dict[str, Any] = dict(defaults or {})
    for name, value in own.items():
        try:
            values[name] = readers[name](value)
        except (TypeError, ValueError, KeyError, AttributeError):
            msg = f"option {name} of a connection to {crm} has an unusable value"
            raise NeedsAttention(msg) from None
    return kind(**values)


def digits(value: object) -> str:
    """Return an id that is safe in a path. Raises ValueError where it is not a plain number."""
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) <= 20):  # noqa: PLR2004 (more than any 64-bit number)
        msg = "not an id"
        raise ValueError(msg)
    return text


def number(least: int, most: int) -> Callable[[Any], int]:
    """Return a reader of whole numbers within these bounds."""

    def read(value: Any) -> int:  # noqa: ANN401 (stored JSON)
        found = int(value)
        if isinstance(value, bool) or not least <= found <= most:
            raise ValueError
        return found

    return read


def flag(value: object) -> bool:
    """Return a yes or no, as JSON or as the command line writes it."""
    flags = {"true": True, "false": False, "1": True, "0": False}
    return flags[str(value).strip().lower()]


def limits(least: int, most: int) -> Callable[[Any], dict[str, int]]:
    """Return a reader of whole numbers by name."""
    read = number(least, most)
    return lambda value: {str(name): read(each) for name, each in value.items()}
