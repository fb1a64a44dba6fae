"""What `dealtalk doctor` looks at in a portal of HubSpot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.agent.profile import check_against
from dealtalk.crm.hubspot.options import hubspot_options
from dealtalk.crm.oauth import StaticToken
from dealtalk.errors import DealtalkError
from dealtalk_cli.errors import Trouble
from dealtalk_cli.findings import Finding, ok, problem, warning
from dealtalk_cli.hubspot.looking import missing_tags
from dealtalk_cli.hubspot.portal import APP_PAGE, SCOPES, WRITES, HubspotPortal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dealtalk.agent.profile import Profile
    from dealtalk.connections import Connection
    from dealtalk.crm.hubspot.options import HubspotOptions
    from dealtalk.deals import DealSchema
    from dealtalk_cli.stack import Stack

AGAIN = "Run dealtalk connect hubspot for this portal again."


def live_schema(connection: Connection, profile: Profile, stack: Stack) -> DealSchema:  # noqa: ARG001 (as every doctor)
    """Return the portal's pipelines, properties and owners. Raises Trouble and DealtalkError."""
    return _open(connection, stack).schema()


def examine(connection: Connection, profile: Profile | None, stack: Stack, *, fix: bool) -> Iterator[Finding]:  # noqa: ARG001 (nothing there is ours to repair)
    """Yield what is found in the portal: the token first, and nothing after it where it does not work."""
    try:
        options = hubspot_options(connection.options)
        portal = _open(connection, stack)
        about = portal.about()
    except (Trouble, DealtalkError) as error:
        yield _found("token", error)
        return
    if about.id != connection.account:
        yield problem("token", f"it belongs to the portal {about.id}", AGAIN)
        return
    yield ok("token", f"works for the portal {about.id}")
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("scopes", lambda: _scopes(portal)),
        ("bot", lambda: _bot(portal, options)),
        ("channels", lambda: _channels(portal)),
        ("names", lambda: _names(connection, portal, profile, options)),
    ]
    for name, check in checks:
        try:
            yield from check()
        except (Trouble, DealtalkError) as error:
            yield _found(name, error)
    yield from _webhook(connection)


def _open(connection: Connection, stack: Stack) -> HubspotPortal:
    return HubspotPortal(connection.api_base, StaticToken(stack.secrets, connection.secret), stack.clock)


def _found(check: str, error: Trouble | DealtalkError) -> Finding:
    return problem(check, error.sentence, error.advice) if isinstance(error, Trouble) else problem(check, str(error))


def _scopes(portal: HubspotPortal) -> Iterator[Finding]:
    missing = portal.missing_scopes()
    if missing:
        yield problem("scopes", f"the app lacks {', '.join(missing)}", SCOPES)
    else:
        yield ok("scopes", f"it may read; {' and '.join(WRITES)} show when something is written")


def _bot(portal: HubspotPortal, options: HubspotOptions) -> Iterator[Finding]:
    people = {each.id: each for each in portal.users()}
    found = people.get(options.bot_user_id)
    if found is None:
        yield problem("bot", f"the user {options.bot_user_id} is not active any more", "Connect again with --bot-user.")
    else:
        yield ok("bot", f"writes as {found.name or found.email} (user {found.id})")
    if options.handoff_user_id is not None and options.handoff_user_id not in people:
        yield problem("handoff", "who is given the threads is not active any more", "Connect again: --handoff-user.")


def _channels(portal: HubspotPortal) -> Iterator[Finding]:
    names = portal.channels()
    if names:
        yield ok("channels", ", ".join(names))
    else:
        yield warning("channels", "the inbox has no channel", "Connect a chat or mailbox to the inbox.")


def _names(
    connection: Connection, portal: HubspotPortal, profile: Profile | None, options: HubspotOptions
) -> Iterator[Finding]:
    if profile is None:
        return
    schema = portal.schema()
    missing = [*check_against(profile, schema), *missing_tags(profile, schema, options.tags_property)]
    for sentence in missing:
        yield problem("names", sentence, f"Correct {connection.profile} or the portal.")
    works = {pipeline.id for place in profile.works_in for pipeline in schema.pipelines_named(place.pipeline)}
    if works - set(options.pipeline_ids):
        yield problem("pipelines", "the profile works in a pipeline in which no deal is looked for", AGAIN)
    if not missing:
        yield ok("names", "all that the profile names exist")


def _webhook(connection: Connection) -> Iterator[Finding]:
    """Say what is known here: HubSpot's API does not show a private app's webhook."""
    url = str(connection.options.get("public_url") or "")
    if connection.signing_secret is None or "{key}" not in url:
        yield problem("webhook", "no client secret or address is stored: every delivery is refused", AGAIN)
        return
    yield ok("webhook", f"deliveries must be signed for {url.replace('{key}', '…')}")
    if not connection.outgoing_seen:
        yield warning(
            "webhook",
            "no message of your side was told of yet",
            f"If nothing arrives at all, compare the target URL and the subscriptions ({APP_PAGE}, Webhooks).",
        )
