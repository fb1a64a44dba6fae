"""How conversations are printed: moments, modes, and texts of which a terminal obeys nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.connections import Mode
from dealtalk.conversation.rules import effective_mode

if TYPE_CHECKING:
    from datetime import datetime

    from dealtalk.connections import Connection
    from dealtalk.conversation.state import State

SHOWN = 160
"""Characters of a text that are shown without --full."""

_KEPT = frozenset("\u00a0")


def when(moment: datetime | None) -> str:
    """Return a moment in UTC, to the second."""
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}Z"


def visible(text: str, *, full: bool) -> str:
    """Return the text on one line, what cannot be printed as escapes, shortened unless `full`."""
    shown = text if full or len(text) <= SHOWN else text[:SHOWN]
    line = "".join(c if c.isprintable() or c in _KEPT else c.encode("unicode_escape").decode() for c in shown)
    return line if shown == text else f"{line}… (+{len(text) - len(shown)} characters)"


def mode_of(state: State, connection: Connection | None) -> Mode:
    """Return the conversation's mode, or its connection's; a profile may still say another one."""
    if connection is None:
        return state.mode or Mode.AUTO
    return effective_mode(state, connection, Mode.AUTO)


def spoken_mode(state: State, connection: Connection | None) -> str:
    """Return the mode in words."""
    mode = mode_of(state, connection)
    if state.paused and mode is Mode.HUMAN:
        return "human (paused)"
    return f"{mode}" if state.mode is not None else f"{mode} (default)"
