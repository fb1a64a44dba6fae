"""What a storm must know of a CRM: its simulator, the kinds of its accounts, and how one is connected.

All else goes through the control API that the simulators have in common.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Names:
    """How an account calls what the bot may change: it may move deals from `start` to `goal` and set two fields."""

    pipeline: str
    start: str
    goal: str
    overwritten: str
    filled_once: str
    tag: str
    person: str
    reply_field: str


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of account. `tells_outgoing`: its webhook brings what employees write; else only asking shows it."""

    title: str
    factory: str
    platform: str
    names: Names
    tells_outgoing: bool
    switches: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StormCrm:
    """A CRM: its name, its simulator's module, its webhook's function, the simulator's switch for calls per second."""

    crm: str
    simulator: str
    webhook: str
    kinds: tuple[Kind, ...]
    limit_switch: str = "requests_per_second"


RUSSIAN = Names("Продажи", "Новый", "Квалификация", "Город", "Товар", "ии", "Олег", "Ответ бота")
ENGLISH = Names("Sales", "New", "Qualification", "City", "Product", "ai", "Oliver", "Bot reply")

AMOCRM = StormCrm(
    "amocrm",
    "local.simulators.amocrm",
    "AmocrmWebhook",
    (
        Kind("amoCRM, asked about employees", "russian", "amocrm.ru", RUSSIAN, tells_outgoing=False),
        Kind(
            "amoCRM, telling of employees",
            "russian",
            "amocrm.ru",
            RUSSIAN,
            tells_outgoing=True,
            switches={"accepts_add_outgoing_message": True},
        ),
        Kind("Kommo", "english", "kommo.com", ENGLISH, tells_outgoing=True),
    ),
)


def profile(names: Names, resume_after_minutes: int) -> dict[str, Any]:
    """Return the bot's profile: a narrow policy, so that whatever lies outside is seen at once."""
    return {
        "name": "Шторм",
        "language": "ru",
        "instructions": "Вы отвечаете клиентам.",
        "works_in": [{"pipeline": names.pipeline, "stages": [names.start, names.goal]}],
        "changes": {
            "stages": {names.start: [names.goal]},
            "fields": [{"name": names.overwritten, "policy": "overwrite"}, {"name": names.filled_once}],
            "tags": {"add": [names.tag]},
            "tasks": {"allowed": True},
            "notes": True,
        },
        "handoff": {"task_person": names.person, "customer_message": HANDOFF_WORDS},
        "timing": {"quiet_seconds": 1, "max_wait_seconds": 20},
        "takeover": {"source": "auto", "resume_after_minutes": resume_after_minutes},
        "budgets": {"tokens_per_day": 1_000_000_000, "tokens_per_conversation_per_day": 10_000_000},
    }


HANDOFF_WORDS = "Передаю ваш вопрос коллеге."
