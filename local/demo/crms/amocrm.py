"""amoCRM and Kommo in the demo: an account on each platform."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from local.demo.crms import WINDOWS_RU, Bot, DemoCrm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.demo.crms import Words

RETRY_HOURS_COMPRESSED = "60"
"""amoCRM sends a failed webhook again after minutes and hours; here an hour is a minute."""


def connect_words(account: Mapping[str, Any]) -> Words:
    """Return the options for an account: the reply field is made, the bot that sends it is there already."""
    return (
        ("--platform", account["settings"]["platform"]),
        ("--subdomain", account["subdomain"]),
        ("--api-base", account["base_url"]),
        ("--create-reply-field",),
        ("--bot-id", str(account["bots"][0]["id"])),
    )


DEMO = DemoCrm(
    name="amocrm",
    title="amoCRM and Kommo",
    simulator="local.simulators.amocrm",
    simulator_words=("--time-factor", RETRY_HOURS_COMPRESSED),
    bots={"amocrm.ru": Bot("windows-ru.yaml", "ru"), "kommo.com": Bot("booking-en.yaml", "en")},
    connect_words=connect_words,
    secrets=lambda token: {"DEALTALK_AMOCRM_TOKEN": token},
    dialogue=replace(WINDOWS_RU, own_fields=frozenset({"Ответ бота", "Bot reply"})),
)
