"""Servers that answer as no honest CRM does: byte by byte, without an end, with a bomb in the wrapping."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Speak = Callable[[socket.socket], None]


@dataclass
class Evil:
    """A server on loopback; `heard` holds the first bytes of each request, `hung_up` is set when a client left."""

    base: str
    heard: list[bytes] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(speak: Speak) -> Iterator[Evil]:
    """Serve every connection with `speak`, which is called once a request's head has come."""
    listener = socket.create_server(("127.0.0.1", 0))
    evil = Evil(f"http://127.0.0.1:{listener.getsockname()[1]}")

    def one(connection: socket.socket) -> None:
        with connection:
            evil.heard.append(connection.recv(65_536))
            try:
                speak(connection)
            except OSError:
                evil.hung_up.set()

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=one, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield evil
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=5)


def drip(start: bytes, piece: bytes, *, pause: float = 0.02, pieces: int = 400) -> Speak:
    """Say `start`, then `piece` again and again with pauses: longer than any test would wait for."""
    resting = threading.Event()

    def speak(connection: socket.socket) -> None:
        connection.sendall(start)
        for _ in range(pieces):
            connection.sendall(piece)
            resting.wait(pause)

    return speak


def say(body: bytes, *headers: str, status: str = "200 OK") -> Speak:
    """Answer at once and whole."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]).encode()
    return lambda connection: connection.sendall(head + body)
