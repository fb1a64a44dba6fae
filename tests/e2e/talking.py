"""A customer's chat in an end-to-end test: write into it, wait for what comes of it, read what is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.demo.dialogue import doorbells_left
from tests.e2e.asking import wait_until

if TYPE_CHECKING:
    from dealtalk.conversation.state import State
    from local.demo.connecting import ConnectedAccount
    from local.demo.story import Event
    from local.demo.watcher import Watcher


@dataclass(slots=True)
class Talk:
    """One chat of a new customer."""

    watcher: Watcher
    account: ConnectedAccount
    chat: str = field(init=False)
    deal_id: int = field(init=False)

    def __post_init__(self) -> None:
        chat, deal = self.watcher.world.control.open_chat(self.account.subdomain)
        assert deal is not None
        self.chat, self.deal_id = chat, deal

    def customer(self, text: str) -> str:
        """Write as the customer; the simulator delivers it as amoCRM does."""
        return self.watcher.world.control.say(self.account.subdomain, self.chat, text)

    def employee(self, text: str) -> str:
        """Write as a person of the company."""
        return self.watcher.world.control.say(self.account.subdomain, self.chat, text, who="employee")

    def lines(self) -> list[dict[str, Any]]:
        """Return the chat as the CRM has it."""
        found: list[dict[str, Any]] = self.watcher.crm(self.account, self.chat)["lines"]
        return found

    def replies(self) -> list[str]:
        """Return what the bot has said."""
        return [line["text"] for line in self.lines() if line["who"] == "bot"]

    def deal(self) -> dict[str, Any]:
        """Return the deal card."""
        found: dict[str, Any] = self.watcher.crm(self.account, self.chat)["deal"]
        return found

    def state(self) -> State:
        """Return the conversation's state."""
        return self.watcher.state(self.account, self.chat)

    def story(self) -> list[Event]:
        """Return what happened."""
        return self.watcher.story(self.account, self.chat)

    def wait_for_replies(self, count: int, seconds: float = 60) -> list[str]:
        """Wait until the bot has replied so often, everything is answered and no doorbell is left; return the replies.

        What would come in excess would have come by then.
        """

        def answered() -> bool:
            state = self.state()
            return len(self.replies()) >= count and not state.is_waiting and state.turn is None

        wait_until(answered, f"{count} replies", seconds)
        self.wait_for_quiet(seconds)
        return self.replies()

    def wait_for_quiet(self, seconds: float = 60) -> None:
        """Wait until no doorbell of any conversation is left."""
        wait_until(lambda: doorbells_left(self.watcher.world.stack) == 0, "an empty queue", seconds)
