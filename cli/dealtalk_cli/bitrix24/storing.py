"""What is written, in an order that leaves nothing half.

The bot comes first, since the connection names it, but it is in no open line yet; then field, profile, secret and
connection; then the bot's address and its place in the line. An earlier connection goes on serving the conversations
that name it. Whatever fails, the command can be run again: a bot is found by its code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dealtalk.connections import connection_id
from dealtalk.ingress.signatures import sha256_hex
from dealtalk_cli.bitrix24 import installing
from dealtalk_cli.bitrix24.looking import CRM
from dealtalk_cli.connecting.saving import Wanted, new_key, replace_connection, save, webhook_address
from dealtalk_cli.errors import Trouble

if TYPE_CHECKING:
    import argparse

    from dealtalk.connections import Connection
    from dealtalk_cli.bitrix24.looking import Looked
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice

CODE = "dealtalk"
LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Stored:
    """What was written."""

    connection: Connection
    key: str
    url: str


def store(looked: Looked, arguments: argparse.Namespace, stack: Stack, voice: Voice) -> Stored:
    """Write everything. Raises Trouble and DealtalkError."""
    key = new_key()
    url = webhook_address(stack.place.api_url, CRM, key)
    name = (arguments.bot_name or looked.profile.name)[:LONGEST_NAME]
    code = arguments.bot_code or CODE
    bot_id = looked.portal.register(code, name, looked.bot_token, url)
    voice.done(f'the bot "{name}" is registered ({bot_id})')
    if looked.create_field:
        looked.options["tags_field"] = looked.portal.make_tags_field(looked.create_field)
        voice.done(f'the field "{looked.create_field}" ({looked.options["tags_field"]}) was made')
    connection = save(_wanted(looked, bot_id), connection_id(key), arguments, stack, voice)
    try:
        looked.portal.send_to(bot_id, name, looked.bot_token, url)
        voice.done("the bot's events are posted to this stack")
        looked.portal.attach(looked.line, bot_id)
        voice.done(f'the bot answers in the open line "{looked.line.name}" and stays there')
    except Trouble as trouble:
        raise Trouble(f"{trouble.sentence}; the connection is saved", trouble.advice) from None
    if looked.entered.pair is not None:
        installing.forget(looked.host, stack)
    if looked.previous is not None:
        replace_connection(looked.previous.id, connection, stack, forget=arguments.new_key)
    return Stored(connection, key, url)


def _wanted(looked: Looked, bot_id: str) -> Wanted:
    entered, options = looked.entered, {**looked.options, "bot_id": bot_id, "interface": "v2"}
    token = f"custom{looked.bot_token}" if looked.bot_token else entered.application_token
    if token:
        options["application_token_sha256"] = sha256_hex(token)
    secret = entered.secret
    if secret is not None and looked.bot_token:
        secret = {**secret, "bot_token": looked.bot_token}
    return Wanted(
        crm=CRM,
        account=looked.account,
        api_base=looked.api_base,
        profile_name=looked.profile_name,
        profile_text=looked.profile_text,
        options=options,
        previous=looked.previous,
        auth=entered.auth,
        secret=secret,
        pair=entered.pair,
    )
