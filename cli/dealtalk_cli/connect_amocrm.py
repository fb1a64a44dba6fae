"""Connect an account of amoCRM or Kommo: look at everything, then write, then tell what is left to do.

What is not given is kept from the account's earlier connection, if it has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.crm.amocrm.options import PLATFORMS
from dealtalk.crm.option_values import TakeoverSource
from dealtalk_cli.amocrm import access
from dealtalk_cli.amocrm.looking import OPTIONS_PAGE, look
from dealtalk_cli.amocrm.storing import kept_key, store
from dealtalk_cli.amocrm.telling import tell, tell_dry
from dealtalk_cli.connecting.bot import add_bot_arguments

if TYPE_CHECKING:
    import argparse

    from dealtalk_cli.asking import Asking
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice

TITLE = "amoCRM or Kommo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add amoCRM's and Kommo's options."""
    account = parser.add_argument_group("the account")
    account.add_argument("--subdomain", help="oknaufa of oknaufa.amocrm.ru, or the whole address")
    account.add_argument("--platform", choices=sorted(PLATFORMS))
    account.add_argument("--api-base", metavar="URL", help="another address of the account's API: a simulator's")
    access.add_arguments(parser)
    bot = add_bot_arguments(parser, OPTIONS_PAGE)
    bot.add_argument("--reply-field-id", metavar="ID", help="the leads' text area for replies by Salesbot")
    name = "make that text area, unless it is there"
    bot.add_argument("--create-reply-field", nargs="?", const="", metavar="NAME", help=name)
    bot.add_argument("--bot-id", metavar="ID", help="the Salesbot of one step that sends the text area")
    bot.add_argument("--takeover-source", choices=[each.value for each in TakeoverSource])


def connect(arguments: argparse.Namespace, stack: Stack, voice: Voice, asking: Asking) -> dict[str, object]:
    """Connect the account and return the result for scripts. Raises Trouble and DealtalkError."""
    looked = look(arguments, stack, voice, asking)
    if arguments.dry_run:
        return tell_dry(looked, voice, key_is_kept=kept_key(looked, arguments, stack) is not None)
    asking.agree(f"Connect {looked.about.name} ({looked.address.host}) to the {stack.place.name}?")
    stored = store(looked, arguments, stack, voice)
    return tell(looked, stored, stack, voice)
