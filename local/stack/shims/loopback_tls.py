"""Gap: the emulator speaks plain HTTP on loopback, and under AUTH=true a policy that demands TLS refuses everyone.

In AWS every call of a function goes over TLS. The policies themselves are checked by tests/template.
"""

from __future__ import annotations

from ministack import app


def apply() -> None:
    """Let requests count as having come over TLS."""
    original = app.pin_request_origin

    def over_tls(source_ip: str, secure_transport: bool) -> None:  # noqa: ARG001, FBT001 (the emulator's signature)
        original(source_ip, True)  # noqa: FBT003

    app.pin_request_origin = over_tls
