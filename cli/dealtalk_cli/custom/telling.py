"""What is told at the end: the webhook's address and what was made, once, and what is left to do."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dealtalk_cli.connecting.saving import webhook_address
from dealtalk_cli.place import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dealtalk.connections import Connection
    from dealtalk_cli.custom.looking import Looked
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice

WORDS = {
    "channel_token": "Your CRM shows here (Authorization: Bearer …)",
    "token": "Dealtalk shows at the callback (Authorization: Bearer …)",
    "signing_secret": "Both sign with (X-Dealtalk-Signature)",
}


def tell(looked: Looked, connection: Connection, stack: Stack, voice: Voice) -> dict[str, object]:
    """Print address, tokens and next steps, and return the result for scripts."""
    url = None if looked.key is None else webhook_address(stack.place.api_url, looked.kind.crm, looked.key)
    made = {name: getattr(looked, name) for name in WORDS if name in looked.made}
    steps = list(_next_steps(looked, stack, voice))
    if not voice.as_json:
        voice.line()
        voice.line(f"Webhook: {url or 'as before; --new-key makes a new address'}")
        for name, value in made.items():
            voice.line(f"{WORDS[name]}: {value}")
        if made or url:
            voice.line("None of this is shown again: keep it like a password.")
        voice.line()
    voice.line("Next:")
    for number, step in enumerate(steps, 1):
        voice.line(f"  {number}. {step}")
    return {
        "crm": looked.kind.crm,
        "connection": connection.id,
        "key": looked.key,
        "account": connection.account,
        "webhook_url": url,
        "crm_base_url": connection.api_base,
        "callback_url": looked.options["callback_url"],
        "supports": looked.options["supports"],
        "signed": connection.signing_secret is not None,
        "mode": connection.mode.value,
        "profile": connection.profile,
        "reused": looked.previous is not None and looked.previous.id == connection.id,
        "made": made,
        "done": voice.done_steps,
        "warnings": voice.warnings,
        "next": steps,
    }


def tell_dry(looked: Looked, voice: Voice) -> dict[str, object]:
    """Print what would be done, and return it for scripts."""
    would = [f"save the {'earlier' if looked.previous else 'new'} connection {looked.name}"]
    if looked.profile_text is not None:
        would.append(f"put the profile into the bucket as {looked.profile_name}")
    if looked.token is not None:
        would.append("store the callback's token")
    if looked.key is not None:
        would.append("make a webhook address")
    voice.line("Nothing was changed. Without --dry-run the command would")
    for each in would:
        voice.line(f"  - {each}")
    return {"crm": looked.kind.crm, "account": looked.name, "dry_run": True, "would": would, "warnings": voice.warnings}


def _next_steps(looked: Looked, stack: Stack, voice: Voice) -> Iterator[str]:
    """Yield what a person has to do, each with its warning before."""
    if looked.key is not None:
        yield "Let your CRM post its messages to the address above. docs/openapi-custom.yaml has every field."
    if looked.made & {"token", "signing_secret"}:
        yield "Give the receiver what was made above, then run this command again: it tries the receiver."
    hosts = (urlsplit(url).hostname or "" for url in (stack.place.api_url, looked.options["callback_url"]))
    api_host, crm_host = hosts
    if is_loopback(api_host) and not is_loopback(crm_host):
        voice.warn(f"your CRM cannot reach {stack.place.api_url}: this stack is on this machine only")
    yield "Check it at any time with dealtalk doctor. Then write to one of your channels yourself."
