"""The simulator's control API, as far as a storm needs more of it than the demo does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

from local.demo.control import SECONDS, Control

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class StormControl(Control):
    """Sets up accounts, switches faults on and off, and reads what was called and delivered."""

    def add_account(self, kind: str, name: str, switches: Mapping[str, Any]) -> dict[str, Any]:
        """Make an account and return what it is like."""
        return dict(self._ask("POST", "accounts", {"kind": kind, "subdomain": name, "settings": dict(switches)}))

    def burst(self, account: str, chat: str, texts: Sequence[str]) -> list[str]:
        """Write several messages as the customer, delivered in one body; return their ids."""
        return list(self._ask("POST", "burst", {"account": account, "chat": chat, "texts": list(texts)})["ids"])

    def fault(self, kind: str, **options: Any) -> None:
        """Switch a fault on for all accounts."""
        self._ask("POST", "faults", {"kind": kind, **options})

    def faults(self) -> list[dict[str, Any]]:
        """Return the faults with how often each struck."""
        return list(self._ask("GET", "faults", {}))

    def clear_fault(self, number: int) -> None:
        """Switch a fault off."""
        requests.delete(f"{self.url}/faults", params={"id": number}, timeout=SECONDS).raise_for_status()

    def calls(self, account: str) -> list[dict[str, Any]]:
        """Return all calls that an account received."""
        return list(self._ask("GET", "calls", {"account": account}))

    def deliveries(self, account: str) -> list[dict[str, Any]]:
        """Return all attempts to deliver the account's webhooks."""
        return list(self._ask("GET", "deliveries", {"account": account}))

    def is_settled(self) -> bool:
        """Return whether no delivery is under way or due at this moment."""
        return bool(self._ask("POST", "settle", {"timeout": 0})["settled"])
