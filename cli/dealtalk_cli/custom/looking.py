"""Everything that is looked at before anything is written."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dealtalk.connections import Connection, connection_id
from dealtalk.crm.custom.options import Ability, custom_options
from dealtalk.errors import NeedsAttention
from dealtalk.ingress.signatures import sha256_hex
from dealtalk_cli.asking import secret_from
from dealtalk_cli.connecting.bot import add_bot_arguments, check_profile, chosen_profile, named_options
from dealtalk_cli.connecting.saving import new_key
from dealtalk_cli.custom.receiver import CUSTOM, GivenSecret, Kind, checked_callback, open_receiver
from dealtalk_cli.errors import Trouble

if TYPE_CHECKING:
    import argparse

    from dealtalk.agent.profile import Profile
    from dealtalk_cli.asking import Asking
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice

TOKEN_VARIABLE = "DEALTALK_CUSTOM_TOKEN"  # noqa: S105 (a variable's name)
CHANNEL_TOKEN_VARIABLE = "DEALTALK_CUSTOM_CHANNEL_TOKEN"  # noqa: S105 (a variable's name)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(slots=True)
class Looked:
    """What was found, and what is to be stored.

    `key`, `channel_token`, `token` and `signing_secret` are None where the earlier connection's are kept: the stack
    holds hashes of the first two only. `made` are those that were made here and must be told to a person, once.
    """

    kind: Kind
    name: str
    profile: Profile
    profile_name: str
    profile_text: str | None
    options: dict[str, Any]
    previous: Connection | None
    key: str | None = field(repr=False)
    channel_token: str | None = field(repr=False)
    token: str | None = field(repr=False)
    signing_secret: str | None = field(repr=False)
    made: frozenset[str] = frozenset()

    @property
    def identity(self) -> str:
        """The connection's id."""
        if self.key is not None or self.previous is None:
            return connection_id(self.key or "")
        return self.previous.id

    def connection(self) -> Connection:
        """Return the connection as far as the receiver needs it."""
        kept, options = self.previous, custom_options(self.options, also=self.kind.own_options)
        signing = self.signing_secret or (kept.signing_secret if kept else None)
        secret = kept.secret if kept else ""
        return Connection(
            self.kind.crm,
            self.identity,
            self.name,
            options.callback_base,
            secret,
            "",
            signing_secret=signing,
            options=self.options,
        )


def add_arguments(parser: argparse.ArgumentParser, kind: Kind = CUSTOM) -> None:
    """Add the options that all have who are reached by the custom channel."""
    account = parser.add_argument_group("the CRM")
    account.add_argument("--name", help="what you call it: small letters, digits, dashes")
    account.add_argument("--callback-url", metavar="URL", help="where it takes replies and other events, https")
    tokens = parser.add_argument_group(
        "tokens", "each is made where none is given, and shown once; secrets never stand on the command line"
    )
    tokens.add_argument(
        "--token-file", metavar="FILE", help=f"the token that the receiver wants to be shown (or {TOKEN_VARIABLE})"
    )
    tokens.add_argument(
        "--channel-token-file",
        metavar="FILE",
        help=f"the token that your CRM is to show here (or {CHANNEL_TOKEN_VARIABLE})",
    )
    tokens.add_argument("--sign", action="store_true", help="requests are signed in both directions")
    add_bot_arguments(parser, kind.page)


def look(arguments: argparse.Namespace, stack: Stack, voice: Voice, asking: Asking, kind: Kind = CUSTOM) -> Looked:
    """Look at profile and receiver. Raises Trouble and DealtalkError."""
    voice.done(f"{stack.place.name}: webhooks at {stack.place.api_url}")
    name = arguments.name or asking.text("Name of the CRM", "--name")
    if not _NAME.fullmatch(name):
        raise Trouble("--name is small letters, digits and dashes, at most 40 characters")
    previous = stack.directory.find(kind.crm, name)
    profile, profile_name, text = chosen_profile(arguments, stack, voice, asking, previous)
    token = secret_from(arguments.token_file, TOKEN_VARIABLE, "--token-file")
    channel = secret_from(arguments.channel_token_file, CHANNEL_TOKEN_VARIABLE, "--channel-token-file")
    renewed = previous is None or arguments.new_key
    made = {
        *(["token"] if previous is None and token is None else []),
        *(["channel_token"] if renewed and channel is None else []),
        *(
            ["signing_secret"]
            if arguments.sign and (previous is None or arguments.new_key or not previous.signing_secret)
            else []
        ),
    }
    looked = Looked(
        kind=kind,
        name=name,
        profile=profile,
        profile_name=profile_name,
        profile_text=text,
        options=_options(arguments, stack, asking, previous, kind),
        previous=previous,
        key=new_key() if renewed else None,
        channel_token=secrets.token_urlsafe(32) if "channel_token" in made else channel,
        token=secrets.token_urlsafe(32) if "token" in made else token,
        signing_secret=secrets.token_hex(32) if "signing_secret" in made else None,
        made=frozenset(made),
    )
    if looked.channel_token is not None:
        looked.options["token_sha256"] = sha256_hex(looked.channel_token)
    _try_receiver(looked, arguments, stack, voice)
    return looked


def _options(
    arguments: argparse.Namespace, stack: Stack, asking: Asking, previous: Connection | None, kind: Kind
) -> dict[str, Any]:
    before = dict(previous.options) if previous else {}
    url = arguments.callback_url or before.get("callback_url") or asking.text("Callback URL", "--callback-url")
    given = named_options(arguments.option, kind.page)
    options = {
        # Employees' messages come by the webhook, as the protocol has it.
        "takeover_source": "webhook",
        **before,
        **given,
        "callback_url": checked_callback(url, stack),
        "subdomain": arguments.name or (previous.account if previous else ""),
    }
    try:
        custom_options(options, also=kind.own_options)
    except NeedsAttention as error:
        raise Trouble(str(error), f"{kind.page} lists the options.") from None
    return options


def _try_receiver(looked: Looked, arguments: argparse.Namespace, stack: Stack, voice: Voice) -> None:
    """Ask the receiver what it understands, and compare the profile's names with what may be chosen."""
    secrets_ = GivenSecret(looked.token) if looked.token else None
    if {"token", "signing_secret"} & looked.made:
        # The receiver cannot know yet what was made a moment ago.
        looked.options.setdefault("supports", [Ability.PERSON_NEEDED.value])
        voice.warn(
            "the receiver was not tried: its token or signature is new; run the same command again once it knows"
        )
        return
    told = open_receiver(looked.connection(), stack, secrets_).abilities()
    if "supports" not in named_options(arguments.option, looked.kind.page):
        looked.options["supports"] = told
    voice.done(f"the receiver answers; beside replies it takes {', '.join(told) or 'nothing'}")
    schema = open_receiver(looked.connection(), stack, secrets_).schema()
    if schema.pipelines:
        check_profile(looked.profile, looked.profile_name, schema, voice, strict=arguments.strict)
    else:
        voice.warn("what may be chosen is not known before a message tells it: the profile's names were not checked")
