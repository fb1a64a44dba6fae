"""Waiting for a local app to be installed: an address that takes ONAPPINSTALL, and what came there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.connection_store import connection_item, connection_key
from dealtalk.connections import Auth, Connection, ConnectionState, connection_id
from dealtalk.conversation.table import Delete, Put
from dealtalk.crm.bitrix24.installing import AWAITS, KEPT_SECONDS, install_key
from dealtalk_cli.connecting.saving import new_key, webhook_address
from dealtalk_cli.errors import Trouble

if TYPE_CHECKING:
    from dealtalk.conversation.table import Item, Key
    from dealtalk_cli.asking import Asking
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice

CRM = "bitrix24"
DAY = 86_400
STEPS = (
    "In Bitrix24: Developer resources, Other, Local application. Tick that it uses the API only.",
    "Give the address above twice, as the path of the handler and as that of the first installation.",
    "Tick the rights crm, imbot, imopenlines and user, save, and copy the app's id and secret.",
    "Within an hour: dealtalk connect bitrix24 --client-id ID, with the same --portal and the bot's profile.",
)


def place(host: str) -> Key:
    """Return the key of the item that names the connection which waits for this portal's app."""
    return (f"CONN#{CRM}#installs", host)


def wait(host: str, api_base: str, stack: Stack, voice: Voice, asking: Asking) -> dict[str, object]:
    """Make the address that takes the installation, tell what to do with it, and return the result for scripts."""
    asking.agree(f"Make an address for the installation of an app in {host}?")
    key = new_key()
    until = int(stack.clock.now().timestamp()) + DAY
    pending = Connection(
        crm=CRM,
        id=connection_id(key),
        account=host,
        api_base=api_base,
        secret="",
        profile="",
        auth=Auth.OAUTH,
        state=ConnectionState.NEEDS_ATTENTION,
        state_reason="the app is not installed yet",
        options={"domain": host, AWAITS: True},
    )
    named: Item = {"connection": pending.id, "expires_at": until}
    stack.table.write(
        Put(connection_key(CRM, pending.id), {**connection_item(pending), "expires_at": until}),
        Put(place(host), named),
    )
    url = webhook_address(stack.place.api_url, CRM, key)
    if not voice.as_json:
        voice.line(f"Address: {url}")
    voice.line("Next:")
    for number, step in enumerate(STEPS, 1):
        voice.line(f"  {number}. {step}")
    return {"crm": CRM, "account": host, "connection": pending.id, "install_url": url, "next": list(STEPS)}


def came(host: str, stack: Stack) -> Item:
    """Return what the portal's installation granted. Raises Trouble where none came within the last hour."""
    found = stack.table.read([place(host)]).get(place(host))
    granted: Item | None = None
    if found:
        at = install_key(str(found["connection"]))
        granted = stack.table.read([at]).get(at)
    if not granted or int(granted["expires_at"]) <= stack.clock.now().timestamp():
        advice = "Run dealtalk connect bitrix24 --await-install, and follow its steps; or give --install-file."
        raise Trouble(f"no app was installed in {host} within the last {KEPT_SECONDS // 60} minutes", advice)
    return granted


def forget(host: str, stack: Stack) -> None:
    """Close the address and remove what came there."""
    found = stack.table.read([place(host)]).get(place(host))
    if found:
        waiting = str(found["connection"])
        stack.table.write(Delete(place(host)), Delete(connection_key(CRM, waiting)), Delete(install_key(waiting)))
