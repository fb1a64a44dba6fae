"""HubSpot in the demo: one portal with a private app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.demo.crms import Bot, DemoCrm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.demo.control import Control
    from local.demo.crms import Words

RETRY_DAY_COMPRESSED = "1440"
"""HubSpot spreads its retries over a day; here a day is a minute."""


def connect_words(account: Mapping[str, Any]) -> Words:
    """Return the options for a portal."""
    return (
        ("--app-id", str(account["app"]["id"])),
        ("--api-base", account["base_url"]),
        ("--bot-user", str(account["bot_user"])),
        ("--tags-property", "bot_tags"),
    )


def account_secrets(account: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the app's client secret."""
    return {"DEALTALK_HUBSPOT_CLIENT_SECRET": account["app"]["client_secret"]}


def tell_crm(control: Control, account: Mapping[str, Any], said: Mapping[str, Any]) -> None:
    """Enter the webhook's address in the app's settings, as an administrator does."""
    control.set_webhook(account["subdomain"], said["webhook_url"], "")


DEMO = DemoCrm(
    name="hubspot",
    title="HubSpot",
    simulator="local.simulators.hubspot",
    simulator_words=("--account", "russian", "--time-factor", RETRY_DAY_COMPRESSED),
    bots={"hubspot": Bot("windows-ru.yaml", "ru")},
    connect_words=connect_words,
    secrets=lambda token: {"DEALTALK_HUBSPOT_TOKEN": token},
    account_secrets=account_secrets,
    tell_crm=tell_crm,
)
