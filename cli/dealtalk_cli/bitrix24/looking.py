"""Everything that is looked at before anything is written."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dealtalk.connections import Auth
from dealtalk.crm.bitrix24.options import bitrix_options
from dealtalk.crm.option_values import TakeoverSource
from dealtalk.deals import same_name
from dealtalk.errors import NeedsAttention
from dealtalk_cli.bitrix24 import access
from dealtalk_cli.bitrix24.portal import SCOPES, Portal
from dealtalk_cli.connecting.bot import check_profile, chosen_profile, named_options
from dealtalk_cli.errors import Trouble

if TYPE_CHECKING:
    import argparse

    from dealtalk.agent.profile import Profile
    from dealtalk.connections import Connection
    from dealtalk_cli.asking import Asking
    from dealtalk_cli.bitrix24.portal import OpenLine
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice

CRM = "bitrix24"
OPTIONS_PAGE = "docs/crm/bitrix24.md"
NO_BOT = "1"
"""Stands for the bot's number while there is none."""


@dataclass(slots=True)
class Looked:
    """What was found. `account` is the portal's id (an app) or its host (a webhook).

    `bot_token` is None for an app's bot; `create_field` is the title of the field for tags that is still to be made.
    """

    account: str
    host: str
    api_base: str
    portal: Portal
    entered: access.Entered
    profile: Profile
    profile_name: str
    profile_text: str | None
    previous: Connection | None
    options: dict[str, Any]
    line: OpenLine
    bot_token: str | None = field(default=None, repr=False)
    create_field: str = ""


def look(arguments: argparse.Namespace, stack: Stack, voice: Voice, asking: Asking) -> Looked:
    """Look at profile, portal, scopes and open lines. Raises Trouble and DealtalkError."""
    voice.done(f"{stack.place.name}: webhooks at {stack.place.api_url}")
    install = access.given_install(arguments, asking, stack)
    host, known = _host(arguments, stack, install)
    hook = None if install else access.given_hook(arguments, asking, known)
    host = host or (hook.host if hook else None) or access.host_of(asking.text("Portal", "--portal"))
    known = known or _known(stack, host)
    given = _given_options(arguments, host)
    api_base = arguments.api_base or (known.api_base if known else f"https://{host}")
    profile, name, text = chosen_profile(arguments, stack, voice, asking, known)
    if install is not None:
        if arguments.dry_run:
            raise Trouble("a dry run cannot try an installation's token, which works once")
        asking.agree(f"Use up the installation's token to connect {host} to the {stack.place.name}?")
        entered = access.by_install(install, _oauth_base(given, known), stack)
    elif hook is not None:
        entered = access.by_hook(hook)
    elif known is not None:
        entered = access.as_before(known, stack)
    else:
        raise Trouble("no way to sign in is given", "Give --webhook-file.")
    portal = Portal(api_base, entered)
    _check_scopes(portal, voice)
    account = entered.member_id or (known.account if known else host)
    previous = stack.directory.find(CRM, account)
    # The core's own default would stop asking once an operator's message came by an event; taking a dialog sends none.
    first = {"takeover_source": TakeoverSource.POLL.value}
    options = {**(previous.options if previous else first), **given, "domain": host}
    options["contact_fields"] = profile.reads_contact != ()
    if entered.member_id:
        options["member_id"] = entered.member_id
    line = _line(portal, options, asking, voice)
    options["line_id"] = line.id
    looked = Looked(account, host, api_base, portal, entered, profile, name, text, previous, options, line)
    looked.bot_token = _bot_token(entered, previous, stack)
    _find_tags_field(looked, arguments, voice)
    _check_profile(looked, arguments, voice)
    return looked


def _host(
    arguments: argparse.Namespace, stack: Stack, install: access.Install | None
) -> tuple[str | None, Connection | None]:
    """Return the portal's host, as far as it is given, and the connection that it has. Raises Trouble."""
    host = access.host_of(arguments.portal) if arguments.portal else None
    if install is not None:
        if host is not None and host != install.host:
            raise Trouble(f"the app was installed in {install.host}, not in {host}")
        host = install.host
    return host, _known(stack, host) if host else None


