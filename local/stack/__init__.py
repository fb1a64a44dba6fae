"""The project's own deploy on an AWS emulator: no Docker, no account."""

from local.stack.stack import Stack, publish, up, withdraw

__all__ = ["Stack", "publish", "up", "withdraw"]
