"""Whose is a body: the account's id and subdomain."""

from __future__ import annotations

from typing import Any

import pytest

from dealtalk.crm.amocrm.inbound import authenticate
from dealtalk.ingress.http import Request
from tests.unit.ingress.fakes import NOW, connection

UNSIGNED = Request("POST", "key", {}, b"")


def is_ours(account: Any, **options: Any) -> bool:
    """Return whether a body with this account block belongs to account 31337000, oknaufa."""
    return authenticate(connection(options={"subdomain": "oknaufa"} | options), UNSIGNED, {"account": account}, NOW)


def test_the_right_id_and_subdomain_are_ours() -> None:
    """What amoCRM posts."""
    assert is_ours({"id": "31337000", "subdomain": "oknaufa", "_links": {"self": "https://oknaufa.amocrm.ru"}})


def test_an_id_may_be_a_number() -> None:
    """JSON may say it so."""
    assert is_ours({"id": 31337000, "subdomain": "oknaufa"})


@pytest.mark.parametrize("account", [{"id": "31337000"}, {"subdomain": "oknaufa"}])
def test_one_of_the_two_is_enough(account: dict[str, str]) -> None:
    """Some bodies name only one of them."""
    assert is_ours(account)


@pytest.mark.parametrize(
    "account",
    [
        {"id": "31337001", "subdomain": "oknaufa"},
        {"id": "31337000", "subdomain": "other"},
        {"id": "31337001"},
        {"subdomain": "other"},
        {"id": "", "subdomain": "oknaufa"},
        {"id": "31337000", "subdomain": ""},
        {"id": None, "subdomain": "oknaufa"},
        {"id": "031337000"},
        {"id": "3133700"},
        {"id": ["31337000"]},
        {"id": {"0": "31337000"}},
        {"id": True},
        {"id": "\ud83d"},
        {"id": "３１３３７０００"},
        {"subdomain": "oknaufa\x00"},
    ],
)
def test_whatever_a_body_names_must_be_right(account: dict[str, Any]) -> None:
    """One right half does not make up for a wrong one."""
    assert not is_ours(account)


@pytest.mark.parametrize(
    "account", [{}, None, "31337000", [], ["31337000"], {"_links": {"self": "https://oknaufa.amocrm.ru"}}]
)
def test_a_body_that_names_no_account_is_refused(account: object) -> None:
    """The key alone is one lock; there are two."""
    assert not is_ours(account)


def test_a_body_without_an_account_block_is_refused() -> None:
    """As one that is empty."""
    assert not authenticate(connection(), UNSIGNED, {"message": {}}, NOW)


def test_a_subdomain_is_compared_without_case() -> None:
    """It is a host's name."""
    assert is_ours({"id": "31337000", "subdomain": "OknaUfa"})


def test_a_renamed_account_is_ours_once_its_new_name_is_accepted() -> None:
    """It keeps its id; its new subdomain must be told to us."""
    account = {"id": "31337000", "subdomain": "oknarb"}
    assert not is_ours(account)
    assert is_ours(account, accepted_subdomains=["oknarb"])
    assert is_ours({"id": "31337000", "subdomain": "oknaufa"}, accepted_subdomains=["oknarb"])


def test_an_accepted_name_does_not_excuse_a_wrong_id() -> None:
    """The id decides."""
    assert not is_ours({"id": "1", "subdomain": "oknarb"}, accepted_subdomains=["oknarb"])


def test_without_a_known_subdomain_no_subdomain_is_right() -> None:
    """A connection that was stored without it does not fall open."""
    assert not is_ours({"id": "31337000", "subdomain": "oknaufa"}, subdomain=None)
