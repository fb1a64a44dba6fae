"""RetailCRM in the demo: one account, read by the poller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.demo.crms import Bot, DemoCrm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.demo.crms import Words


def connect_words(account: Mapping[str, Any]) -> Words:
    """Return the options for an account: its name is that of its host."""
    return (
        ("--url", f"{account['subdomain']}.retailcrm.ru"),
        ("--api-base", account["base_url"]),
    )


DEMO = DemoCrm(
    name="retailcrm",
    title="RetailCRM",
    simulator="local.simulators.retailcrm",
    simulator_words=("--account", "russian"),
    bots={"retailcrm": Bot("windows-ru.yaml", "ru")},
    connect_words=connect_words,
    secrets=lambda token: {"DEALTALK_RETAILCRM_KEY": token},
)
