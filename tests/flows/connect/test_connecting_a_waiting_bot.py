"""Connecting an account whose Salesbot waits for our reply: its secret, its address, its doctor."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.flows.connect.connecting import API

if TYPE_CHECKING:
    from tests.flows.connect.connecting import World

SECRET = "a1b2c3d4e5f60718"
WIDGET = ("--option", 'send_order=["widget","salesbot"]')


def test_the_secret_is_kept_and_the_address_told(russian: World) -> None:
    """The secret stands in the connection, where the webhook reads it, and nowhere on the screen."""
    result = russian.connected(*WIDGET, "--widget-secret-file", russian.file("secret", SECRET))
    assert russian.connection().signing_secret == SECRET
    assert any(f"{API}/amocrm/widget/{result['key']}/" in step for step in result["next"])
    assert SECRET not in json.dumps(result)
    assert russian.findings()["widget"]["level"] == "ok"


def test_connecting_again_keeps_the_secret(russian: World) -> None:
    """As everything else that is not given anew."""
    russian.connected(*WIDGET, "--widget-secret-file", russian.file("secret", SECRET))
    russian.connected()
    assert russian.connection().signing_secret == SECRET


def test_with_oauth_the_secret_is_known_already(russian: World) -> None:
    """It is the integration's own."""
    options = russian.oauth_options()
    ran = russian.connect("--json", *WIDGET, *options, signed=False)
    assert ran.code == 0, ran.err
    (integration,) = [one for one in russian.account.integrations.values() if one.client_id == options[1]]
    assert russian.connection().signing_secret == integration.client_secret


def test_without_the_secret_it_is_said(russian: World) -> None:
    """At once, and by the doctor."""
    result = russian.connected(*WIDGET)
    assert any("--widget-secret-file" in step for step in result["next"])
    assert russian.findings()["widget"]["level"] == "problem"


def test_who_has_no_such_way_hears_nothing_of_it(russian: World) -> None:
    """Neither step nor check."""
    result = russian.connected()
    assert not any("widget" in step for step in result["next"])
    assert "widget" not in russian.findings()
