"""What is written, in an order that leaves nothing half.

Field, profile, secret and connection come before the webhook, since the CRM may send at once; an older webhook of ours
is removed last, so that until then the account is served as before. Whatever fails, the command can be run again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dealtalk.connections import Connection, ConnectionState, Mode, UncertainSend, connection_id
from dealtalk.conversation.table import TableBusy
from dealtalk_cli.amocrm import reply, webhooks
from dealtalk_cli.amocrm.looking import CRM
from dealtalk_cli.errors import Trouble

if TYPE_CHECKING:
    import argparse

    from dealtalk_cli.amocrm.looking import Looked
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice


@dataclass(frozen=True, slots=True)
class Stored:
    """What was written. `hook` is the webhook as the account shows it, None where its API does not take it."""

    connection: Connection
    key: str
    url: str
    hook: webhooks.Hook | None

    @property
    def receives(self) -> bool:
        """Whether messages will arrive."""
        return self.hook is not None and webhooks.MESSAGE in self.hook.events and not self.hook.disabled


def store(looked: Looked, arguments: argparse.Namespace, stack: Stack, voice: Voice) -> Stored:
    """Write everything. Raises Trouble and DealtalkError."""
    if looked.create_field:
        looked.reply_field = reply.create(looked.account, looked.create_field)
        looked.options["reply_field_id"] = looked.reply_field.id
        voice.done(f'the field "{looked.reply_field.name}" ({looked.reply_field.id}) was made')
    if looked.profile_text is not None:
        how = stack.profiles.upload(looked.profile_name, looked.profile_text)
        voice.done(f"the profile is in the bucket as {looked.profile_name} ({how})")
    key = kept_key(looked, arguments, stack) or webhooks.new_key()
    connection = _connection(looked, arguments, stack, connection_id(key))
    is_new = _store_secret(looked, connection, stack, voice)
    try:
        stack.directory.save(connection, looked.previous, looked.pair)
    except (Trouble, TableBusy):
        if is_new:
            stack.secret_store.remove(connection.secret)
        raise
    voice.done(f"the connection is saved: {connection.id}, mode {connection.mode}")
    url = webhooks.address(stack.place.api_url, key)
    try:
        hook = webhooks.subscribe(looked.account, url, looked.hooks)
    except Trouble as trouble:
        sentence = f"{trouble.sentence}; the connection is saved, its webhook is not registered"
        raise Trouble(sentence, f"{trouble.advice} Then run the same command again.") from None
    stored = Stored(connection, key, url, hook)
    if stored.receives and stored.hook:
        voice.done(f"the webhook is registered: {', '.join(stored.hook.events)}")
        _clean_up(looked, stored, arguments, stack, voice)
    return stored


def kept_key(looked: Looked, arguments: argparse.Namespace, stack: Stack) -> str | None:
    """Return the earlier key where a webhook still holds it (the table has only its hash) and no new one is wanted."""
    if looked.previous is None or arguments.new_key:
        return None
    hook = webhooks.own(looked.hooks, looked.previous.id, stack.place.api_url)
    return hook.key if hook else None


def _connection(looked: Looked, arguments: argparse.Namespace, stack: Stack, identity: str) -> Connection:
    """Return the connection: what is given, else what the earlier one had."""
    before = looked.previous or Connection(CRM, identity, looked.about.id, looked.address.api_base, "", "")
    return Connection(
        crm=CRM,
        id=identity,
        account=looked.about.id,
        api_base=looked.address.api_base,
        secret=f"{stack.place.secrets_prefix}/connections/{CRM}/{identity}",
        profile=looked.profile_name,
        auth=looked.credentials.auth if looked.credentials else before.auth,
        mode=Mode(arguments.mode or before.mode),
        state=ConnectionState.ACTIVE,
        uncertain_send=UncertainSend(arguments.uncertain_send or before.uncertain_send),
        outgoing_seen=before.outgoing_seen,
        options=looked.options,
    )


def _store_secret(looked: Looked, connection: Connection, stack: Stack, voice: Voice) -> bool:
    """Store what was given; where nothing was and the connection has a new id, take the earlier one's along.

    Returns whether a secret was made that was not there before.
    """
    previous = looked.previous
    if looked.credentials is not None:
        value = looked.credentials.secret
    elif previous is not None and previous.secret != connection.secret:
        value = stack.secrets.read(previous.secret)
    else:
        return False
    is_new = stack.secret_store.put(connection.secret, value)
    voice.done(f"the secret is {'stored' if is_new else 'replaced'}: {connection.secret}")
    return is_new


def _clean_up(looked: Looked, stored: Stored, arguments: argparse.Namespace, stack: Stack, voice: Voice) -> None:
    """Remove the account's other webhooks of this stack, and what they belonged to."""
    replaced = {looked.previous.id} if looked.previous else set()
    for hook in looked.hooks:
        ours = webhooks.leads_here(hook, stack.place.api_url) or hook.connection in replaced
        if ours and hook.destination != stored.url:
            webhooks.remove(looked.account, hook.destination)
            replaced.add(hook.connection)
            voice.done("an older webhook of this stack was removed")
    for identity in replaced - {stored.connection.id}:
        _replace(identity, stored.connection, stack, forget=arguments.new_key)


def _replace(identity: str, new: Connection, stack: Stack, *, forget: bool) -> None:
    old = stack.directory.load(CRM, identity)
    if old is None or old.account != new.account:
        return
    if forget:
        stack.directory.forget(old)
    else:
        stack.directory.retire(old, new)
    if old.secret != new.secret:
        stack.secret_store.remove(old.secret)
