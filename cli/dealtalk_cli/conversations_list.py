"""`dealtalk conversations list`: which there are, and which wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dealtalk.conversation.rules import waiting_messages
from dealtalk.conversation.state import TIMELINE, State
from dealtalk.conversation.timeline import read_entries
from dealtalk_cli.conversations_archive import Archive
from dealtalk_cli.conversations_words import mode_of, spoken_mode, visible, when
from dealtalk_cli.doctor import chosen_connections

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from datetime import datetime

    from dealtalk.connections import Connection
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice

LOOKED_BACK = 50
"""Entries of a conversation in which the oldest unanswered message is looked for."""

SHOWN_DIGITS = 12
HEADS = ("id", "account", "channel", "mode", "waiting since", "last entry", "deal", "turn")


@dataclass(frozen=True, slots=True)
class Row:
    """A conversation in the list."""

    state: State
    connection: Connection | None
    waiting_since: datetime | None
    last: datetime | None

    def cells(self) -> list[str]:
        """Return the row for people."""
        state = self.state
        cells = [
            state.conversation.id[:SHOWN_DIGITS],
            f"{state.conversation.crm} {state.conversation.account}",
            state.chat.channel or "-",
            spoken_mode(state, self.connection),
            when(self.waiting_since) if state.is_waiting else "-",
            when(self.last),
            deal_of(state) or "-",
            "open" if state.turn is not None else "-",
        ]
        return [visible(cell, full=False) for cell in cells]

    def as_json(self) -> dict[str, object]:
        """Return the row for scripts."""
        state = self.state
        return {
            "id": state.conversation.id,
            "crm": state.conversation.crm,
            "account": state.conversation.account,
            "connection": state.connection,
            "channel": state.chat.channel,
            "mode": mode_of(state, self.connection).value,
            "own_mode": state.mode.value if state.mode else None,
            "paused": state.paused,
            "waiting": state.is_waiting,
            "waiting_since": _iso(self.waiting_since),
            "last_entry_at": _iso(self.last),
            "deal": deal_of(state),
            "open_turn": state.turn,
        }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the filters."""
    parser.add_argument("--connection", metavar="ID", help="only its conversations: its id, account or subdomain")
    parser.add_argument("--waiting", action="store_true", help="only those with something unanswered")
    parser.add_argument("--mode", choices=["auto", "draft", "human", "off"], help="only those in this mode")
    parser.add_argument("--deal", metavar="ID", help="only those of this deal of the CRM")
    parser.add_argument("--contact", metavar="ID", help="only those of this contact of the CRM")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="stop after so many (default: 50)")


def run(arguments: argparse.Namespace, stack: Stack, voice: Voice) -> int:
    """Print the conversations that are found first, those that wait longest above. Raises Trouble and DealtalkError."""
    archive = Archive(stack)
    rows: list[Row] = []
    is_cut = False
    for state, connection in _chosen(arguments, stack, archive):
        if len(rows) == arguments.limit:
            is_cut = True
            break
        rows.append(_row(state, connection, stack))
    rows.sort(key=_order)
    _table(voice, rows)
    if is_cut:
        voice.warn(f"there are more than {arguments.limit}: these were found first. Narrow it down or raise --limit.")
    voice.result({"conversations": [row.as_json() for row in rows], "more": is_cut})
    return 0


def deal_of(state: State) -> str | None:
    """Return the deal that the last turn was bound to, else the one that the newest message named."""
    return state.deal_id or state.chat.deal_id


def _chosen(arguments: argparse.Namespace, stack: Stack, archive: Archive) -> Iterator[tuple[State, Connection | None]]:
    accounts = None
    if arguments.connection:
        accounts = {(each.crm, each.account) for each in chosen_connections(stack, arguments.connection)}
    known: dict[tuple[str, str], Connection | None] = {}
    for state in archive.states():
        at = (state.conversation.crm, state.connection)
        if accounts is not None and (state.conversation.crm, state.conversation.account) not in accounts:
            continue
        if arguments.waiting and not state.is_waiting:
            continue
        if arguments.deal and arguments.deal not in {state.deal_id, state.chat.deal_id}:
            continue
        if arguments.contact and arguments.contact != state.chat.contact_id:
            continue
        if at not in known:
            known[at] = stack.directory.load(*at)
        if arguments.mode and mode_of(state, known[at]).value != arguments.mode:
            continue
        yield state, known[at]


def _row(state: State, connection: Connection | None, stack: Stack) -> Row:
    items = stack.table.newest(state.conversation.partition, TIMELINE, LOOKED_BACK)
    entries = read_entries(items, up_to=state.arrived, now=stack.clock.now(), after=state.forgotten)
    waiting = waiting_messages(state, entries)
    return Row(
        state,
        connection,
        waiting[0].stored_at if waiting else None,
        max((entry.stored_at for entry in entries), default=None),
    )


def _order(row: Row) -> tuple[bool, float]:
    """Order by how long a customer waits, then by what happened last."""
    if row.waiting_since is not None:
        return False, row.waiting_since.timestamp()
    return True, -row.last.timestamp() if row.last else 0.0


def _table(voice: Voice, rows: list[Row]) -> None:
    lines = [list(HEADS), *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADS))]
    for line in lines:
        voice.line("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
