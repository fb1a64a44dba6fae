"""The account's address as people write it."""

from __future__ import annotations

import pytest

from dealtalk_cli.amocrm.address import split_address
from dealtalk_cli.errors import Trouble


@pytest.mark.parametrize(
    ("given", "subdomain", "platform"),
    [
        ("oknaufa", "oknaufa", None),
        ("OknaUfa", "oknaufa", None),
        (" oknaufa.amocrm.ru ", "oknaufa", "amocrm.ru"),
        ("https://oknaufa.amocrm.ru/leads/pipeline/", "oknaufa", "amocrm.ru"),
        ("clear-panes.kommo.com/settings", "clear-panes", "kommo.com"),
    ],
)
def test_an_address_is_understood(given: str, subdomain: str, platform: str | None) -> None:
    """The subdomain alone, the host, or a page copied from the browser."""
    assert split_address(given) == (subdomain, platform)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "окна",
        "www.amocrm.ru",
        "oknaufa.example.test",
        "a b",
        "-x",
        "https://",
        "x" * 64,
        "oknaufa.amocrm.ru.evil.test",
    ],
)
def test_what_is_no_account_is_refused(given: str) -> None:
    """A token must not go to a stranger's host by a slip of the pen."""
    with pytest.raises(Trouble, match="--subdomain"):
        split_address(given)
