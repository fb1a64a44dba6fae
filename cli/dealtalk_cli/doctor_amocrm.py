"""What `dealtalk doctor` looks at in an account of amoCRM or Kommo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.agent.profile import check_against
from dealtalk.crm.amocrm.options import Way, amocrm_options
from dealtalk.crm.option_values import TakeoverSource
from dealtalk.errors import DealtalkError
from dealtalk_cli.amocrm import reply, webhooks
from dealtalk_cli.amocrm.access import stored_token
from dealtalk_cli.amocrm.account import AmocrmAccount
from dealtalk_cli.connecting.saving import webhook_address
from dealtalk_cli.errors import Trouble
from dealtalk_cli.findings import Finding, ok, problem, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dealtalk.agent.profile import Profile
    from dealtalk.connections import Connection
    from dealtalk.crm.amocrm.options import AmocrmOptions
    from dealtalk.deals import DealSchema
    from dealtalk_cli.stack import Stack

AGAIN = "Run dealtalk connect amocrm for this account again."


def live_schema(connection: Connection, profile: Profile, stack: Stack) -> DealSchema:
    """Return the account's pipelines, fields and people. Raises Trouble and DealtalkError."""
    return _open(connection, stack).schema(contact_fields=profile.reads_contact != ())


def examine(connection: Connection, profile: Profile | None, stack: Stack, *, fix: bool) -> Iterator[Finding]:
    """Yield what is found in the account: token first, and nothing after it where it does not work."""
    try:
        options = amocrm_options(connection.options)
        account = _open(connection, stack)
        about = account.about()
    except (Trouble, DealtalkError) as error:
        yield _found("token", error)
        return
    if about.id != connection.account:
        yield problem("token", f"it belongs to the account {about.id}", AGAIN)
        return
    yield ok("token", f"works for {about.name} at {account.host}")
    yield from _subdomain(connection, about.subdomain)
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("webhook", lambda: _webhook(connection, account, stack, fix=fix)),
        ("reply field", lambda: _reply_field(account, options)),
        ("bot", lambda: _bot(account, options)),
        ("names", lambda: _names(connection, account, profile, options)),
    ]
    for name, check in checks:
        try:
            yield from check()
        except (Trouble, DealtalkError) as error:
            yield _found(name, error)
    yield from _widget(connection, options)
    yield from _takeover(connection, options)


def _open(connection: Connection, stack: Stack) -> AmocrmAccount:
    options = amocrm_options(connection.options)
    return AmocrmAccount(connection.api_base, options.platform, stored_token(connection, stack), stack.clock)


def _found(check: str, error: Trouble | DealtalkError) -> Finding:
    return problem(check, error.sentence, error.advice) if isinstance(error, Trouble) else problem(check, str(error))


def _subdomain(connection: Connection, actual: str) -> Iterator[Finding]:
    """Look whether the account was renamed: its webhooks then name a subdomain that is not believed."""
    accepted = connection.options.get("accepted_subdomains") or []
    known = {connection.options.get("subdomain"), *([accepted] if isinstance(accepted, str) else accepted)}
    if actual not in known:
        yield problem("subdomain", f"the account is now called {actual}, and its webhooks are refused", AGAIN)


def _webhook(connection: Connection, account: AmocrmAccount, stack: Stack, *, fix: bool) -> Iterator[Finding]:
    api_url = stack.place.api_url
    found = webhooks.hooks(account)
    hook = webhooks.own(found, connection.id, api_url)
    if hook is None:
        yield problem("webhook", "not registered: no message arrives", AGAIN)
        return
    if hook.destination != webhook_address(api_url, connection.crm, hook.key):
        yield problem("webhook", "leads to another address than this stack's", AGAIN)
        return
    before = hook
    if fix and (hook.disabled or set(webhooks.WANTED) - set(hook.events)):
        hook = webhooks.subscribe(account, hook.destination, found) or hook
    advice = f"Run dealtalk doctor --fix, or switch it on in {account.product}'s page of web hooks."
    if hook.disabled:
        yield problem("webhook", f"switched off by {account.product} after too many failures", advice)
    elif webhooks.MESSAGE not in hook.events:
        yield problem("webhook", f"registered without {webhooks.MESSAGE}: no message arrives", advice)
    else:
        repaired = "repaired, now " if (hook.disabled, hook.events) != (before.disabled, before.events) else ""
        yield ok("webhook", f"{repaired}registered for {', '.join(hook.events)}")
    if webhooks.OUTGOING not in hook.events and account.product == "Kommo":
        yield warning(
            "webhook", f"registered without {webhooks.OUTGOING}: employees are noticed by asking only", advice
        )


def _reply_field(account: AmocrmAccount, options: AmocrmOptions) -> Iterator[Finding]:
    if Way.SALESBOT not in options.send_order:
        return
    if options.reply_field_id is None:
        yield _not_set_up("reply field", options, "--create-reply-field")
        return
    field = reply.by_id(reply.fields(account), options.reply_field_id)
    yield ok("reply field", f'"{field.name}" ({field.id}) is a text area')


def _bot(account: AmocrmAccount, options: AmocrmOptions) -> Iterator[Finding]:
    if Way.SALESBOT not in options.send_order:
        return
    if options.bot_id is None:
        yield _not_set_up("bot", options, "--bot-id")
        return
    bots = reply.bots(account) if account.product == "Kommo" else None
    if bots is None:
        sentence = f"{account.product} cannot be asked whether the bot {options.bot_id} exists"
        yield warning("bot", sentence, "Write to a channel and see that the reply arrives.")
    elif options.bot_id in bots:
        yield ok("bot", f'"{bots[options.bot_id]}" ({options.bot_id}) exists')
    else:
        yield problem("bot", f"the account has no bot {options.bot_id}", "Connect again with --bot-id.")


def _widget(connection: Connection, options: AmocrmOptions) -> Iterator[Finding]:
    if Way.WIDGET not in options.send_order:
        return
    if connection.signing_secret:
        yield ok("widget", "the integration's secret key is known: requests of Salesbots that wait can be checked")
    else:
        advice = "Connect again with --widget-secret-file."
        yield problem("widget", "no secret key: Salesbots that wait are refused", advice)


def _not_set_up(check: str, options: AmocrmOptions, option: str) -> Finding:
    advice = f"Connect again with {option}."
    if options.send_order == (Way.SALESBOT,):
        return problem(check, "not set up: replies cannot be sent", advice)
    return warning(check, "not set up: there is no second way to send", advice)


def _names(
    connection: Connection, account: AmocrmAccount, profile: Profile | None, options: AmocrmOptions
) -> Iterator[Finding]:
    if profile is None:
        return
    wants_contacts = profile.reads_contact != ()
    missing = check_against(profile, account.schema(contact_fields=wants_contacts))
    for sentence in missing:
        yield problem("names", sentence, f"Correct {connection.profile} or the account.")
    if wants_contacts and not options.contact_fields:
        yield problem("names", "the profile reads contacts' fields, and the connection does not", AGAIN)
    if not missing:
        yield ok("names", "all that the profile names exist")


def _takeover(connection: Connection, options: AmocrmOptions) -> Iterator[Finding]:
    source = options.takeover_source
    if source is TakeoverSource.WEBHOOK and not connection.outgoing_seen:
        yield warning(
            "takeover",
            "relies on the webhook, and no outgoing message was seen yet",
            "Write to a customer by hand once; if it stays so, set takeover_source to poll.",
        )
    elif source is TakeoverSource.AUTO:
        how = "told by the webhook" if connection.outgoing_seen else "asked for, until a webhook tells of one"
        yield ok("takeover", f"employees' messages are {how}")
