"""Reads what happened in a world: the conversation's story and state, the chat and the deal card."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from dealtalk.conversation.dynamodb import DynamoTable
from dealtalk.conversation.state import State, meta_key
from local.demo.story import read_story
from local.demo.wakeups import WakeUps

if TYPE_CHECKING:
    from local.demo.connecting import ConnectedAccount
    from local.demo.story import Event
    from local.demo.wakeups import WakeUp
    from local.demo.world import World


class Watcher:
    """Looks into the table, the responder's log and the simulated CRM; safe to be asked by many threads."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.table = DynamoTable(world.stack.client("dynamodb"), world.stack.table, pause=time.sleep)
        self._wake_ups = WakeUps(world.stack)

    def story(self, account: ConnectedAccount, chat: str) -> list[Event]:
        """Return what happened in a chat, oldest first."""
        conversation = account.conversation(chat)
        return read_story(self.table, conversation, self.wake_ups(conversation.id))

    def wake_ups(self, conversation: str) -> list[WakeUp]:
        """Return how often the responder woke up for a conversation (its hashed id), and what it came to."""
        return self._wake_ups.of(conversation)

    def state(self, account: ConnectedAccount, chat: str) -> State:
        """Return the conversation's state; an empty one before its first message."""
        conversation = account.conversation(chat)
        key = meta_key(conversation)
        return State.from_item(conversation, self.table.read([key]).get(key))

    def crm(self, account: ConnectedAccount, chat: str) -> dict[str, Any]:
        """Return the chat's `lines` and its `deal` as the CRM has them now; no deal is None."""
        shown = self.world.control.state(account.subdomain, chat=chat)
        found = shown["chats"][0]
        deal = next((each for each in shown["deals"] if each["id"] == found["lead"]), None)
        return {"lines": found["lines"], "deal": deal, "deals": shown["deals"], "talk": found}
