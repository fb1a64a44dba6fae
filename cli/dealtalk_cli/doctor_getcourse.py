"""What `dealtalk doctor` looks at in GetCourse: the chat beside it, and whether a key for imports is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.errors import DealtalkError
from dealtalk_cli import doctor_custom
from dealtalk_cli.doctor_custom import live_schema
from dealtalk_cli.findings import Finding, problem, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dealtalk.agent.profile import Profile
    from dealtalk.connections import Connection
    from dealtalk_cli.stack import Stack

__all__ = ["examine", "live_schema"]


def examine(connection: Connection, profile: Profile | None, stack: Stack, *, fix: bool) -> Iterator[Finding]:
    """Yield what is found."""
    for finding in doctor_custom.examine(connection, profile, stack, fix=fix):
        if finding.check != "deals":
            yield finding
    try:
        key = stack.secrets.read(connection.secret).get("import_key")
    except DealtalkError as error:
        yield problem("import", str(error))
        return
    if key:
        yield warning("import", "a key is set; GetCourse lets nobody try it without changing an order")
    else:
        yield problem("import", "no key is set: orders are not changed", "Connect again with --import-key-file.")
