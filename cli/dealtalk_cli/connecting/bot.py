"""The bot that answers in an account: its options on the command line, its profile, what it names that is not there."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dealtalk.agent.profile import check_against
from dealtalk.connections import Mode, UncertainSend
from dealtalk_cli.errors import Trouble
from dealtalk_cli.profiles import read_profile

if TYPE_CHECKING:
    import argparse

    from dealtalk.agent.profile import Profile
    from dealtalk.connections import Connection
    from dealtalk.deals import DealSchema
    from dealtalk_cli.asking import Asking
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice


def add_bot_arguments(parser: argparse.ArgumentParser, page: str) -> argparse._ArgumentGroup:
    """Add the options that every CRM has, and return their group; `page` describes the options of this one."""
    bot = parser.add_argument_group("the bot")
    bot.add_argument("--profile", metavar="FILE", help="the bot's profile, YAML")
    bot.add_argument("--strict", action="store_true", help="names that the account lacks are errors, not warnings")
    bot.add_argument("--mode", choices=[Mode.AUTO.value, Mode.DRAFT.value], help="answer, or write notes only")
    bot.add_argument("--uncertain-send", choices=[each.value for each in UncertainSend])
    other = f"any other option of {page}; may be given several times"
    bot.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help=other)
    bot.add_argument("--new-key", action="store_true", help="a new webhook address; the old one is closed at once")
    return bot


def chosen_profile(
    arguments: argparse.Namespace, stack: Stack, voice: Voice, asking: Asking, known: Connection | None
) -> tuple[Profile, str, str | None]:
    """Return the profile, its name in the bucket, and its text where it has to be uploaded.

    Where no file was given, the profile of the `known` connection is kept. Raises Trouble and DealtalkError.
    """
    if arguments.profile is None and known is not None:
        kept = stack.profiles.store.get(known.profile)
        voice.done(f"profile {known.profile}, as the bucket has it: {kept.name}")
        return kept, known.profile, None
    file = arguments.profile or asking.text("Profile (YAML file)", "--profile")
    profile, text = read_profile(file, voice)
    voice.done(f"profile {file}: {profile.name}, works in {', '.join(place.pipeline for place in profile.works_in)}")
    return profile, stack.profiles.name_of(file), text


def check_profile(profile: Profile, name: str, schema: DealSchema, voice: Voice, *, strict: bool) -> None:
    """Say which of the profile's names the account lacks. Raises Trouble where there are some and `strict`."""
    counts = f"{len(schema.pipelines)} pipelines, {len(schema.fields)} fields, {len(schema.people)} people"
    missing = check_against(profile, schema)
    if not missing:
        voice.done(f"the profile fits the account: {counts}")
    for sentence in missing:
        voice.warn(f"{name}: {sentence}")
    if missing and strict:
        raise Trouble(f"the profile does not fit the account ({len(missing)} names)", "Nothing was changed.")


def named_options(pairs: list[str], page: str) -> dict[str, Any]:
    """Return NAME=VALUE options, the value as JSON where it is JSON; `page` lists them. Raises Trouble."""
    options: dict[str, Any] = {}
    for pair in pairs:
        name, is_pair, value = pair.partition("=")
        if not is_pair or not name:
            raise Trouble("--option is written NAME=VALUE", f"{page} lists the options.")
        try:
            options[name] = json.loads(value, parse_float=Decimal)
        except ValueError:
            options[name] = value
    return options
