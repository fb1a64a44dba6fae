"""An address that somebody typed leads nowhere but out: what it resolves to is judged when it is connected."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from dealtalk.crm.http import Http
from dealtalk.crm.public_hosts import is_public
from dealtalk.errors import NeedsAttention
from tests.security.servers import say, serving

if TYPE_CHECKING:
    from collections.abc import Callable

PRIVATE = [
    "127.0.0.1",
    "10.0.0.5",
    "172.16.1.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104 (an address to refuse)
    "224.0.0.1",
    "::1",
    "fe80::1%eth0",
    "fd00::1",
    "::ffff:169.254.169.254",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_of_private_networks_are_not_public(address: str) -> None:
    """Loopback, link-local, carriers' and mapped ones among them."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    """Both families."""
    assert is_public(address)


def resolving_to(port: int) -> Callable[..., Any]:
    """Return a resolver by which every name is this machine."""
    return lambda *_args, **_more: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_name_that_leads_inside_hears_nothing(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name may resolve to anything at any time: the peer's address counts, before a byte is sent."""
    with serving(say(b"{}")) as inside:
        monkeypatch.setattr(socket, "getaddrinfo", resolving_to(int(inside.base.rpartition(":")[2])))
        http = Http("https://innocent.example", seconds_left=lambda: 5, public_only=True)
        with pytest.raises(NeedsAttention, match="private network"):
            http.get("/x") if method == "GET" else http.write("POST", "/x", payload={})
        assert b"".join(inside.heard) == b""


def test_a_simulator_on_this_machine_may_be_called_by_its_own_address() -> None:
    """Who types 127.0.0.1 means it; `dealtalk connect` takes that on a local stack only."""
    with serving(say(b"{}")) as local:
        assert Http(local.base, seconds_left=lambda: 5, public_only=True).get("/x").ok
