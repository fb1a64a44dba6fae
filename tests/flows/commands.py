"""An operator's commands in a flow test, and what they leave in the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.conversation.forgetting import Forgetting
from dealtalk.conversation.oversight import Oversight

if TYPE_CHECKING:
    from dealtalk.conversation.forgetting import Erased
    from tests.fakes.world import World


def operator(world: World) -> Oversight:
    """Return the commands of somebody."""
    return Oversight(world.table, world.doorbell, world.clock, "olga")


def pause(world: World, *, off: bool = False) -> None:
    """Silence the bot."""
    operator(world).pause(world.conversation, off=off)


def resume(world: World) -> bool:
    """Let the bot come back."""
    return operator(world).resume(world.conversation)


def forget(world: World) -> Erased:
    """Have the conversation forgotten."""
    return Forgetting(world.table, world.clock, "olga").forget(world.conversation)


def orders(world: World) -> list[tuple[str, str]]:
    """Return what was done by whom, in order."""
    items = world.table.newest(world.conversation.partition, "OP#", 100)
    return [(item["did"], item["by"]) for item in items]


def held(world: World) -> str:
    """Return all that the table holds of the conversation and beside it, as one text."""
    return repr(world.table.items)
