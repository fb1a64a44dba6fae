"""What is told at the end: the webhook's address, once, and what is left to do by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dealtalk.crm.amocrm.options import Way, amocrm_options
from dealtalk_cli.amocrm import webhooks
from dealtalk_cli.amocrm.looking import CRM
from dealtalk_cli.connecting.saving import webhook_address
from dealtalk_cli.place import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dealtalk_cli.amocrm.looking import Looked
    from dealtalk_cli.amocrm.storing import Stored
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice

HOOK_PAGES = {"amocrm.ru": "amoMarket → ⋯ → WEB HOOKS", "kommo.com": "Settings → Integrations → Web hooks"}


def tell(looked: Looked, stored: Stored, stack: Stack, voice: Voice) -> dict[str, object]:
    """Print address and next steps, and return the result for scripts."""
    connection, about = stored.connection, looked.about
    steps = list(_next_steps(looked, stored, stack, voice))
    if not voice.as_json:
        voice.line()
        voice.line(f"Webhook: {stored.url}")
        voice.line("Whoever has this address can send messages in the account's name: keep it like a password.")
        voice.line()
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
        "account_name": about.name,
        "subdomain": about.subdomain,
        "platform": looked.address.platform,
        "auth": connection.auth.value,
        "mode": connection.mode.value,
        "profile": connection.profile,
        "reply_field_id": looked.options.get("reply_field_id"),
        "bot_id": looked.options.get("bot_id"),
        "webhook_registered": stored.receives,
        "events": list(stored.hook.events) if stored.hook else [],
        "reused": looked.previous is not None and looked.previous.id == connection.id,
        "done": voice.done_steps,
        "warnings": voice.warnings,
        "next": steps,
    }


def tell_dry(looked: Looked, voice: Voice, *, key_is_kept: bool) -> dict[str, object]:
    """Print what would be done, and return it for scripts."""
    would = [f"save the {'earlier' if looked.previous else 'new'} connection of the account {looked.about.id}"]
    if looked.create_field:
        would.append(f'make the field "{looked.create_field}"')
    if looked.profile_text is not None:
        would.append(f"put the profile into the bucket as {looked.profile_name}")
    if looked.credentials is not None:
        would.append("store the token")
    would.append(f"register the webhook with {'its earlier' if key_is_kept else 'a new'} address")
    voice.line("Nothing was changed. Without --dry-run the command would")
    for each in would:
        voice.line(f"  - {each}")
    return {"crm": CRM, "account": looked.about.id, "dry_run": True, "would": would, "warnings": voice.warnings}


def _next_steps(looked: Looked, stored: Stored, stack: Stack, voice: Voice) -> Iterator[str]:
    """Yield what a person has to do, each with its warning before."""
    product, hook = looked.account.product, stored.hook
    if hook is None or webhooks.MESSAGE not in hook.events:
        voice.warn(f"{product}'s API does not take the event {webhooks.MESSAGE}: the webhook is not registered")
        yield (
            f"In {product} open {HOOK_PAGES[looked.address.platform]}, add the address above with its last slash, tick "
            "incoming messages and, where it is offered, outgoing messages, and save."
        )
    elif hook.disabled:
        voice.warn(f"the webhook is switched off, and {product}'s API does not switch it on")
        yield f"In {product} open {HOOK_PAGES[looked.address.platform]} and switch the webhook on."
    yield from _reply_steps(looked, voice)
    yield from _widget_steps(looked, stored, stack, voice)
    api_host, crm_host = (urlsplit(url).hostname or "" for url in (stack.place.api_url, looked.address.api_base))
    if is_loopback(api_host) and not is_loopback(crm_host):
        voice.warn(f"{product} cannot reach {stack.place.api_url}: this stack is on this machine only")
    yield "Check it at any time with dealtalk doctor. Then write to one of the account's channels yourself."


def _widget_steps(looked: Looked, stored: Stored, stack: Stack, voice: Voice) -> Iterator[str]:
    if Way.WIDGET not in amocrm_options(looked.options).send_order:
        return
    if not stored.connection.signing_secret:
        voice.warn("the integration's secret key is not known: a Salesbot that waits cannot be believed")
        yield "Run this command again with --widget-secret-file (the integration's page, Keys and scopes)."
    address = webhook_address(stack.place.api_url, f"{CRM}/widget", stored.key)
    yield f"Give your Salesbot's widget step this address, and let its next step send {{{{json.reply}}}}: {address}"


def _reply_steps(looked: Looked, voice: Voice) -> Iterator[str]:
    options, field = amocrm_options(looked.options), looked.reply_field
    if Way.SALESBOT not in options.send_order or (field and options.bot_id):
        return
    if options.send_order == (Way.SALESBOT,):
        voice.warn("reply field and bot are not both set up: replies cannot be sent yet")
    else:
        voice.warn("reply field and bot are not both set up: where the Chats API add-on is missing, nothing is sent")
    if field is None:
        yield "Run this command again with --create-reply-field."
    else:
        yield (
            f'Make a Salesbot of one step that sends the field "{field.name}" ({{{{lead.cf.{field.id}}}}}), remove all '
            "its triggers, and run this command again with --bot-id and the number in the bot's address."
        )
