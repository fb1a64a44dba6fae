"""What can be switched in a simulated account: the vendor's limits, and what its pages leave open."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(slots=True)
class AccountSettings:
    """Switches of one account.

    `requests_per_second`: of one API key, as documented. `mg_requests_per_second`: of the bot; the vendor names none.
    `limit_status`: 503 as the vendor's own clients expect, or 429. `since_id_inclusive`: whether a message list after
    an id begins with that id. `system_messages`: whether the list shows what happened to a dialog.
    `writing_assigns`: whether a person who writes becomes responsible for the dialog. `chats`: whether the account has
    chats at all. `many_sites`: the key sees several stores, so that writes must name one. `empty_as_list`: an object
    without entries is `[]`. `channel_in_messages`: whether a listed message names its channel. `mg_path`: below which
    path the MG host is served.
    """

    requests_per_second: int = 10
    mg_requests_per_second: int = 20
    limit_status: int = 503
    since_id_inclusive: bool = False
    system_messages: bool = True
    writing_assigns: bool = False
    chats: bool = True
    many_sites: bool = False
    empty_as_list: bool = True
    channel_in_messages: bool = True
    mg_path: str = "/mg"

    def change(self, changes: dict[str, Any]) -> None:
        """Set switches by name. Raises ValueError for a name that does not exist."""
        known = {each.name for each in fields(self)} - {"mg_path"}
        for name, value in changes.items():
            if name not in known:
                msg = f"no such switch: {name}"
                raise ValueError(msg)
            setattr(self, name, value)

    def as_json(self) -> dict[str, Any]:
        """Return the switches for the control API."""
        return {each.name: getattr(self, each.name) for each in fields(self)} | {"platform": "retailcrm"}
