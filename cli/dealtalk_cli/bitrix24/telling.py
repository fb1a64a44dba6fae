"""What is told at the end, and what is left to do by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dealtalk_cli.bitrix24.looking import CRM
from dealtalk_cli.place import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dealtalk_cli.bitrix24.looking import Looked
    from dealtalk_cli.bitrix24.storing import Stored
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice


def tell(looked: Looked, stored: Stored, stack: Stack, voice: Voice) -> dict[str, object]:
    """Print the next steps, and return the result for scripts."""
    connection = stored.connection
    steps = list(_next_steps(looked, stack, voice))
    voice.line("Next:")
    for number, step in enumerate(steps, 1):
        voice.line(f"  {number}. {step}")
    return {
        "crm": CRM,
        "connection": connection.id,
        "key": stored.key,
        "account": connection.account,
        "webhook_url": stored.url,
        "crm_base_url": connection.api_base,
        "portal": looked.host,
        "auth": connection.auth.value,
        "mode": connection.mode.value,
        "profile": connection.profile,
        "bot_id": connection.options["bot_id"],
        "line_id": looked.line.id,
        "tags_field": connection.options.get("tags_field"),
        "webhook_registered": True,
        "reused": looked.previous is not None,
        "done": voice.done_steps,
        "warnings": voice.warnings,
        "next": steps,
    }


def tell_dry(looked: Looked, voice: Voice) -> dict[str, object]:
    """Print what would be done, and return it for scripts."""
    would = ["register the bot, or take it by its code", f"save the connection of {looked.host}"]
    if looked.create_field:
        would.append(f'make the field "{looked.create_field}"')
    if looked.profile_text is not None:
        would.append(f"put the profile into the bucket as {looked.profile_name}")
    would.append(f'put the bot into the open line "{looked.line.name}" so that it stays there')
    voice.line("Nothing was changed. Without --dry-run the command would")
    for each in would:
        voice.line(f"  - {each}")
    return {"crm": CRM, "account": looked.account, "dry_run": True, "would": would, "warnings": voice.warnings}


def _next_steps(looked: Looked, stack: Stack, voice: Voice) -> Iterator[str]:
    """Yield what a person has to do, each with its warning before."""
    others = {
        name: value
        for name, value in looked.line.settings.items()
        if name == "WELCOME_BOT_ID" and value not in {"", "0"}
    }
    if others and looked.previous is None:
        voice.warn(f"another bot ({others['WELCOME_BOT_ID']}) answered in this open line; it does not any more")
    if not looked.options.get("member_id"):
        yield "Optional: give --member-id once, so that events are known by the portal's id and not by its name."
    api_host, crm_host = (urlsplit(url).hostname or "" for url in (stack.place.api_url, looked.api_base))
    if is_loopback(api_host) and not is_loopback(crm_host):
        voice.warn(f"Bitrix24 cannot reach {stack.place.api_url}: this stack is on this machine only")
    yield "Check it at any time with dealtalk doctor. Then write to the open line's channel yourself."
