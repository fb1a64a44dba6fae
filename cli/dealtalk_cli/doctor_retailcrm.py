"""What `dealtalk doctor` looks at in an account of RetailCRM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.agent.profile import check_against
from dealtalk.crm.retailcrm.api import API_KEY, BOT_TOKEN
from dealtalk.crm.retailcrm.options import retailcrm_options
from dealtalk.errors import DealtalkError
from dealtalk_cli.connect_retailcrm import channel_options
from dealtalk_cli.errors import Trouble
from dealtalk_cli.findings import Finding, ok, problem, warning
from dealtalk_cli.retailcrm.account import KEY_PAGE, NEEDED, ChatBot, RetailcrmAccount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dealtalk.agent.profile import Profile
    from dealtalk.connections import Connection
    from dealtalk.crm.retailcrm.options import RetailcrmOptions
    from dealtalk.deals import DealSchema
    from dealtalk_cli.retailcrm.account import About
    from dealtalk_cli.stack import Stack

AGAIN = "Run dealtalk connect retailcrm for this account again."


def live_schema(connection: Connection, profile: Profile, stack: Stack) -> DealSchema:  # noqa: ARG001 (as every doctor)
    """Return the account's order types, fields and people. Raises Trouble and DealtalkError."""
    return _open(connection, stack).schema(retailcrm_options(connection.options))


def examine(connection: Connection, profile: Profile | None, stack: Stack, *, fix: bool) -> Iterator[Finding]:  # noqa: ARG001 (as every doctor)
    """Yield what is found in the account: the key first, and nothing after it where it does not work."""
    try:
        options = retailcrm_options(connection.options)
        account = _open(connection, stack)
        about = account.about()
    except (Trouble, DealtalkError) as error:
        yield _found("token", error)
        return
    yield ok("token", f"the API key works at {account.host}")
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("rights", lambda: _rights(about)),
        ("module", lambda: _module(account, options, connection)),
        ("bot", lambda: _bot(account, options, connection, stack)),
        ("names", lambda: _names(connection, account, profile, options)),
    ]
    for name, check in checks:
        try:
            yield from check()
        except (Trouble, DealtalkError) as error:
            yield _found(name, error)
    if about.timezone != options.timezone:
        sentence = f"the account's is {about.timezone}, the connection's {options.timezone}: times would be wrong"
        yield problem("time zone", sentence, AGAIN)


def _open(connection: Connection, stack: Stack) -> RetailcrmAccount:
    key = stack.secrets.read(connection.secret).get(API_KEY, "")
    return RetailcrmAccount(connection.api_base, key, stack.clock)


def _found(check: str, error: Trouble | DealtalkError) -> Finding:
    return problem(check, error.sentence, error.advice) if isinstance(error, Trouble) else problem(check, str(error))


def _rights(about: About) -> Iterator[Finding]:
    if about.scopes is None:
        return
    missing = [scope for scope in NEEDED if scope not in about.scopes]
    if missing:
        yield warning("rights", f"the API key may lack {', '.join(missing)}", f"{KEY_PAGE}.")
    else:
        yield ok("rights", "the API key has all that are needed")


def _module(account: RetailcrmAccount, options: RetailcrmOptions, connection: Connection) -> Iterator[Finding]:
    module = account.module(options.module) if options.module else None
    if module is None:
        yield problem("module", "not registered: the bot cannot work", AGAIN)
    elif not module.active:
        yield problem("module", f"{options.module} is switched off in the CRM", "Switch it on among its integrations.")
    else:
        yield ok("module", f"{options.module} is registered for connection {connection.id}")


def _bot(
    account: RetailcrmAccount, options: RetailcrmOptions, connection: Connection, stack: Stack
) -> Iterator[Finding]:
    token = stack.secrets.read(connection.secret).get(BOT_TOKEN, "")
    bot = ChatBot(options.mg_url, token, stack.clock, account)
    own = bot.own_id()
    if own == options.bot_id:
        yield ok("bot", f"its token works, it is {own}")
    else:
        yield problem("bot", f"its token belongs to the bot {own}, the connection names {options.bot_id}", AGAIN)
    found = channel_options(bot.channels())
    if not found["channels"]:
        yield warning("channels", "the account has no channel for chats", "Connect a messenger to the CRM.")
    elif found["channels"] != dict(options.channels) or found["channel_limits"] != dict(options.channel_limits):
        yield warning("channels", "channels were added or changed since the account was connected", AGAIN)
    else:
        yield ok("channels", ", ".join(sorted(set(found["channels"].values()))))


def _names(
    connection: Connection, account: RetailcrmAccount, profile: Profile | None, options: RetailcrmOptions
) -> Iterator[Finding]:
    if profile is None:
        return
    missing = check_against(profile, account.schema(options))
    for sentence in missing:
        yield problem("names", sentence, f"Correct {connection.profile} or the account.")
    if not missing:
        yield ok("names", "all that the profile names exist")
