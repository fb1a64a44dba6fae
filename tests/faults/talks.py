"""A conversation of a run: its chat and deal, what was written by whom and when, and the profiles that bots have."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from dealtalk.agent.profile import Profile, parse_profile

if TYPE_CHECKING:
    from dealtalk.messages import Chat, ConversationKey
    from tests.faults.accounts import Account

PROFILE = """
name: Анна
instructions: Помогайте выбрать окна.
works_in: [{pipeline: Продажи, stages: [Новый, Квалификация]}]
reads: [Товар, Город]
changes:
  stages: {Новый: [Квалификация]}
  fields:
    - {name: Товар}
    - {name: Количество}
    - {name: Город, policy: overwrite}
  tags: {add: [ии]}
  people: [Олег]
  tasks: {allowed: true}
"""
TOLD = "handoff: {customer_message: {ru: Коллега ответит вам скоро.}}\n"
CANNED = "Коллега ответит вам скоро."


@dataclass(eq=False)
class Talk:
    """One conversation: the account's chat, its deal, and what was written by whom and when."""

    label: str
    account: Account
    chat: Chat
    key: ConversationKey
    said: list[tuple[str, str, float]] = field(default_factory=list)
    """Marker, message id and time of each customer's message."""

    employee: list[tuple[str, float, str]] = field(default_factory=list)
    """Message id, time and text of each employee's message."""


@cache
def profile_of(resume: int, told: bool, mode: str, quiet: int) -> Profile:
    """Return a profile."""
    timing = f"timing: {{quiet_seconds: {quiet}, max_wait_seconds: 20}}\n"
    extra = f"{timing}takeover: {{resume_after_minutes: {resume}}}\nmode: {mode}\n{TOLD if told else ''}"
    return parse_profile(PROFILE + extra, source="faults.yaml")
