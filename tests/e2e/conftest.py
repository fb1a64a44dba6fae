"""One stack for all end-to-end tests: the project's template on the emulator, with the roles enforced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local.stack import Stack, up

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Deploy once for the session, AUTH=true, with a short quiet time."""
    with up(auth=True, parameters={"QuietSeconds": "1"}) as running:
        yield running
