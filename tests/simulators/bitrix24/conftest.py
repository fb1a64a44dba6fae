"""A portal on a clock that stands still, a client with an incoming webhook, and a version 2 bot in its line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
import requests

from local.simulators.bitrix24 import BitrixSimulator, russian_portal
from local.simulators.clock import ManualClock
from tests.simulators.receiver import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.simulators.bitrix24.entities import Bot, Dialog
    from local.simulators.bitrix24.state import Portal

NAME = "okna"
TOKEN = "dt-bot-token"


@dataclass
class Client:
    """A portal as an integration with an incoming webhook sees it."""

    sim: BitrixSimulator
    user: str
    secret: str
    http: requests.Session = field(default_factory=requests.Session)

    @property
    def portal(self) -> Portal:
        """Return the portal's data."""
        return self.sim.account(NAME)

    def ask(self, method: str, **params: Any) -> tuple[int, dict[str, Any]]:
        """Return status and body of a call."""
        url = f"{self.sim.account_url(NAME)}/rest/{self.user}/{self.secret}/{method}"
        answer = self.http.post(url, json=params, timeout=5, allow_redirects=False)
        return answer.status_code, answer.json() if answer.content else {}

    def get(self, method: str, **params: Any) -> Any:
        """Return the result of a call that works."""
        status, body = self.ask(method, **params)
        assert status == 200, body
        return body["result"]

    def refused(self, method: str, **params: Any) -> tuple[int, str]:
        """Return status and code of a call that is refused."""
        status, body = self.ask(method, **params)
        return status, body.get("error", "")

    def batch(self, halt: int = 0, **commands: tuple[str, dict[str, Any]]) -> dict[str, Any]:
        """Return the result of a batch of (method, parameters)."""
        cmd = {name: f"{method}?{urlencode(params)}" for name, (method, params) in commands.items()}
        return dict(self.get("batch", halt=halt, cmd=cmd))

    def new_bot(self, url: str) -> Bot:
        """Register a version 2 bot and put it into the line, so that it stays."""
        fields = {
            "code": "dealtalk",
            "botToken": TOKEN,
            "properties": {"name": "Анна"},
            "type": "openline",
            "eventMode": "webhook",
            "webhookUrl": url,
        }
        bot = self.portal.bots[self.get("imbot.v2.Bot.register", fields=fields)["bot"]["id"]]
        self.sim.attach(NAME, bot)
        return bot

    def dialog(self, chat: str) -> Dialog:
        """Return a chat's data."""
        return self.portal.dialogs[int(chat)]

    def send(self, bot: Bot, chat: str, text: str) -> tuple[int, dict[str, Any]]:
        """Send a message as the bot."""
        given = {"botId": bot.id, "botToken": TOKEN, "dialogId": f"chat{chat}", "fields": {"message": text}}
        return self.ask("imbot.v2.Chat.Message.send", **given)


@pytest.fixture
def sim() -> Iterator[BitrixSimulator]:
    """Serve a portal."""
    with BitrixSimulator([russian_portal], clock=ManualClock()) as made:
        yield made


@pytest.fixture
def client(sim: BitrixSimulator) -> Client:
    """Return a client with all scopes."""
    return Client(sim, *sim.webhook(NAME))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Listen for events."""
    made = Receiver()
    yield made
    made.stop()
