"""Everything that is looked at before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dealtalk.connections import connection_id
from dealtalk.crm.http import checked_base
from dealtalk.crm.hubspot.options import hubspot_options
from dealtalk.errors import NeedsAttention
from dealtalk_cli.asking import secret_from
from dealtalk_cli.connecting.bot import add_bot_arguments, check_profile, chosen_profile, named_options
from dealtalk_cli.connecting.given_token import GivenToken
from dealtalk_cli.connecting.saving import new_key, webhook_address
from dealtalk_cli.errors import Trouble
from dealtalk_cli.hubspot.portal import SCOPES, HubspotPortal

if TYPE_CHECKING:
    import argparse

    from dealtalk.agent.profile import Profile
    from dealtalk.connections import Connection
    from dealtalk.deals import DealSchema
    from dealtalk_cli.asking import Asking
    from dealtalk_cli.hubspot.portal import About
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice

CRM = "hubspot"
OPTIONS_PAGE = "docs/crm/hubspot.md"
API_BASE = "https://api.hubapi.com"
TOKEN_VARIABLE = "DEALTALK_HUBSPOT_TOKEN"  # noqa: S105 (a variable's name)
SECRET_VARIABLE = "DEALTALK_HUBSPOT_CLIENT_SECRET"  # noqa: S105 (a variable's name)
CALLS_PER_SECOND = 9
"""Of the 100 in ten seconds that the smallest plans give to an app."""


@dataclass(slots=True)
class Looked:
    """What was found. `key` is None where the earlier address is kept: only its hash is known here."""

    portal: HubspotPortal
    about: About
    profile: Profile
    profile_name: str
    profile_text: str | None
    options: dict[str, Any]
    previous: Connection | None
    api_base: str
    key: str | None
    token: str | None = field(default=None, repr=False)
    client_secret: str | None = field(default=None, repr=False)

    @property
    def identity(self) -> str:
        """The connection's id."""
        if self.key is not None:
            return connection_id(self.key)
        return self.previous.id if self.previous else ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add HubSpot's options."""
    app = parser.add_argument_group("the private app", "secrets never stand on the command line")
    app.add_argument("--app-id", metavar="ID", help="the app's number, which stands in its page's address")
    token = f"the file of its access token, - for standard input (or {TOKEN_VARIABLE})"
    app.add_argument("--token-file", metavar="FILE", help=token)
    secret = f"the file of its client secret, which signs webhooks (or {SECRET_VARIABLE})"
    app.add_argument("--client-secret-file", metavar="FILE", help=secret)
    app.add_argument("--public-url", metavar="URL", help="the webhook's address where a proxy stands before it; {key}")
    app.add_argument("--api-base", metavar="URL", help="another address of the API: a simulator's")
    bot = add_bot_arguments(parser, OPTIONS_PAGE)
    bot.add_argument("--bot-user", metavar="WHO", help="the bot's own user: id, mail address or name")
    bot.add_argument("--tags-property", metavar="NAME", help="the deals' property that stands for tags, by its label")
    bot.add_argument("--handoff-user", metavar="WHO", help="who is given a thread that is left to a person")


def look(arguments: argparse.Namespace, stack: Stack, voice: Voice, asking: Asking) -> Looked:
    """Look at profile, token and portal. Raises Trouble and DealtalkError."""
    voice.done(f"{stack.place.name}: webhooks at {stack.place.api_url}")
    given = named_options(arguments.option, OPTIONS_PAGE)
    app_id = arguments.app_id or given.get("app_id")
    known = _known(stack, app_id)
    app_id = app_id or (known.options["app_id"] if known else asking.text("The app's number", "--app-id"))
    profile, name, text = chosen_profile(arguments, stack, voice, asking, known)
    token = secret_from(arguments.token_file, TOKEN_VARIABLE, "--token-file")
    client_secret = secret_from(arguments.client_secret_file, SECRET_VARIABLE, "--client-secret-file")
    if known is None:
        token = token or asking.secret("Access token", "--token-file")
        client_secret = client_secret or asking.secret("Client secret", "--client-secret-file")
    used = token or (stack.secrets.read(known.secret, fresh=True).get("token", "") if known else "")
    api_base = _api_base(arguments, known)
    portal = HubspotPortal(api_base, GivenToken(used), stack.clock)
    about = portal.about()
    voice.done(f"the token works: portal {about.id}, {about.time_zone}, {about.currency or 'no currency'}")
    previous = stack.directory.find(CRM, about.id)
    if known is not None and previous is not None and known.id != previous.id:
        raise Trouble("the token belongs to another portal than the app's connection", "Give --token-file.")
    if missing := portal.missing_scopes():
        raise Trouble(f"the app lacks scopes: {', '.join(missing)}", SCOPES)
    key = None if previous is not None and not arguments.new_key else new_key()
    before = dict(previous.options) if previous else {}
    needed = {"app_id": str(app_id), "time_zone": about.time_zone, "subdomain": about.id}
    defaults = {"takeover_source": "webhook", "calls_per_second": CALLS_PER_SECOND}
    looked = Looked(
        portal, about, profile, name, text, {**defaults, **before, **needed, **given}, previous, api_base, key
    )
    looked.token, looked.client_secret = token, client_secret
    _look_into(looked, arguments, stack, voice, asking)
    return looked


