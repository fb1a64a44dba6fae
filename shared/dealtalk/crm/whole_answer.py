"""The read timeout for a whole answer, headers and body, where `requests` counts it anew for every piece received.

A server that sends a byte every few seconds would otherwise hold a worker as long as it likes.
"""

from __future__ import annotations

import io
import time
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any, cast

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    import socket


class WholeAnswers(HTTPAdapter):
    """An adapter whose read timeout ends the answer, not only its pauses."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (the base class's)
        """See `HTTPAdapter`."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SafePool}


class _Until(io.RawIOBase):
    """A socket's stream that may be waited for until one moment."""

    def __init__(self, stream: socket.SocketIO, connection: socket.socket, seconds: float) -> None:
        self._stream = stream
        self._connection = connection
        self._end = time.monotonic() + seconds

    def readable(self) -> bool:
        """Return true: that is what it is for."""
        return True

    def readinto(self, buffer: Any, /) -> int | None:  # noqa: ANN401 (any writable buffer)
        """Read what is there, waiting no longer than until the end. Raises TimeoutError."""
        left = self._end - time.monotonic()
        if left <= 0:
            msg = "the answer was not whole in time"
            raise TimeoutError(msg)
        self._connection.settimeout(left)
        return self._stream.readinto(buffer)

    def close(self) -> None:
        """Close the stream too."""
        self._stream.close()
        super().close()


class _Answer(HTTPResponse):
    """An answer that is read from such a stream; the socket's timeout at its beginning is that of the whole."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (the base class's)
        super().__init__(sock, *args, **kwargs)
        seconds = sock.gettimeout()
        if seconds is not None:
            stream = cast("socket.SocketIO", self.fp.detach())
            self.fp = io.BufferedReader(_Until(stream, sock, seconds))


class WholeConnection(HTTPConnection):
    """A connection whose answers are whole in time or end."""

    response_class = _Answer


class WholeSafeConnection(HTTPSConnection):
    """The same over TLS."""

    response_class = _Answer


class _Pool(HTTPConnectionPool):
    ConnectionCls = WholeConnection


class _SafePool(HTTPSConnectionPool):
    ConnectionCls = WholeSafeConnection
