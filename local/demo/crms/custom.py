"""A CRM of one's own in the demo: one company with its own program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.demo.crms import Bot, DemoCrm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.demo.control import Control
    from local.demo.crms import Words


def connect_words(account: Mapping[str, Any]) -> Words:
    """Return the options for an account."""
    return (("--name", account["subdomain"]), ("--callback-url", account["callback_url"]))


def tell_crm(control: Control, account: Mapping[str, Any], said: Mapping[str, Any]) -> None:
    """Tell the company's program where to post, and which token to show, as its programmer does."""
    control.set_webhook(account["subdomain"], said["webhook_url"], said["made"]["channel_token"])


DEMO = DemoCrm(
    name="custom",
    title="a CRM of one's own",
    simulator="local.simulators.custom",
    bots={"own": Bot("windows-ru.yaml", "ru")},
    connect_words=connect_words,
    secrets=lambda token: {"DEALTALK_CUSTOM_TOKEN": token},
    tell_crm=tell_crm,
)
