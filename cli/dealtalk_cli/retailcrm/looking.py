"""Everything that is looked at before anything is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dealtalk.crm.http import checked_base
from dealtalk.crm.option_values import TakeoverSource
from dealtalk.crm.retailcrm.api import API_KEY
from dealtalk.crm.retailcrm.options import retailcrm_options
from dealtalk.errors import NeedsAttention
from dealtalk.messages import short_hash
from dealtalk_cli.asking import secret_from
from dealtalk_cli.connecting.bot import check_profile, chosen_profile, named_options
from dealtalk_cli.errors import Trouble
from dealtalk_cli.retailcrm.account import KEY_PAGE, NEEDED, RetailcrmAccount

if TYPE_CHECKING:
    import argparse

    from dealtalk.agent.profile import Profile
    from dealtalk.connections import Connection
    from dealtalk_cli.asking import Asking
    from dealtalk_cli.retailcrm.account import About
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice

CRM = "retailcrm"
OPTIONS_PAGE = "docs/crm/retailcrm.md"
KEY_VARIABLE = "DEALTALK_RETAILCRM_KEY"
UNKNOWN_MG = "https://unknown.retailcrm.pro"
"""Stands for the MG host until the module's registration names it."""

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9-]{1,63}){1,4}")


@dataclass(slots=True)
class Looked:
    """What was found. `profile_text` is None where the bucket's is kept, `api_key` where the stored one is.

    `account_id` is the account's host name; `previous` its earlier connection; `key` the key that the registered
    module holds.
    """

    account: RetailcrmAccount
    account_id: str
    about: About
    profile: Profile
    profile_name: str
    profile_text: str | None
    api_key: str
    module: str
    options: dict[str, Any]
    previous: Connection | None
    key: str | None = None


def look(arguments: argparse.Namespace, stack: Stack, voice: Voice, asking: Asking) -> Looked:
    """Look at profile, key, account and module. Raises Trouble and DealtalkError."""
    voice.done(f"{stack.place.name} at {stack.place.api_url}")
    account_id, api_base = _address(arguments, asking)
    given = _given_options(arguments)
    previous = stack.directory.find(CRM, account_id)
    profile, name, text = chosen_profile(arguments, stack, voice, asking, previous)
    api_key = secret_from(arguments.api_key_file, KEY_VARIABLE, "--api-key-file")
    if api_key is None and previous is not None:
        api_key = stack.secrets.read(previous.secret, fresh=True).get(API_KEY)
    api_key = api_key or asking.secret("API key", "--api-key-file")
    account = RetailcrmAccount(api_base, api_key, stack.clock)
    about = account.about()
    voice.done(f"the API key works at {account.host}: {about.timezone}, {about.currency or 'no currency'}")
    _check_rights(about, voice)
    # The core's own default would stop asking once the poller brought an employee's message; who takes a dialog between
    # two polls would not be noticed.
    before = {"takeover_source": TakeoverSource.POLL.value, **(previous.options if previous else {})}
    options = {**before, **given, "timezone": about.timezone, "currency": about.currency, "subdomain": account_id}
    if arguments.handover_to:
        options["handover_user_id"] = account.chat_user(arguments.handover_to)
    module = f"dealtalk-{short_hash(stack.place.secrets_prefix)[:8]}"
    looked = Looked(account, account_id, about, profile, name, text, api_key, module, options, previous)
    schema = account.schema(retailcrm_options({"mg_url": UNKNOWN_MG, **options}))
    check_profile(profile, name, schema, voice, strict=arguments.strict)
    registered = account.module(module)
    if registered is not None and not arguments.new_key:
        looked.key = registered.key or None
        voice.done(f"the module {module} is registered" + ("" if registered.active else ", switched off"))
    return looked


def _address(arguments: argparse.Namespace, asking: Asking) -> tuple[str, str]:
    """Return the account's name, which is its host's, and the address of its API. Raises Trouble."""
    given = (arguments.url or asking.text("The CRM's address, like okna.retailcrm.ru", "--url")).strip().lower()
    host = (urlsplit(given).netloc if "//" in given else given.split("/", 1)[0]) or ""
    if not _HOST.fullmatch(host):
        raise Trouble("--url is the CRM's address", "It is okna.retailcrm.ru or okna.simla.com.")
    try:
        return host, checked_base(arguments.api_base or f"https://{host}")
    except ValueError as error:
        raise Trouble(f"--api-base: {error}", "http is for this machine only.") from None


def _given_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the adapter's options that were given. Raises Trouble where one cannot be used."""
    given = {"takeover_source": arguments.takeover_source, **named_options(arguments.option, OPTIONS_PAGE)}
    options = {name: value for name, value in given.items() if value is not None}
    try:
        retailcrm_options({"mg_url": UNKNOWN_MG, **options})
    except NeedsAttention as error:
        raise Trouble(str(error), f"{OPTIONS_PAGE} lists the options.") from None
    return options


def _check_rights(about: About, voice: Voice) -> None:
    if about.scopes is None:
        return
    missing = [scope for scope in NEEDED if scope not in about.scopes]
    if missing:
        voice.warn(f"the API key may lack rights: {', '.join(missing)} ({KEY_PAGE})")
