"""`.local/stack.json` of a world: what tools outside the project read."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from local.stack import processes, publish, withdraw
from local.stack.background import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.demo.world import World


@contextmanager
def published(world: World, page: str | None, *, in_background: bool = False) -> Iterator[None]:
    """Describe the world in the file until the block ends; leave the file alone where `make up` has one up.

    `simulator` beside the stack's own keys is the control API through which an outside tool can be a customer.
    """
    if not in_background and processes.running(NAME):
        yield
        return
    described = world.stack.describe(page=page, connections=[account.describe() for account in world.accounts])
    publish({**described, "simulator": world.control.url})
    try:
        yield
    finally:
        withdraw()