def _known(stack: Stack, host: str) -> Connection | None:
    return next((each for each in stack.directory.connections(CRM) if each.options.get("domain") == host), None)


def _oauth_base(given: dict[str, Any], known: Connection | None) -> str:
    before = known.options if known else {}
    return bitrix_options({"bot_id": NO_BOT, **before, **given}).oauth_base


def _check_scopes(portal: Portal, voice: Voice) -> None:
    found = portal.scopes()
    if missing := [scope for scope in SCOPES if scope not in found]:
        advice = "Open the webhook's or app's page, tick them, and run the command again."
        raise Trouble(f"{portal.host} works, but these scopes are missing: {', '.join(missing)}", advice)
    voice.done(f"{portal.host} lets us in, with the scopes {', '.join(sorted(found))}")


def _line(portal: Portal, options: dict[str, Any], asking: Asking, voice: Voice) -> OpenLine:
    """Return the open line that the bot answers in: the named one, else the only active one. Raises Trouble."""
    found = portal.lines()
    chosen = options.get("line_id")
    if chosen is None:
        active = [line for line in found if line.active]
        if not active:
            raise Trouble("the portal has no active open line", "Connect a channel in its Contact Center first.")
        listed = ", ".join(f"{line.id} {line.name}" for line in active)
        chosen = active[0].id if len(active) == 1 else asking.text(f"Open line ({listed})", "--line")
    line = next((each for each in found if each.id == str(chosen)), None)
    if line is None:
        raise Trouble(f"the portal has no open line {chosen}", f"It has {', '.join(each.id for each in found)}.")
    voice.done(f'the open line is "{line.name}" ({line.id})')
    return line


def _bot_token(entered: access.Entered, previous: Connection | None, stack: Stack) -> str | None:
    """Return the token of our bot: the earlier one, else a new one of fewer than 40 characters; None for an app."""
    if entered.auth is not Auth.TOKEN:
        return None
    if previous is not None and previous.auth is Auth.TOKEN:
        return stack.secrets.read(previous.secret).get("bot_token") or _new_token()
    return _new_token()


def _new_token() -> str:
    return f"dt{secrets.token_hex(16)}"


def _find_tags_field(looked: Looked, arguments: argparse.Namespace, voice: Voice) -> None:
    """Find the deals' field for tags: the named one, else one with the usual title."""
    lists = looked.portal.text_lists()
    chosen, wanted = looked.options.get("tags_field"), arguments.create_tags_field
    if chosen is not None and chosen not in lists:
        raise Trouble(f"deals have no field {chosen} that holds several texts", "Check --tags-field.")
    if chosen is None and wanted is not None:
        chosen = next((name for name, title in lists.items() if same_name(title, wanted)), None)
        looked.create_field = "" if chosen else wanted
    if chosen is not None:
        looked.options["tags_field"] = chosen
        voice.done(f'the field for tags is "{lists[chosen]}" ({chosen})')


def _check_profile(looked: Looked, arguments: argparse.Namespace, voice: Voice) -> None:
    profile = looked.profile
    options = bitrix_options({"bot_id": NO_BOT, **looked.options})
    check_profile(profile, looked.profile_name, looked.portal.schema(options), voice, strict=arguments.strict)
    tags = profile.changes.tags
    if (tags.add or tags.remove) and not options.tags_field and not looked.create_field:
        voice.warn("the profile has tags, and Bitrix24 keeps none: give --create-tags-field, or they are refused")


def _given_options(arguments: argparse.Namespace, host: str) -> dict[str, Any]:
    """Return the adapter's options that were given. Raises Trouble where one cannot be used."""
    given = {
        "takeover_source": arguments.takeover_source,
        "tags_field": arguments.tags_field,
        "lead_pipeline": arguments.lead_pipeline,
        "handover": arguments.handover,
        "line_id": arguments.line,
        "member_id": arguments.member_id,
        **named_options(arguments.option, OPTIONS_PAGE),
    }
    options = {name: value for name, value in given.items() if value is not None}
    try:
        bitrix_options({"bot_id": NO_BOT, "domain": host, **options})
    except NeedsAttention as error:
        raise Trouble(str(error), f"{OPTIONS_PAGE} lists the options.") from None
    return options
