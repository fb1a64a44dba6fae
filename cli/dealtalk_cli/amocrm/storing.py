"""What is written, in an order that leaves nothing half.

Field, profile, secret and connection come before the webhook, since the CRM may send at once; an older webhook of ours
is removed last, so that until then the account is served as before. Whatever fails, the command can be run again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dealtalk.connections import connection_id
from dealtalk_cli.amocrm import access, reply, webhooks
from dealtalk_cli.amocrm.looking import CRM
from dealtalk_cli.connecting.saving import Wanted, new_key, replace_connection, save, webhook_address
from dealtalk_cli.errors import Trouble

if TYPE_CHECKING:
    import argparse

    from dealtalk.connections import Connection
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
    key = kept_key(looked, arguments, stack) or new_key()
    signing = access.signing_secret(arguments, looked.credentials)
    connection = save(_wanted(looked, signing), connection_id(key), arguments, stack, voice)
    url = webhook_address(stack.place.api_url, CRM, key)
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


def _wanted(looked: Looked, signing_secret: str | None) -> Wanted:
    given = looked.credentials
    return Wanted(
        crm=CRM,
        account=looked.about.id,
        api_base=looked.address.api_base,
        profile_name=looked.profile_name,
        profile_text=looked.profile_text,
        options=looked.options,
        previous=looked.previous,
        auth=given.auth if given else None,
        secret=given.secret if given else None,
        pair=looked.pair,
        signing_secret=signing_secret,
    )


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
        replace_connection(identity, stored.connection, stack, forget=arguments.new_key)
