"""Everything that is looked at before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dealtalk.connections import Auth
from dealtalk.crm.amocrm.options import amocrm_options
from dealtalk.errors import NeedsAttention
from dealtalk_cli.amocrm import access, reply, webhooks
from dealtalk_cli.amocrm.account import About, AmocrmAccount
from dealtalk_cli.amocrm.address import read_address
from dealtalk_cli.connecting.bot import check_profile, chosen_profile, named_options
from dealtalk_cli.errors import Trouble

if TYPE_CHECKING:
    import argparse

    from dealtalk.agent.profile import Profile
    from dealtalk.connections import Connection
    from dealtalk.crm.oauth import TokenPair
    from dealtalk_cli.amocrm.address import Address
    from dealtalk_cli.asking import Asking
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice

CRM = "amocrm"
OPTIONS_PAGE = "docs/crm/amocrm.md"


@dataclass(slots=True)
class Looked:
    """What was found. `profile_text` is None where the bucket's is kept, `credentials` where the stored secret is.

    `previous` is the account's earlier connection, `hooks` all subscriptions of the account, `create_field` the name of
    the reply field that is still to be made.
    """

    address: Address
    account: AmocrmAccount
    about: About
    profile: Profile
    profile_name: str
    profile_text: str | None
    credentials: access.Credentials | None
    pair: TokenPair | None
    previous: Connection | None
    hooks: list[webhooks.Hook]
    options: dict[str, Any]
    reply_field: reply.ReplyField | None = None
    create_field: str = ""


def look(arguments: argparse.Namespace, stack: Stack, voice: Voice, asking: Asking) -> Looked:
    """Look at profile, token, account and webhooks. Raises Trouble and DealtalkError."""
    voice.done(f"{stack.place.name}: webhooks at {stack.place.api_url}")
    address = read_address(arguments, asking)
    given = _given_options(arguments, address)
    known = next((each for each in stack.directory.connections(CRM) if each.api_base == address.api_base), None)
    profile, name, text = chosen_profile(arguments, stack, voice, asking, known)
    credentials = access.credentials(arguments, asking, known)
    pair = None
    if credentials is not None and credentials.auth is Auth.OAUTH:
        if arguments.dry_run:
            raise Trouble("a dry run cannot try an OAuth code, which works once")
        asking.agree(f"Use up the code to connect {address.host} to the {stack.place.name}?")
        pair = access.exchange(credentials, address, stack)
        voice.done("the authorization code was exchanged")
    tokens = access.tokens(credentials, pair, known, stack)
    account = AmocrmAccount(address.api_base, address.platform, tokens, stack.clock)
    looked = Looked(address, account, About("", "", ""), profile, name, text, credentials, pair, known, [], given)
    try:
        _look_into(looked, arguments, stack, voice)
    except Trouble as trouble:
        if pair is None:
            raise
        used = "The code is used up: get a new one for the next try."
        raise Trouble(trouble.sentence, f"{trouble.advice} {used}".strip()) from None
    return looked


def _look_into(looked: Looked, arguments: argparse.Namespace, stack: Stack, voice: Voice) -> None:
    """Look at the account itself."""
    account = looked.account
    looked.about = account.about()
    voice.done(f"the token works: account {looked.about.name} ({looked.about.id}) at {looked.address.host}")
    known, looked.previous = looked.previous, stack.directory.find(CRM, looked.about.id)
    if looked.credentials is None and looked.previous != known:
        raise Trouble("the stored token belongs to another account", "Give --token-file.")
    before = looked.previous.options if looked.previous else {}
    needed = {"contact_fields": looked.profile.reads_contact != ()}
    looked.options = {**before, **needed, **looked.options, "subdomain": looked.about.subdomain}
    looked.hooks = webhooks.hooks(account)
    schema = account.schema(contact_fields=looked.profile.reads_contact != ())
    check_profile(looked.profile, looked.profile_name, schema, voice, strict=arguments.strict)
    _find_field(looked, arguments, voice)
    _check_bot(looked, voice)


def _find_field(looked: Looked, arguments: argparse.Namespace, voice: Voice) -> None:
    """Find the text area for replies: the one that is named by number or name, else one with the usual name."""
    found, usual = reply.fields(looked.account), reply.DEFAULT_NAMES[looked.address.platform]
    chosen = looked.options.get("reply_field_id")
    if arguments.create_reply_field is not None and arguments.reply_field_id is None:
        name = arguments.create_reply_field or usual
        looked.reply_field = reply.by_name(found, name)
        looked.create_field = "" if looked.reply_field else name
    elif chosen is not None:
        looked.reply_field = reply.by_id(found, str(chosen))
    else:
        looked.reply_field = reply.by_name([each for each in found if each.kind == reply.TEXT_AREA], usual)
    if looked.reply_field:
        looked.options["reply_field_id"] = looked.reply_field.id
        voice.done(f'the reply field is "{looked.reply_field.name}" ({looked.reply_field.id})')


def _check_bot(looked: Looked, voice: Voice) -> None:
    bot, product = looked.options.get("bot_id"), looked.account.product
    if bot is None:
        return
    bots = reply.bots(looked.account) if looked.address.platform == "kommo.com" else None
    if bots is None:
        voice.warn(f"{product} cannot be asked whether the bot {bot} exists: try it with a message")
    elif str(bot) in bots:
        voice.done(f'the bot is "{bots[str(bot)]}" ({bot})')
    else:
        raise Trouble(f"the account has no bot {bot}", "Check --bot-id: the bot's number stands in its page's address.")


def _given_options(arguments: argparse.Namespace, address: Address) -> dict[str, Any]:
    """Return the adapter's options that were given. Raises Trouble where one cannot be used."""
    given = {
        "takeover_source": arguments.takeover_source,
        "reply_field_id": arguments.reply_field_id,
        "bot_id": arguments.bot_id,
        **named_options(arguments.option, OPTIONS_PAGE),
        "platform": address.platform,
    }
    options = {name: value for name, value in given.items() if value is not None}
    try:
        amocrm_options(options)
    except NeedsAttention as error:
        raise Trouble(str(error), f"{OPTIONS_PAGE} lists the options.") from None
    return options
