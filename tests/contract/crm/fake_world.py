"""The contract's world on the fake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.deals import Deal, DealSchema, FieldKind, FieldSchema, Option, Outcome, Person, Pipeline, Stage
from dealtalk.errors import NeedsAttention, RateLimited
from dealtalk.messages import Chat
from tests.contract.crm.fake import FakeCrm
from tests.contract.crm.world import FakeClock

if TYPE_CHECKING:
    from datetime import datetime

FAKE_SCHEMA = DealSchema(
    pipelines=(
        Pipeline(
            "10",
            "Sales",
            (Stage("11", "New"), Stage("12", "Measurement"), Stage("142", "Won", Outcome.WON)),
        ),
        Pipeline("20", "Support", (Stage("21", "Request"), Stage("142", "Won", Outcome.WON))),
    ),
    fields=(
        FieldSchema("1", "City", FieldKind.TEXT),
        FieldSchema("2", "Quantity", FieldKind.NUMBER),
        FieldSchema("3", "Frame", FieldKind.SELECT, (Option("31", "Vinyl"), Option("32", "Wood"))),
        FieldSchema("4", "Options", FieldKind.MULTISELECT, (Option("41", "Sill"), Option("42", "Screen"))),
        FieldSchema("5", "Needs installation", FieldKind.CHECKBOX),
        FieldSchema("6", "Visit date", FieldKind.DATE),
        FieldSchema("7", "Visit time", FieldKind.DATETIME),
    ),
    people=(Person("100", "Alice"), Person("101", "Oliver"), Person("102", "Peter", active=False)),
)


class FakeWorld:
    """The fake account, through the same handles."""

    shows_texts = True
    deal_id = "500"
    strangers_deal = "900"

    def __init__(self) -> None:
        deal = Deal("500", "Windows", "10", "11", "100")
        self.clock = FakeClock()
        self.crm = FakeCrm(FAKE_SCHEMA, [deal], clock=self.clock)
        self.chat = Chat("chat-1", "7", "500", "600", "telegram")

    def now(self) -> datetime:
        """Return the fake time."""
        return self.clock.now()

    def pass_time(self, seconds: float) -> None:
        """Move the fake time."""
        self.clock.sleep(seconds)

    def received(self) -> list[str]:
        """Return what was sent, and nothing of the employee, whose words the fake does not keep."""
        return [sent.text for sent in self.crm.sent]

    def employee_writes(self, text: str) -> None:  # noqa: ARG002 (the fake keeps times only)
        """Let an employee write."""
        self.crm.employee_writes(self.chat.chat_id)

    def refuse_requests(self) -> None:
        """Refuse the next call of every method once."""
        self._fail_next(RateLimited("too many requests", after=1.0))

    def kill_token(self) -> None:
        """Refuse the next call of every method for good."""
        self._fail_next(NeedsAttention("the token is dead"))

    def _fail_next(self, error: Exception) -> None:
        for method in ("read_deal", "send", "update_deal", "read_schema"):
            self.crm.fail(method, error)

    def lose_answer(self, method: str) -> None:
        """Act, then lose the answer."""
        self.crm.drop_answer(method)

    def delete_deal(self) -> None:
        """Forget the deal."""
        del self.crm.deals[self.deal_id]

    def notes(self) -> list[str]:
        """Return the notes' texts."""
        return [note.text for _, note in self.crm.notes]

    def tasks(self) -> list[tuple[str, str]]:
        """Return the tasks' texts with their person, the deal's where none was named."""
        responsible = self.crm.deals[self.deal_id].responsible_id
        people = {person.id: person.name for person in FAKE_SCHEMA.people}
        return [(task.text, people[task.person_id or responsible or ""]) for _, task in self.crm.tasks]
