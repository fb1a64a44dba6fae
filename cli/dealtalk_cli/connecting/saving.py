"""What is written for a connection, in an order that leaves nothing half; whatever fails can be run again.

Profile and secret come before the connection, the connection before the CRM is told where to send.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dealtalk.connections import Auth, Connection, ConnectionState, Mode, UncertainSend
from dealtalk.conversation.table import TableBusy
from dealtalk_cli.errors import Trouble

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from dealtalk.crm.oauth import TokenPair
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice


@dataclass(frozen=True, slots=True)
class Wanted:
    """A connection as it is to be.

    `profile_text` is None where the bucket's is kept, `secret` and `auth` where the earlier ones are. `previous` is the
    account's earlier connection; `pair` are the first OAuth tokens.
    """

    crm: str
    account: str
    api_base: str
    profile_name: str
    profile_text: str | None
    options: Mapping[str, Any]
    previous: Connection | None
    auth: Auth | None = None
    secret: Mapping[str, str] | None = field(default=None, repr=False)
    pair: TokenPair | None = field(default=None, repr=False)
    signing_secret: str | None = field(default=None, repr=False)


def new_key() -> str:
    """Return a key that nobody can guess."""
    return secrets.token_urlsafe(32)


def webhook_address(api_url: str, crm: str, key: str) -> str:
    """Return the webhook's address; it ends in a slash, without which Kommo takes none."""
    return f"{api_url}/{crm}/{key}/"


def save(wanted: Wanted, identity: str, arguments: argparse.Namespace, stack: Stack, voice: Voice) -> Connection:
    """Write profile, secret and connection, and return the connection. Raises Trouble and DealtalkError."""
    if wanted.profile_text is not None:
        how = stack.profiles.upload(wanted.profile_name, wanted.profile_text)
        voice.done(f"the profile is in the bucket as {wanted.profile_name} ({how})")
    connection = _connection(wanted, identity, arguments, stack)
    is_new = _store_secret(wanted, connection, stack, voice)
    try:
        stack.directory.save(connection, wanted.previous, wanted.pair)
    except (Trouble, TableBusy):
        if is_new:
            stack.secret_store.remove(connection.secret)
        raise
    voice.done(f"the connection is saved: {connection.id}, mode {connection.mode}")
    return connection


def replace_connection(identity: str, new: Connection, stack: Stack, *, forget: bool) -> None:
    """Let an earlier connection of the account serve the conversations that still name it, or `forget` it at once."""
    old = stack.directory.load(new.crm, identity)
    if old is None or old.id == new.id or old.account != new.account:
        return
    if forget:
        stack.directory.forget(old)
    else:
        stack.directory.retire(old, new)
    if old.secret != new.secret:
        stack.secret_store.remove(old.secret)


def _connection(wanted: Wanted, identity: str, arguments: argparse.Namespace, stack: Stack) -> Connection:
    """Return the connection: what is given, else what the earlier one had."""
    before = wanted.previous or Connection(wanted.crm, identity, wanted.account, wanted.api_base, "", "")
    return Connection(
        crm=wanted.crm,
        id=identity,
        account=wanted.account,
        api_base=wanted.api_base,
        secret=f"{stack.place.secrets_prefix}/connections/{wanted.crm}/{identity}",
        profile=wanted.profile_name,
        auth=wanted.auth or before.auth,
        mode=Mode(arguments.mode or before.mode),
        state=ConnectionState.ACTIVE,
        uncertain_send=UncertainSend(arguments.uncertain_send or before.uncertain_send),
        outgoing_seen=before.outgoing_seen,
        signing_secret=wanted.signing_secret or before.signing_secret,
        options=wanted.options,
    )


def _store_secret(wanted: Wanted, connection: Connection, stack: Stack, voice: Voice) -> bool:
    """Store what was given; where nothing was and the connection has a new id, take the earlier one's along.

    Returns whether a secret was made that was not there before.
    """
    previous = wanted.previous
    if wanted.secret is not None:
        value = wanted.secret
    elif previous is not None and previous.secret != connection.secret:
        value = stack.secrets.read(previous.secret)
    else:
        return False
    is_new = stack.secret_store.put(connection.secret, value)
    voice.done(f"the secret is {'stored' if is_new else 'replaced'}: {connection.secret}")
    return is_new
