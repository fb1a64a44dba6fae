# ruff: noqa: INP001 (a folder of events and the scripts that write them, no package)
"""What AWS hands to RetailCRM's functions: the poller's schedule, and what the CRM tells of our module."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from events.http_api import KEY, http_event
from events.own import scheduled

if TYPE_CHECKING:
    from events.http_api import Event

AGENT = "RetailCRM"
SYSTEM = "https://oknaufa.retailcrm.ru"


def form(*, active: bool, freeze: bool = False, client_id: str = KEY) -> str:
    """Return the body of an activity callback."""
    activity = json.dumps({"active": active, "freeze": freeze})
    return urlencode({"clientId": client_id, "activity": activity, "systemUrl": SYSTEM})


def retailcrm_poller() -> dict[str, Event]:
    """Return the cases by the name of their file."""
    return {"scheduled": scheduled("RetailcrmPollerEveryMinute")}


def retailcrm_callback() -> dict[str, Event]:
    """Return the cases by the name of their file."""
    bodies = {
        "switched_on": form(active=True),
        "switched_off": form(active=False),
        "frozen": form(active=True, freeze=True),
        "wrong_client": form(active=False, client_id="guessed"),
    }
    cases = {name: http_event("retailcrm", body=body, user_agent=AGENT) for name, body in bodies.items()}
    plain = http_event("retailcrm", body=bodies["switched_off"], user_agent=AGENT, on_aws=False)
    return {**cases, "switched_off_plain": plain}


FUNCTIONS = (retailcrm_poller, retailcrm_callback)
