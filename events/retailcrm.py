# ruff: noqa: INP001 (a folder of events and the scripts that write them, no package)
"""What AWS hands to RetailCRM's poller: nobody but its schedule calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.own import scheduled

if TYPE_CHECKING:
    from events.http_api import Event


def retailcrm_poller() -> dict[str, Event]:
    """Return the cases by the name of their file."""
    return {"scheduled": scheduled("RetailcrmPollerEveryMinute")}


FUNCTIONS = (retailcrm_poller,)
