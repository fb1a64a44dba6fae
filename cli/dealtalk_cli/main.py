"""`dealtalk`: connect a CRM account, check a connection, check a profile."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from dealtalk.conversation.table import TableBusy
from dealtalk.errors import DealtalkError
from dealtalk_cli import connect, conversations, doctor, profile_check
from dealtalk_cli.errors import Trouble
from dealtalk_cli.voice import Voice, never_fail_on_letters, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

CANNOT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command: 0 it worked, 1 problems were found, 2 it could not be done."""
    never_fail_on_letters()
    parsed = parser().parse_args(arguments)
    try:
        result: int = parsed.run(parsed, Voice(as_json=parsed.json))
    except TableBusy as error:
        print(f"error: {error}. Check the table's name, the region and your AWS credentials.", file=sys.stderr)
    except (Trouble, DealtalkError) as error:
        print(printable(f"error: {error}"), file=sys.stderr)
    except KeyboardInterrupt:
        print("error: stopped", file=sys.stderr)
    else:
        return result
    return CANNOT


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    root = argparse.ArgumentParser(
        prog="dealtalk", description="Connect and check CRM accounts, look after conversations."
    )
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in (connect, doctor, profile_check, conversations):
        command.add_command(commands)
    return root


if __name__ == "__main__":
    sys.exit(main())
