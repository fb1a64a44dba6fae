"""Whose an event is: the top-level token by kind of registration, the portal by member id or domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dealtalk.crm.bitrix24.inbound import authenticate
from dealtalk.ingress.body import decode_body
from dealtalk.ingress.http import Request
from dealtalk.ingress.signatures import sha256_hex
from events import bitrix24
from tests.unit.ingress.fakes import NOW, connection

if TYPE_CHECKING:
    from dealtalk.connections import Connection


def portal(token: str = f"custom{bitrix24.BOT_TOKEN}", **options: Any) -> Connection:
    """Return the connection of a portal whose events carry this token."""
    known = {"domain": bitrix24.DOMAIN, "application_token_sha256": sha256_hex(token), "bot_id": bitrix24.BOT}
    return connection(crm="bitrix24", account=bitrix24.DOMAIN, options=known | options)


def is_ours(body: dict[str, Any], to: Connection) -> bool:
    """Return whether the body is believed, posted as it is on the wire."""
    raw = bitrix24.form(body).encode()
    return authenticate(to, Request("POST", "key", {}, raw), decode_body(raw), NOW)


def said(**changes: str) -> dict[str, Any]:
    """Return a version 2 event whose top-level auth has these changes."""
    body = bitrix24.v2(1, "привет")
    body["auth"] = {**body["auth"], **changes}
    return body


def test_a_version_2_bot_s_token_is_custom_and_its_bot_token() -> None:
    """As the vendor's tutorial says."""
    assert is_ours(bitrix24.v2(1, "привет"), portal())


def test_a_version_1_bot_s_token_is_its_client_id() -> None:
    """As it was seen."""
    assert is_ours(bitrix24.v1(1, "привет"), portal(bitrix24.CLIENT_ID))


def test_an_app_s_token_is_its_own() -> None:
    """The one that ONAPPINSTALL brought."""
    assert is_ours(said(application_token="an-app-s-token"), portal("an-app-s-token"))


@pytest.mark.parametrize("token", ["", "custom", bitrix24.BOT_TOKEN, bitrix24.CLIENT_ID])
def test_another_token_is_refused(token: str) -> None:
    """Neither an empty one nor the bot's token without its prefix."""
    assert not is_ours(said(application_token=token), portal())


def test_the_token_inside_the_data_is_not_looked_at() -> None:
    """Anybody who was ever called knows that one."""
    body = said(application_token="wrong")
    body["data"]["bot"]["auth"]["application_token"] = f"custom{bitrix24.BOT_TOKEN}"

    assert not is_ours(body, portal())


@pytest.mark.parametrize("kept", [None, "", 0])
def test_without_a_known_token_nothing_is_believed(kept: object) -> None:
    """A connection that was not finished refuses; it does not trust the first that comes."""
    assert not is_ours(said(application_token=""), portal(application_token_sha256=kept))


def test_another_portal_s_event_is_refused() -> None:
    """One token, two portals: the domain decides."""
    assert not is_ours(said(domain="stranger.bitrix24.ru"), portal())


def test_a_renamed_portal_is_believed_where_its_name_is_accepted() -> None:
    """The old name stays the connection's, the new one stands beside it."""
    renamed = said(domain="newname.bitrix24.ru")

    assert is_ours(renamed, portal(accepted_domains=["newname.bitrix24.ru"]))


def test_a_known_member_id_decides_alone() -> None:
    """It survives a new name, and another one is refused whatever the domain says."""
    to = portal(member_id=bitrix24.MEMBER)

    assert is_ours(said(domain="newname.bitrix24.ru"), to)
    assert not is_ours(said(member_id="ffffffffffffffffffffffffffffffff"), to)


@pytest.mark.parametrize("auth", [None, "", "text"])
def test_a_body_without_auth_is_refused(auth: object) -> None:
    """Whatever stands in its place."""
    raw = b"event=ONIMBOTV2MESSAGEADD"

    assert not authenticate(portal(), Request("POST", "key", {}, raw), {"event": "X", "auth": auth}, NOW)


def test_an_installation_is_believed_only_where_it_is_awaited() -> None:
    """Of the connection's own portal, and nothing else at that address."""
    install = {"event": "ONAPPINSTALL", "data": {"VERSION": "1"}, "auth": bitrix24.auth("an-app-s-token")}
    strange = install | {"auth": bitrix24.auth("an-app-s-token", domain="stranger.bitrix24.ru")}
    waiting = portal(awaits_install=True, application_token_sha256=None)

    assert is_ours(install, waiting)
    assert not is_ours(install, portal())
    assert not is_ours(strange, waiting)
    assert not is_ours(bitrix24.v2(1, "привет"), waiting)
