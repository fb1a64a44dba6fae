"""The scripted dialogue: a customer writes three short messages, and what must have come of it, and nothing else."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.demo.story import EventKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.demo.connecting import ConnectedAccount
    from local.demo.crms import Dialogue
    from local.demo.watcher import Watcher
    from local.stack import Stack

BETWEEN_SECONDS = 3.0
ANSWER_SECONDS = 150.0
LOOK_EVERY_SECONDS = 0.25
LOG_SECONDS = 5.0


@dataclass(slots=True)
class Script:
    """The dialogue in one account: `chat` and `deal_id` are known once the customer has opened the chat."""

    watcher: Watcher
    account: ConnectedAccount
    between: float = BETWEEN_SECONDS
    chat: str = field(init=False)
    before: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.chat, _ = self.watcher.world.control.open_chat(self.account.subdomain, contact=self.dialogue.customer)
        self.before = self.watcher.crm(self.account, self.chat)

    @property
    def dialogue(self) -> Dialogue:
        """What is said, and what must come of it."""
        return self.watcher.world.crm.dialogue

    def play(self, tick: Callable[[], None]) -> bool:
        """Let the customer write the burst, then wait until all is answered and quiet; `tick` is called all the while.

        Returns whether that came in time.
        """
        control = self.watcher.world.control
        for number, text in enumerate(self.dialogue.burst):
            if number:
                self._wait(self.between, lambda: False, tick)
            control.say(self.account.subdomain, self.chat, text)
            tick()
        return self._wait(ANSWER_SECONDS, self._is_over, tick)

    def wait_for_the_log(self) -> None:
        """Wait for the line about the doorbell that was answered: a log comes a moment after the deed."""

        def is_there() -> bool:
            story = self.watcher.story(self.account, self.chat)
            return any(event.kind is EventKind.DOORBELL and not event.quiet for event in story)

        self._wait(LOG_SECONDS, is_there, lambda: None)

    def _is_over(self) -> bool:
        """Return whether the conversation is answered, its turn closed, the reply in the chat and no doorbell left."""
        state = self.watcher.state(self.account, self.chat)
        if state.arrived < len(self.dialogue.burst) or state.is_waiting or state.turn is not None:
            return False
        # A Salesbot speaks a moment after it was told to.
        said = sum(event.kind is EventKind.REPLY for event in self.watcher.story(self.account, self.chat))
        shown = sum(line["outgoing"] for line in self.watcher.crm(self.account, self.chat)["lines"])
        return 0 < said <= shown and doorbells_left(self.watcher.world.stack) == 0

    @staticmethod
    def _wait(seconds: float, until: Callable[[], bool], tick: Callable[[], None]) -> bool:
        deadline = time.monotonic() + seconds
        while not until():
            if time.monotonic() >= deadline:
                return False
            time.sleep(LOOK_EVERY_SECONDS)
            tick()
        return True

    def differences(self) -> list[str]:
        """Return what is not as it must be; empty where all went as expected."""
        now = self.watcher.crm(self.account, self.chat)
        return [
            *_in_chat(self.dialogue, now["lines"]),
            *_in_deal(self.dialogue, self.before["deal"], now["deal"]),
            *_in_account(self.before, now),
        ]


def doorbells_left(stack: Stack) -> int:
    """Return how many doorbells wait in the queue, are delayed, or are being worked on."""
    counters = [f"ApproximateNumberOfMessages{name}" for name in ("", "Delayed", "NotVisible")]
    answer = stack.client("sqs").get_queue_attributes(QueueUrl=stack.queue_url, AttributeNames=counters)
    return sum(int(answer["Attributes"][name]) for name in counters)


def _in_chat(dialogue: Dialogue, lines: list[dict[str, Any]]) -> list[str]:
    said = [line["text"] for line in lines if not line["outgoing"]]
    replies = [line for line in lines if line["outgoing"]]
    found = []
    if said != list(dialogue.burst):
        found.append(f"the customer's messages are {said}")
    if len(replies) != 1:
        found.append(f"{len(replies)} replies instead of one")
    if any(line["who"] != "bot" for line in replies):
        found.append("somebody else than the bot replied")
    return found


def _in_deal(dialogue: Dialogue, before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    found = []
    fields, pipeline, stage = now["fields"], before["pipeline"], dialogue.stage
    if (now["pipeline"], now["stage"]) != (pipeline, stage):
        found.append(f"the stage is {now['pipeline']} / {now['stage']} instead of {pipeline} / {stage}")
    for name, wanted in dialogue.fields.items():
        if not any(_is_right(fields[name] or "", each) for each in wanted):
            found.append(f"{name} is {fields[name]!r} instead of {' or '.join(map(repr, wanted))}")
    if now["tags"] != list(dialogue.tags):
        found.append(f"the tags are {now['tags']} instead of {list(dialogue.tags)}")
    if len(now["notes"]) != dialogue.notes:
        found.append(f"{len(now['notes'])} notes instead of {dialogue.notes}")
    expected = {*dialogue.fields, *dialogue.own_fields}
    found += [
        f"{name} was changed to {value!r}"
        for name, value in fields.items()
        if name not in expected and value != before["fields"][name]
    ]
    found += [
        f"{name} was changed to {now[name]!r}"
        for name in ("name", "price", "responsible", "contacts", "tasks", "closed_at")
        if now[name] != before[name]
    ]
    return found


def _is_right(value: str, wanted: str) -> bool:
    if wanted.endswith("*"):
        return value.casefold().startswith(wanted.removesuffix("*").casefold())
    return value.casefold() == wanted.casefold()


def _in_account(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    more = len(now["deals"]) - len(before["deals"])
    return [f"{more} more deals than before"] if more else []
