"""The simulated CRM's control API: what people do in it, and what is to be seen there."""

from __future__ import annotations

from typing import Any

import requests

SECONDS = 15


class ControlError(RuntimeError):
    """The simulator refused; the text is its own."""


class Control:
    """A client of every simulator's control API. Every call names the account by its subdomain."""

    def __init__(self, url: str) -> None:
        self.url = url

    def accounts(self) -> list[dict[str, Any]]:
        """Return the accounts: id, subdomain, name, base_url, settings, people, pipelines."""
        found: list[dict[str, Any]] = self._ask("GET", "accounts", {})
        return found

    def state(self, account: str, **only: str) -> dict[str, Any]:
        """Return chats, deals, webhooks and bot runs; `chat`, `lead` and `known_version` narrow it."""
        return dict(self._ask("GET", "state", {"account": account, **only}))

    def token(self, account: str) -> str:
        """Return a new long-lived token of an administrator."""
        return str(self._ask("POST", "tokens", {"account": account})["token"])

    def open_chat(self, account: str, **options: Any) -> tuple[str, int | None]:
        """Let a new customer open a chat (`contact`, `origin`, `kind`); return its id and its deal's."""
        made = self._ask("POST", "chats", {"account": account, **options})
        return made["chat"], made["lead"]

    def say(self, account: str, chat: str, text: str, *, who: str = "customer", **options: Any) -> str:
        """Write into a chat as `customer`, `employee` (`user`: whose name) or `bot`; return the message's id.

        The simulator delivers it to the webhooks as amoCRM does.
        """
        body = {"account": account, "chat": chat, "text": text, "who": who, **options}
        return str(self._ask("POST", "say", body)["id"])

    def set_webhook(self, account: str, url: str, token: str) -> None:
        """Enter the webhook's address and token, where the account's own people do that."""
        self._ask("POST", "webhooks", {"account": account, "url": url, "token": token})

    def switch(self, account: str, **switches: Any) -> None:
        """Set switches of the account."""
        self._ask("POST", "settings", {"account": account, "switches": switches})

    def _ask(self, method: str, name: str, given: dict[str, Any]) -> Any:
        url = f"{self.url}/{name}"
        if method == "GET":
            answer = requests.get(url, params=given, timeout=SECONDS)
        else:
            answer = requests.request(method, url, json=given, timeout=SECONDS)
        said = answer.json()
        if not answer.ok:
            raise ControlError(f"{name}: {said.get('error', answer.status_code)}")
        return said
