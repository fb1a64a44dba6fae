"""Connections to public addresses only: what a typed address really leads to is known when it is connected.

A name is resolved anew for every connection, so that checking it once proves nothing; the peer's address does. Without
this, an address in a connection's settings could make the responder talk to its own network.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from dealtalk.crm.whole_answer import WholeAnswers, WholeConnection, WholeSafeConnection
from dealtalk.errors import NeedsAttention

if TYPE_CHECKING:
    import socket
    from typing import Any


class PublicHosts(WholeAnswers):
    """An adapter that speaks with public addresses only. Raises NeedsAttention before a byte is sent to another."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (the base class's)
        """See `HTTPAdapter`."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SafePool}


def is_public(address: str) -> bool:
    """Return whether an IP address belongs to the public network; a mapped one is judged by what it maps."""
    ip = ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    return (mapped or ip).is_global and not ip.is_multicast


def _checked(connected: socket.socket) -> socket.socket:
    if is_public(str(connected.getpeername()[0])):
        return connected
    connected.close()
    msg = "the address leads into a private network"
    raise NeedsAttention(msg)


class _Connection(WholeConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _SafeConnection(WholeSafeConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SafePool(HTTPSConnectionPool):
    ConnectionCls = _SafeConnection