def _known(stack: Stack, app_id: object) -> Connection | None:
    """Return the connection of this app; the only one where none is named."""
    every = stack.directory.connections(CRM)
    if app_id is None:
        return every[0] if len(every) == 1 else None
    return next((each for each in every if str(each.options.get("app_id")) == str(app_id)), None)


def _api_base(arguments: argparse.Namespace, known: Connection | None) -> str:
    try:
        return checked_base(arguments.api_base or (known.api_base if known else API_BASE))
    except ValueError as error:
        raise Trouble(f"--api-base: {error}", "http is for this machine only.") from None


def _look_into(looked: Looked, arguments: argparse.Namespace, stack: Stack, voice: Voice, asking: Asking) -> None:
    """Look at the portal itself and complete the options. Raises Trouble."""
    options, schema = looked.options, looked.portal.schema()
    check_profile(looked.profile, looked.profile_name, schema, voice, strict=arguments.strict)
    if arguments.bot_user or not options.get("bot_user_id"):
        wanted = arguments.bot_user or asking.text("The bot's own user (mail address)", "--bot-user")
        user = looked.portal.user(wanted, "--bot-user")
        options["bot_user_id"] = user.id
        voice.done(f"the bot writes as {user.name or user.email} (user {user.id})")
    if arguments.handoff_user:
        options["handoff_user_id"] = looked.portal.user(arguments.handoff_user, "--handoff-user").id
    names = [place.pipeline for place in looked.profile.works_in]
    ids = [pipeline.id for name in names for pipeline in schema.pipelines_named(name)]
    options["pipeline_ids"] = list(dict.fromkeys(ids))
    if arguments.tags_property:
        options["tags_property"] = _tags_property(arguments.tags_property, schema)
    for sentence in missing_tags(looked.profile, schema, options.get("tags_property")):
        voice.warn(sentence)
    if looked.key is not None or arguments.public_url:
        options["public_url"] = _public_url(arguments, stack)
    try:
        hubspot_options(options)
    except NeedsAttention as error:
        raise Trouble(str(error), f"{OPTIONS_PAGE} lists the options.") from None


def _tags_property(wanted: str, schema: DealSchema) -> str:
    found = schema.fields_named(wanted) or tuple(each for each in schema.fields if each.id == wanted)
    if len(found) != 1:
        raise Trouble(f"the portal has no deal property {wanted}", "Make one of the type multiple checkboxes.")
    return found[0].id


def missing_tags(profile: Profile, schema: DealSchema, tags_property: str | None) -> list[str]:
    """Return what stands in the way of the profile's tags."""
    tags = [*profile.changes.tags.add, *profile.changes.tags.remove]
    if not tags:
        return []
    known = schema.field(tags_property or "")
    if known is None:
        return ["the profile sets tags, and no property stands for them: give --tags-property"]
    names = {option.name.casefold() for option in known.options}
    return [f'the property "{known.name}" has no option "{tag}"' for tag in tags if tag.casefold() not in names]


def _public_url(arguments: argparse.Namespace, stack: Stack) -> str:
    url: str = arguments.public_url or webhook_address(stack.place.api_url, CRM, "{key}")
    if "{key}" not in url or "?" in url:
        raise Trouble("--public-url needs {key} in the place of the key, and no query")
    return url
