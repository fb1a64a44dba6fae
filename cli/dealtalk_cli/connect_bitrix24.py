"""Connect a portal of Bitrix24: look at everything, register the bot, write, put the bot into an open line.

What is not given is kept from the portal's earlier connection, if it has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.crm.bitrix24.options import Handover
from dealtalk.crm.option_values import TakeoverSource
from dealtalk_cli.bitrix24 import access, installing
from dealtalk_cli.bitrix24.looking import OPTIONS_PAGE, look
from dealtalk_cli.bitrix24.storing import store
from dealtalk_cli.bitrix24.telling import tell, tell_dry
from dealtalk_cli.connecting.bot import add_bot_arguments

if TYPE_CHECKING:
    import argparse

    from dealtalk_cli.asking import Asking
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice

TITLE = "Bitrix24"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add Bitrix24's options."""
    portal = parser.add_argument_group("the portal")
    portal.add_argument("--portal", metavar="HOST", help="your.bitrix24.com; known from the webhook's address")
    portal.add_argument("--api-base", metavar="URL", help="another address of the portal's REST: a simulator's")
    portal.add_argument("--member-id", metavar="ID", help="the portal's id, which events must then carry")
    portal.add_argument("--line", metavar="ID", help="the open line to answer in; known where there is only one")
    access.add_arguments(parser)
    bot = add_bot_arguments(parser, OPTIONS_PAGE)
    bot.add_argument("--bot-name", metavar="NAME", help="how customers see it; the profile's name")
    bot.add_argument("--bot-code", metavar="CODE", help="the bot's code in the portal; dealtalk")
    bot.add_argument("--tags-field", metavar="UF_CRM_…", help="the deals' field of several texts that holds tags")
    title = "make that field, unless it is there"
    bot.add_argument("--create-tags-field", nargs="?", const="Теги", metavar="TITLE", help=title)
    leads = "work with leads too, as a pipeline of this name"
    bot.add_argument("--lead-pipeline", metavar="NAME", help=leads)
    bot.add_argument("--handover", choices=[each.value for each in Handover])
    bot.add_argument("--takeover-source", choices=[each.value for each in TakeoverSource])


def connect(arguments: argparse.Namespace, stack: Stack, voice: Voice, asking: Asking) -> dict[str, object]:
    """Connect the portal and return the result for scripts. Raises Trouble and DealtalkError."""
    if arguments.await_install:
        host = access.host_of(arguments.portal or asking.text("Portal", "--portal"))
        return installing.wait(host, arguments.api_base or f"https://{host}", stack, voice, asking)
    looked = look(arguments, stack, voice, asking)
    if arguments.dry_run:
        return tell_dry(looked, voice)
    asking.agree(f"Connect {looked.host} to the {stack.place.name}?")
    stored = store(looked, arguments, stack, voice)
    return tell(looked, stored, stack, voice)
