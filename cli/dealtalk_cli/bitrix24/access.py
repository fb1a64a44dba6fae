"""How a portal is entered: by an incoming webhook, by an app that was just installed, or as it was before."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dealtalk.connections import Auth
from dealtalk.crm.bitrix24.auth import AppDoor, HookDoor, granted, pair_of
from dealtalk.crm.bitrix24.client import door
from dealtalk.crm.bitrix24.installing import GRANTED
from dealtalk.crm.bitrix24.options import bitrix_options
from dealtalk.crm.http import Http
from dealtalk.crm.oauth import InvalidGrant
from dealtalk.crm.registry import Opening
from dealtalk.errors import DealtalkError
from dealtalk.ingress.body import decode_body
from dealtalk.ingress.http import BadRequest
from dealtalk_cli.asking import secret_from
from dealtalk_cli.bitrix24 import installing
from dealtalk_cli.connecting.given_token import GivenToken
from dealtalk_cli.errors import Trouble

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from dealtalk.connections import Connection
    from dealtalk.crm.bitrix24.auth import Door
    from dealtalk.crm.oauth import TokenPair
    from dealtalk_cli.asking import Asking
    from dealtalk_cli.stack import Stack

WEBHOOK_VARIABLE = "DEALTALK_BITRIX24_WEBHOOK"
CLIENT_SECRET_VARIABLE = "DEALTALK_BITRIX24_CLIENT_SECRET"  # noqa: S105 (a variable's name)
INSTALL_VARIABLE = "DEALTALK_BITRIX24_INSTALL"
SECONDS_PER_CALL = 30.0
ANEW = "Install the app anew: what it is given works once, and within an hour."
_HOOK = re.compile(r"(?:https?://(?P<host>[^/\s]+)/rest/)?(?P<token>[0-9]{1,20}/[A-Za-z0-9]{1,64})/?(?:profile/?)?")


@dataclass(frozen=True, slots=True)
class Hook:
    """An incoming webhook: `{user}/{secret}`, and the portal's host where its whole address was given."""

    token: str = field(repr=False)
    host: str | None


@dataclass(frozen=True, slots=True)
class Install:
    """What ONAPPINSTALL brought of a local app, with the app's client id and secret."""

    client: Mapping[str, str] = field(repr=False)
    refresh: str = field(repr=False)
    application_token: str = field(repr=False)
    host: str
    member_id: str


@dataclass(frozen=True, slots=True)
class Entered:
    """An open door: how, what is to be stored (None: what is stored already), and what is known by it."""

    auth: Auth
    door: Door
    secret: Mapping[str, str] | None = field(default=None, repr=False)
    pair: TokenPair | None = field(default=None, repr=False)
    member_id: str | None = None
    application_token: str | None = field(default=None, repr=False)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options for signing in."""
    group = parser.add_argument_group(
        "signing in", "an incoming webhook, or a local app's installation; secrets never stand on the command line"
    )
    group.add_argument(
        "--webhook-file",
        metavar="FILE",
        help=f"the incoming webhook's address in a file, - for standard input (or {WEBHOOK_VARIABLE})",
    )
    group.add_argument("--client-id", metavar="ID", help="the local app's id")
    group.add_argument("--client-secret-file", metavar="FILE", help=f"its secret's file (or {CLIENT_SECRET_VARIABLE})")
    group.add_argument(
        "--install-file",
        metavar="FILE",
        help=f"the body of ONAPPINSTALL, where this stack did not take it itself (or {INSTALL_VARIABLE})",
    )
    group.add_argument("--await-install", action="store_true", help="make an address that takes the app's installation")


def given_hook(arguments: argparse.Namespace, asking: Asking, known: Connection | None) -> Hook | None:
    """Return the incoming webhook that was given or typed; None where the `known` connection's is used.

    Raises Trouble.
    """
    raw = secret_from(arguments.webhook_file, WEBHOOK_VARIABLE, "--webhook-file")
    if raw is None and known is not None:
        return None
    raw = raw or asking.secret("Address of the incoming webhook", "--webhook-file")
    found = _HOOK.fullmatch(raw)
    if found is None:
        advice = "It looks like https://your.bitrix24.com/rest/1/abc123/: copy it from the webhook's page."
        raise Trouble("this is not the address of an incoming webhook", advice)
    return Hook(found["token"], found["host"])


def given_install(arguments: argparse.Namespace, asking: Asking, stack: Stack) -> Install | None:
    """Return the app's installation, from a file or as it came to this stack; None where no app was named.

    Raises Trouble.
    """
    raw = secret_from(arguments.install_file, INSTALL_VARIABLE, "--install-file")
    if arguments.client_id is None and raw is None:
        return None
    client_id = arguments.client_id or asking.text("The app's id", "--client-id")
    secret = secret_from(arguments.client_secret_file, CLIENT_SECRET_VARIABLE, "--client-secret-file")
    secret = secret or asking.secret("The app's secret", "--client-secret-file")
    if raw is not None:
        said = _read_install(raw)
    else:
        said = installing.came(host_of(arguments.portal or asking.text("Portal", "--portal")), stack)
    if missing := [name for name in GRANTED if not said.get(name)]:
        raise Trouble(f"the body of ONAPPINSTALL holds no auth[{missing[0]}]", ANEW)
    client = {"client_id": client_id, "client_secret": secret}
    granted_ = {name: str(said[name]) for name in GRANTED}
    return Install(
        client, granted_["refresh_token"], granted_["application_token"], granted_["domain"], granted_["member_id"]
    )


def _read_install(raw: str) -> Mapping[str, Any]:
    try:
        auth = decode_body(raw.encode()).get("auth")
    except BadRequest:
        raise Trouble("the body of ONAPPINSTALL cannot be read", ANEW) from None
    return auth if isinstance(auth, dict) else {}


def by_hook(hook: Hook) -> Entered:
    """Return the door of an incoming webhook."""
    return Entered(Auth.TOKEN, HookDoor(GivenToken(hook.token)), secret={"token": hook.token})


def by_install(install: Install, oauth_base: str, stack: Stack) -> Entered:
    """Use up the installation's refresh token, which proves it, and return the app's door. Raises Trouble."""
    server = Http(oauth_base, seconds_left=lambda: SECONDS_PER_CALL)
    advice = ANEW
    try:
        said = granted(server, install.client, {"refresh_token": install.refresh})
        pair = pair_of(said, stack.clock, install.member_id)
    except InvalidGrant:
        raise Trouble("Bitrix24 refused the installation's refresh token", advice) from None
    except DealtalkError as error:
        raise Trouble(str(error), advice) from None
    return Entered(
        Auth.OAUTH,
        AppDoor(GivenToken(pair.access)),
        secret=install.client,
        pair=pair,
        member_id=install.member_id,
        application_token=install.application_token,
    )


def as_before(connection: Connection, stack: Stack) -> Entered:
    """Return the door that the stored connection opens. Raises NeedsAttention."""
    opening = Opening(stack.table, stack.secrets, stack.clock, seconds_left=lambda: SECONDS_PER_CALL)
    return Entered(connection.auth, door(connection, opening, bitrix_options(connection.options)))


def host_of(address: str) -> str:
    """Return the portal's host of what a person writes: a host, or any address of it. Raises Trouble."""
    host = (urlsplit(address if "//" in address else f"//{address}").hostname or "").lower()
    if "." not in host:
        raise Trouble("--portal is the portal's host, as your.bitrix24.com")
    return host
