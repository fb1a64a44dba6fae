"""`dealtalk profile check FILE`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.agent.profile import check_against
from dealtalk_cli import place, registry
from dealtalk_cli.doctor import chosen_connections
from dealtalk_cli.errors import Trouble
from dealtalk_cli.profiles import read_profile
from dealtalk_cli.stack import open_stack

if TYPE_CHECKING:
    import argparse

    from dealtalk_cli.voice import Voice

PROBLEMS = 1


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    profile = commands.add_parser("profile", help="check a bot's profile")
    actions = profile.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="read a profile and name every problem with its line")
    check.add_argument("file", metavar="FILE")
    check.add_argument("--connection", metavar="ID", help="also check its names against this account")
    check.add_argument("--json", action="store_true", help="one JSON object on standard output")
    place.add_arguments(check)
    check.set_defaults(run=run)


def run(arguments: argparse.Namespace, voice: Voice) -> int:
    """Check the file: 0 usable, 1 not. Raises Trouble and DealtalkError where an account cannot be asked."""
    try:
        profile, _ = read_profile(arguments.file, voice)
    except Trouble as trouble:
        voice.line(f"error: {trouble}")
        voice.result({"file": arguments.file, "usable": False, "problems": trouble.details or [str(trouble)]})
        return PROBLEMS
    voice.done(f"{arguments.file}: {profile.name}, nothing wrong with it")
    problems: list[str] = []
    if arguments.connection:
        stack = open_stack(place.find_place(arguments))
        (connection,) = chosen_connections(stack, arguments.connection)
        problems = check_against(profile, registry.doctor(connection.crm).live_schema(connection, profile, stack))
        for sentence in problems:
            voice.warn(f"{arguments.file}: {sentence}")
        if not problems:
            voice.done(f"all its names exist in the account {connection.account}")
    voice.result({"file": arguments.file, "usable": not problems, "problems": problems})
    return PROBLEMS if problems else 0
