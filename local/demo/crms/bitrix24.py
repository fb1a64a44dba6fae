"""Bitrix24 in the demo: one portal with an open line, entered by an incoming webhook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.demo.crms import Bot, DemoCrm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.demo.crms import Words


def connect_words(account: Mapping[str, Any]) -> Words:
    """Return the options for a portal: the field for tags is there already and is found by its title."""
    return (
        ("--portal", account["domain"]),
        ("--api-base", account["base_url"]),
        ("--member-id", account["id"]),
        ("--create-tags-field",),
    )


DEMO = DemoCrm(
    name="bitrix24",
    title="Bitrix24",
    simulator="local.simulators.bitrix24",
    bots={"bitrix24.ru": Bot("windows-ru.yaml", "ru")},
    connect_words=connect_words,
    secrets=lambda token: {"DEALTALK_BITRIX24_WEBHOOK": token},
)
