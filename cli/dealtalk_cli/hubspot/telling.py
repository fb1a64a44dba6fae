"""What is told at the end: the webhook's address, once, and what is left to do by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dealtalk_cli.hubspot.looking import CRM
from dealtalk_cli.hubspot.portal import APP_PAGE
from dealtalk_cli.place import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dealtalk.connections import Connection
    from dealtalk_cli.hubspot.looking import Looked
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice


def tell(looked: Looked, connection: Connection, stack: Stack, voice: Voice) -> dict[str, object]:
    """Print address and next steps, and return the result for scripts."""
    url = None if looked.key is None else str(looked.options["public_url"]).replace("{key}", looked.key)
    steps = list(_next_steps(looked, url, stack, voice))
    if not voice.as_json:
        voice.line()
        voice.line(f"Webhook: {url or 'as before; --new-key makes a new address'}")
        if url:
            voice.line("It is not shown again. Every delivery must be signed as well.")
        voice.line()
    voice.line("Next:")
    for number, step in enumerate(steps, 1):
        voice.line(f"  {number}. {step}")
    return {
        "crm": CRM,
        "connection": connection.id,
        "key": looked.key,
        "account": connection.account,
        "webhook_url": url,
        "crm_base_url": connection.api_base,
        "account_name": looked.about.id,
        "subdomain": connection.options["subdomain"],
        "platform": CRM,
        "auth": connection.auth.value,
        "mode": connection.mode.value,
        "profile": connection.profile,
        "app_id": connection.options["app_id"],
        "bot_user_id": connection.options["bot_user_id"],
        "pipeline_ids": connection.options["pipeline_ids"],
        "reused": looked.previous is not None and looked.previous.id == connection.id,
        "done": voice.done_steps,
        "warnings": voice.warnings,
        "next": steps,
    }


def tell_dry(looked: Looked, voice: Voice) -> dict[str, object]:
    """Print what would be done, and return it for scripts."""
    would = [f"save the {'earlier' if looked.previous else 'new'} connection of the portal {looked.about.id}"]
    if looked.profile_text is not None:
        would.append(f"put the profile into the bucket as {looked.profile_name}")
    if looked.token is not None:
        would.append("store the token")
    if looked.key is not None:
        would.append("make a webhook address")
    voice.line("Nothing was changed. Without --dry-run the command would")
    for each in would:
        voice.line(f"  - {each}")
    return {"crm": CRM, "account": looked.about.id, "dry_run": True, "would": would, "warnings": voice.warnings}


def _next_steps(looked: Looked, url: str | None, stack: Stack, voice: Voice) -> Iterator[str]:
    """Yield what a person has to do, each with its warning before."""
    if url is not None:
        yield f"In HubSpot open {APP_PAGE}, Webhooks, and set the target URL to the address above, exactly as it is."
        yield "There subscribe to Conversation: new message, and to Conversation: property changed, assignedTo."
    yield "Switch chatflow bots and automatic assignment off for the inboxes where this bot is to answer."
    hosts = (urlsplit(each).hostname or "" for each in (stack.place.api_url, looked.api_base))
    api_host, crm_host = hosts
    if is_loopback(api_host) and not is_loopback(crm_host):
        voice.warn(f"HubSpot cannot reach {stack.place.api_url}: this stack is on this machine only")
    yield "Check it at any time with dealtalk doctor. Then write to the inbox yourself."
