"""Which token an account is entered with: a given one, one got for an OAuth code, or the connection's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dealtalk.connections import Auth
from dealtalk.crm.amocrm.auth import grant
from dealtalk.crm.amocrm.client import token_source
from dealtalk.crm.amocrm.options import amocrm_options
from dealtalk.crm.http import Http
from dealtalk.crm.registry import Opening
from dealtalk_cli.amocrm.account import SECONDS_PER_CALL, AmocrmAccount
from dealtalk_cli.asking import clean_secret, secret_from
from dealtalk_cli.connecting.given_token import GivenToken
from dealtalk_cli.errors import Trouble

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from dealtalk.connections import Connection
    from dealtalk.crm.oauth import TokenPair, TokenSource
    from dealtalk_cli.amocrm.address import Address
    from dealtalk_cli.asking import Asking
    from dealtalk_cli.stack import Stack

TOKEN_VARIABLE = "DEALTALK_AMOCRM_TOKEN"  # noqa: S105 (a variable's name)
CLIENT_SECRET_VARIABLE = "DEALTALK_AMOCRM_CLIENT_SECRET"  # noqa: S105 (a variable's name)
WIDGET_SECRET_VARIABLE = "DEALTALK_AMOCRM_WIDGET_SECRET"  # noqa: S105 (a variable's name)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What was given to enter the account: a secret to store, and for OAuth the code to exchange."""

    auth: Auth
    secret: Mapping[str, str] = field(repr=False)
    code: str = field(default="", repr=False)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options for signing in."""
    group = parser.add_argument_group(
        "signing in", "a long-lived token, or an integration's OAuth code; secrets never stand on the command line"
    )
    group.add_argument(
        "--token-file", metavar="FILE", help=f"the token's file, - for standard input (or {TOKEN_VARIABLE})"
    )
    group.add_argument("--client-id", metavar="ID", help="the integration's id")
    group.add_argument("--client-secret-file", metavar="FILE", help=f"its secret's file (or {CLIENT_SECRET_VARIABLE})")
    group.add_argument("--redirect-uri", metavar="URI", help="exactly as the integration has it")
    group.add_argument("--code", help="the authorization code; good for 20 minutes and one use")
    group.add_argument(
        "--widget-secret-file",
        metavar="FILE",
        help=f"the integration's secret key, for a Salesbot that waits (or {WIDGET_SECRET_VARIABLE}); known with OAuth",
    )


def credentials(arguments: argparse.Namespace, asking: Asking, known: Connection | None) -> Credentials | None:
    """Return what was given or typed; None where nothing was and the `known` connection's own is used.

    Raises Trouble.
    """
    oauth = {name: getattr(arguments, name) for name in ("client_id", "client_secret_file", "redirect_uri", "code")}
    if any(oauth.values()):
        if arguments.token_file:
            raise Trouble("--token-file and the OAuth options are two ways to sign in: give one")
        return _oauth(arguments, asking)
    token = secret_from(arguments.token_file, TOKEN_VARIABLE, "--token-file")
    if token is None and known is not None:
        return None
    return Credentials(Auth.TOKEN, {"token": token or asking.secret("Long-lived token", "--token-file")})


def signing_secret(arguments: argparse.Namespace, given: Credentials | None) -> str | None:
    """Return what the integration's Salesbot steps are signed with; None: nothing new. Raises Trouble."""
    own = secret_from(arguments.widget_secret_file, WIDGET_SECRET_VARIABLE, "--widget-secret-file")
    return own or (given.secret.get("client_secret") if given else None)


def exchange(given: Credentials, address: Address, stack: Stack) -> TokenPair:
    """Return the first pair for an OAuth code, which is used up by it. Raises Trouble."""
    account = AmocrmAccount(address.api_base, address.platform, GivenToken(""), stack.clock)
    http = Http(address.api_base, seconds_left=lambda: SECONDS_PER_CALL)
    with account.doing("the authorization code"):
        return grant(http, given.secret, {"code": given.code}, stack.clock)


def tokens(given: Credentials | None, pair: TokenPair | None, known: Connection | None, stack: Stack) -> TokenSource:
    """Return the token that was just given, else the known connection's own. Raises Trouble, NeedsAttention."""
    if pair is not None:
        return GivenToken(pair.access)
    if given is not None:
        return GivenToken(given.secret["token"])
    if known is None:
        raise Trouble("no token is given", "Give --token-file.")
    return stored_token(known, stack)


def stored_token(connection: Connection, stack: Stack) -> TokenSource:
    """Return the connection's own token, refreshed under the same lease as the functions'. Raises NeedsAttention."""
    opening = Opening(stack.table, stack.secrets, stack.clock, seconds_left=lambda: SECONDS_PER_CALL)
    http = Http(connection.api_base, seconds_left=opening.seconds_left)
    return token_source(connection, opening, http, amocrm_options(connection.options))


def _oauth(arguments: argparse.Namespace, asking: Asking) -> Credentials:
    client_id = arguments.client_id or asking.text("Integration id", "--client-id")
    secret = secret_from(arguments.client_secret_file, CLIENT_SECRET_VARIABLE, "--client-secret-file")
    secret = secret or asking.secret("Integration secret", "--client-secret-file")
    redirect = arguments.redirect_uri or asking.text("Redirect URI", "--redirect-uri")
    code = clean_secret(arguments.code or asking.secret("Authorization code", "--code"), "--code")
    return Credentials(Auth.OAUTH, {"client_id": client_id, "client_secret": secret, "redirect_uri": redirect}, code)
