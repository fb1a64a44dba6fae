"""Built functions under AWS's own runtime: the runtime interface emulator and client, without a container.

The emulator (RIE) is the program that SAM CLI puts into its containers; it runs on Linux. The runtime interface client
and boto3 stand in an environment of their own, as AWS's runtime brings them along beside a function.
"""

from __future__ import annotations

from local.rie.built import BuiltFunction, read_function
from local.rie.runtime import (
    FunctionError,
    FunctionExited,
    FunctionTimedOut,
    Runtime,
    RuntimeStartError,
    running,
    unavailable,
)

__all__ = [
    "BuiltFunction",
    "FunctionError",
    "FunctionExited",
    "FunctionTimedOut",
    "Runtime",
    "RuntimeStartError",
    "read_function",
    "running",
    "unavailable",
]
