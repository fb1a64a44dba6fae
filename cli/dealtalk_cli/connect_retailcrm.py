"""Connect an account of RetailCRM (Simla): look at everything, register the module, then write.

What is not given is kept from the account's earlier connection, if it has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dealtalk.connections import connection_id
from dealtalk.crm.option_values import TakeoverSource
from dealtalk.crm.retailcrm.api import API_KEY, BOT_TOKEN
from dealtalk.crm.retailcrm.options import retailcrm_options
from dealtalk_cli.connecting.bot import add_bot_arguments
from dealtalk_cli.connecting.saving import Wanted, new_key, replace_connection, save
from dealtalk_cli.retailcrm.account import ChatBot
from dealtalk_cli.retailcrm.looking import CRM, KEY_VARIABLE, OPTIONS_PAGE, Looked, look

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from dealtalk.connections import Connection
    from dealtalk_cli.asking import Asking
    from dealtalk_cli.retailcrm.account import Channel
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice

TITLE = "RetailCRM (Simla)"
NEXT = (
    "Check it at any time with dealtalk doctor. Then write to one of the account's channels yourself: the poller looks "
    "every few seconds."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add RetailCRM's options."""
    account = parser.add_argument_group("the account")
    account.add_argument("--url", metavar="ADDRESS", help="okna.retailcrm.ru, or the address of one of its pages")
    account.add_argument("--api-base", metavar="URL", help="another address of the account's API: a simulator's")
    key = f"the API key's file, - for standard input (or {KEY_VARIABLE})"
    account.add_argument("--api-key-file", metavar="FILE", help=key)
    bot = add_bot_arguments(parser, OPTIONS_PAGE)
    bot.add_argument("--takeover-source", choices=[each.value for each in TakeoverSource])
    bot.add_argument("--handover-to", metavar="NAME", help="who gets a dialog that is left to a person")


def connect(arguments: argparse.Namespace, stack: Stack, voice: Voice, asking: Asking) -> dict[str, object]:
    """Connect the account and return the result for scripts. Raises Trouble and DealtalkError."""
    looked = look(arguments, stack, voice, asking)
    if arguments.dry_run:
        return _dry(looked, voice)
    asking.agree(f"Connect {looked.account.host} to the {stack.place.name}?")
    key = looked.key or new_key()
    token = _register(looked, key, stack, voice)
    connection = save(_wanted(looked, token), connection_id(key), arguments, stack, voice)
    if looked.previous is not None:
        replace_connection(looked.previous.id, connection, stack, forget=arguments.new_key)
    voice.line("Next:")
    voice.line(f"  1. {NEXT}")
    return _result(looked, connection, key, voice)


def channel_options(channels: Iterable[Channel]) -> dict[str, Any]:
    """Return what the connection keeps of the channels: types by id, the smallest limit of each type."""
    types: dict[str, str] = {}
    limits: dict[str, int] = {}
    for each in channels:
        types[each.id] = each.type
        if each.limit is not None:
            limits[each.type] = min(max(each.limit, 20), 20_000, limits.get(each.type, 20_000))
    return {"channels": types, "channel_limits": limits}


def _register(looked: Looked, key: str, stack: Stack, voice: Voice) -> str:
    """Register the module and its bot, put what they are into the options, and return the bot's token."""
    name = looked.profile.name
    callback = f"{stack.place.api_url}/{CRM}"
    mg_url, token = looked.account.register(looked.module, f"Dealtalk: {name}", key, callback)
    bot = ChatBot(mg_url, token, stack.clock, looked.account)
    bot.introduce(name)
    channels = bot.channels()
    own = {"mg_url": mg_url, "bot_id": bot.own_id(), "module": looked.module}
    looked.options = {**looked.options, **own, **channel_options(channels)}
    retailcrm_options(looked.options)
    voice.done(f"the module {looked.module} is registered, its bot is {looked.options['bot_id']}")
    if channels:
        voice.done(f"channels: {', '.join(sorted({each.type for each in channels}))}")
    else:
        voice.warn("the account has no channel for chats yet")
    return token


def _wanted(looked: Looked, token: str) -> Wanted:
    return Wanted(
        crm=CRM,
        account=looked.account_id,
        api_base=looked.account.api_base,
        profile_name=looked.profile_name,
        profile_text=looked.profile_text,
        options={name: value for name, value in looked.options.items() if value is not None},
        previous=looked.previous,
        secret={API_KEY: looked.api_key, BOT_TOKEN: token},
    )


def _dry(looked: Looked, voice: Voice) -> dict[str, object]:
    would = [f"register the module {looked.module} with a chat bot", "store the API key and the bot's token"]
    if looked.profile_text is not None:
        would.append(f"put the profile into the bucket as {looked.profile_name}")
    would.append(f"save the {'earlier' if looked.previous else 'new'} connection of {looked.account_id}")
    voice.line("Nothing was changed. Without --dry-run the command would")
    for each in would:
        voice.line(f"  - {each}")
    return {"crm": CRM, "account": looked.account_id, "dry_run": True, "would": would, "warnings": voice.warnings}


def _result(looked: Looked, connection: Connection, key: str, voice: Voice) -> dict[str, object]:
    return {
        "crm": CRM,
        "connection": connection.id,
        "key": key,
        "account": connection.account,
        "webhook_url": "",
        "crm_base_url": connection.api_base,
        "account_name": looked.account_id,
        "subdomain": looked.account_id,
        "platform": CRM,
        "auth": connection.auth.value,
        "mode": connection.mode.value,
        "profile": connection.profile,
        "module": looked.module,
        "bot_id": looked.options["bot_id"],
        "channels": looked.options["channels"],
        "reused": looked.previous is not None and looked.previous.id == connection.id,
        "done": voice.done_steps,
        "warnings": voice.warnings,
        "next": [NEXT],
    }
