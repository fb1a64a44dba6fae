"""The settings of a connection to a CRM of one's own."""

from __future__ import annotations

from typing import Any

import pytest

from dealtalk.crm.custom.options import Ability, custom_options, split_callback
from dealtalk.errors import NeedsAttention

URL = "https://crm.example/hooks/dealtalk"


def test_a_receiver_of_the_public_protocol_understands_replies_only() -> None:
    """What it does not say it understands is not sent, but for the call for a person, which it may ignore."""
    options = custom_options({"callback_url": URL})
    assert options.supports == {Ability.PERSON_NEEDED}
    assert (options.callback_base, options.callback_path) == ("https://crm.example", "/hooks/dealtalk")


def test_options_of_others_are_let_pass() -> None:
    """The webhook's, the core's and the account's rate."""
    others = {"token_sha256": "0", "takeover_source": "webhook", "calls_per_second": 5, "subdomain": "okna"}
    assert custom_options({"callback_url": URL, **others}).message_limit == 2000


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"callback_url": ""},
        {"callback_url": URL, "colour": "red"},
        {"callback_url": URL, "supports": ["telepathy"]},
        {"callback_url": URL, "message_limit": 5},
        {"callback_url": URL, "message_limit": True},
        {"callback_url": URL, "message_sender": "customer"},
    ],
)
def test_unusable_settings_need_attention(given: dict[str, Any]) -> None:
    """The option is named, its value is not."""
    with pytest.raises(NeedsAttention):
        custom_options(given)


@pytest.mark.parametrize(
    "url",
    [
        "http://crm.example/x",
        "ftp://crm.example/x",
        "https://user@crm.example/x",
        "https://crm.example/x?token=1",
        "https://crm.example/x#y",
        "https://crm.example\\@evil.example/x",
        "//crm.example/x",
        "crm.example/x",
    ],
)
def test_other_addresses_are_no_callback(url: str) -> None:
    """Https, a host, a path: no user, no query, nothing that two readers read differently."""
    with pytest.raises(ValueError, match=r"address|query"):
        split_callback(url)


def test_a_simulator_on_this_machine_may_be_plain() -> None:
    """Loopback is the only exception."""
    assert split_callback("http://127.0.0.1:8080/a/okna/events") == ("http://127.0.0.1:8080", "/a/okna/events")
