"""What waited for a connection is brought back when it works again, and said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.recovery.waking import wake
from dealtalk_cli.conversations_words import when

if TYPE_CHECKING:
    from dealtalk.connections import Connection
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice


def woken(connection: Connection, stack: Stack) -> str | None:
    """Make due what waits for this connection and return a sentence about it; None where nothing does."""
    found = wake(stack.table, connection, stack.clock.now())
    if not found.conversations:
        return None
    waits = "1 conversation waits" if found.conversations == 1 else f"{found.conversations} conversations wait"
    since = f", the oldest question since {when(found.oldest)}" if found.oldest else ""
    return f"{waits}{since}: answered from the next minute on, the oldest first; what is too old goes to a person"


def tell_woken(connection: Connection | None, stack: Stack, voice: Voice) -> None:
    """Bring back what waits, and say so."""
    sentence = woken(connection, stack) if connection is not None else None
    if sentence:
        voice.done(sentence)
