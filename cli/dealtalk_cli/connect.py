"""`dealtalk connect <crm>`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk_cli import place, registry
from dealtalk_cli.asking import Asking
from dealtalk_cli.stack import open_stack
from dealtalk_cli.waking import tell_woken

if TYPE_CHECKING:
    import argparse

    from dealtalk_cli.voice import Voice


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command with one subcommand per CRM."""
    connect = commands.add_parser("connect", help="connect a CRM account, or connect it anew")
    crms = connect.add_subparsers(dest="crm", required=True, metavar="CRM")
    for crm in registry.crms():
        module = registry.connector(crm)
        command = crms.add_parser(crm, help=f"connect an account of {module.TITLE}", description=module.__doc__)
        module.add_arguments(command)
        place.add_arguments(command)
        command.add_argument("--json", action="store_true", help="one JSON object on standard output")
        command.add_argument("--dry-run", action="store_true", help="look at everything, change nothing")
        command.add_argument("--yes", action="store_true", help="do not ask before changing things")
        command.set_defaults(run=run)


def run(arguments: argparse.Namespace, voice: Voice) -> int:
    """Connect the account. Raises Trouble and DealtalkError."""
    stack = open_stack(place.find_place(arguments))
    result = registry.connector(arguments.crm).connect(arguments, stack, voice, Asking(yes=arguments.yes))
    if not arguments.dry_run:
        tell_woken(stack.directory.load(arguments.crm, str(result["connection"])), stack, voice)
    voice.result(result)
    return 0
