"""What `dealtalk doctor` looks at in a portal of Bitrix24."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.agent.profile import check_against
from dealtalk.connections import Auth
from dealtalk.crm.bitrix24.options import bitrix_options
from dealtalk.crm.option_values import TakeoverSource
from dealtalk.errors import DealtalkError
from dealtalk_cli.bitrix24.access import as_before
from dealtalk_cli.bitrix24.portal import BY_HAND, SCOPES, Portal
from dealtalk_cli.errors import Trouble
from dealtalk_cli.findings import Finding, ok, problem, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dealtalk.agent.profile import Profile
    from dealtalk.connections import Connection
    from dealtalk.crm.bitrix24.options import BitrixOptions
    from dealtalk.deals import DealSchema
    from dealtalk_cli.stack import Stack

AGAIN = "Run dealtalk connect bitrix24 for this portal again."


def live_schema(connection: Connection, profile: Profile, stack: Stack) -> DealSchema:  # noqa: ARG001 (the options say it)
    """Return the portal's pipelines, fields and people. Raises Trouble and DealtalkError."""
    return _open(connection, stack).schema(bitrix_options(connection.options))


def examine(connection: Connection, profile: Profile | None, stack: Stack, *, fix: bool) -> Iterator[Finding]:
    """Yield what is found in the portal: the way in first, and nothing after it where it is closed."""
    try:
        options = bitrix_options(connection.options)
        portal = _open(connection, stack)
        scopes = portal.scopes()
    except (Trouble, DealtalkError) as error:
        yield _found("token", error)
        return
    if missing := [scope for scope in SCOPES if scope not in scopes]:
        yield problem("token", f"works, without the scopes {', '.join(missing)}", "Tick them on its page.")
        return
    yield ok("token", f"works at {portal.host}")
    yield from _events(connection)
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("bot", lambda: _bot(connection, portal, options, stack)),
        ("open line", lambda: _line(connection, portal, options, fix=fix)),
        ("tags", lambda: _tags(portal, profile, options)),
        ("names", lambda: _names(connection, portal, profile, options)),
    ]
    for name, check in checks:
        try:
            yield from check()
        except (Trouble, DealtalkError) as error:
            yield _found(name, error)
    yield from _takeover(connection, options)


def _open(connection: Connection, stack: Stack) -> Portal:
    return Portal(connection.api_base, as_before(connection, stack))


def _found(check: str, error: Trouble | DealtalkError) -> Finding:
    return problem(check, error.sentence, error.advice) if isinstance(error, Trouble) else problem(check, str(error))


def _events(connection: Connection) -> Iterator[Finding]:
    if not connection.options.get("application_token_sha256"):
        yield problem("webhook", "no token of events is known: all of them are refused", AGAIN)
        return
    by = "the portal's id" if connection.options.get("member_id") else "the portal's name"
    yield ok("webhook", f"events are known by their token and by {by}")


def _bot(connection: Connection, portal: Portal, options: BitrixOptions, stack: Stack) -> Iterator[Finding]:
    token = None
    if connection.auth is Auth.TOKEN:
        token = stack.secrets.read(connection.secret).get("bot_token")
    about = portal.bot(options.bot_id, token)
    if about is None:
        yield problem("bot", f"the portal has no bot {options.bot_id} of ours: no message arrives", AGAIN)
    elif about.get("eventMode") != "webhook":
        yield problem("bot", f"the bot {options.bot_id} does not post its events", AGAIN)
    else:
        yield ok("bot", f"{options.bot_id} is registered and posts its events")


def _line(connection: Connection, portal: Portal, options: BitrixOptions, *, fix: bool) -> Iterator[Finding]:
    wanted = str(connection.options.get("line_id") or "")
    line = next((each for each in portal.lines() if each.id == wanted), None)
    if line is None:
        yield problem("open line", f"the portal has no open line {wanted}", AGAIN)
        return
    wrong = line.differs(options.bot_id)
    if wrong and fix:
        portal.attach(line, options.bot_id)
        yield ok("open line", f'repaired, now the bot stays in "{line.name}"')
    elif "WELCOME_BOT_ID" in wrong or "WELCOME_BOT_ENABLE" in wrong:
        yield problem(
            "open line", f'the bot is not in "{line.name}": no message arrives', f"doctor --fix, or: {BY_HAND}"
        )
    elif wrong:
        sentence = f'"{line.name}" sends the bot away or does not always call it ({", ".join(wrong)})'
        yield warning("open line", sentence, f"doctor --fix, or: {BY_HAND}")
    else:
        yield ok("open line", f'the bot answers in "{line.name}" and stays there')
    if not line.active:
        yield warning("open line", f'"{line.name}" is switched off')


def _tags(portal: Portal, profile: Profile | None, options: BitrixOptions) -> Iterator[Finding]:
    if options.tags_field is not None:
        lists = portal.text_lists()
        if options.tags_field in lists:
            yield ok("tags", f'"{lists[options.tags_field]}" ({options.tags_field}) holds them')
        else:
            yield problem("tags", f"deals have no field {options.tags_field} that holds several texts", AGAIN)
    elif profile is not None and (profile.changes.tags.add or profile.changes.tags.remove):
        yield warning("tags", "the profile has tags, and there is no field for them", "Give --create-tags-field.")


def _names(
    connection: Connection, portal: Portal, profile: Profile | None, options: BitrixOptions
) -> Iterator[Finding]:
    if profile is None:
        return
    missing = check_against(profile, portal.schema(options))
    for sentence in missing:
        yield problem("names", sentence, f"Correct {connection.profile} or the portal.")
    if profile.reads_contact != () and not options.contact_fields:
        yield problem("names", "the profile reads contacts' fields, and the connection does not", AGAIN)
    if not missing:
        yield ok("names", "all that the profile names exist")


def _takeover(connection: Connection, options: BitrixOptions) -> Iterator[Finding]:
    if options.takeover_source is TakeoverSource.WEBHOOK and not connection.outgoing_seen:
        yield warning(
            "takeover",
            "relies on events, and no operator's message was seen yet",
            "Write to a customer by hand once; if it stays so, set takeover_source to poll.",
        )
    else:
        how = "told by events" if options.takeover_source is TakeoverSource.WEBHOOK else "told by events and asked for"
        yield ok("takeover", f"operators' messages are {how}")
