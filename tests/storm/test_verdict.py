"""The verdict can fail: each invariant, broken on purpose in the records of one customer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dealtalk.connections import Mode
from dealtalk.conversation.state import State
from tests.storm.company import StormAccount
from tests.storm.crms import AMOCRM, HANDOFF_WORDS
from tests.storm.driver import Said, Talk
from tests.storm.mind import Mind
from tests.storm.records import AccountRecord, Record, Records
from tests.storm.settling import Left
from tests.storm.traffic import PlannedAccount
from tests.storm.verdict import Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Callable

TELLING = AMOCRM.kinds[1]
NAMES = TELLING.names
ACCOUNT = StormAccount(PlannedAccount("storm1", 1, 7, -1), TELLING, "amocrm", "31000001", "conn")
TALK = Talk(5, ACCOUNT, "chat-5", "501")
REPLY = "Ответ r1 на q5x0. Сделано r1 t2 k3."
BEGAN = 1_800_000_000.0


def line(text: str, who: str = "bot") -> dict[str, Any]:
    """Return a line of the chat."""
    return {"text": text, "who": who, "created_at": int(BEGAN + 20)}


def change(what: str, new: str, old: str | None = None) -> dict[str, Any]:
    """Return a line of the deal's history."""
    return {"at": BEGAN + 10, "what": what, "old": old, "new": new, "who": "Робот", "user_id": 0}


def step(kind: str, at: float, text: str = "", state: str = "done") -> dict[str, Any]:
    """Return a journal's step."""
    return {"kind": kind, "state": state, "at": int(at * 1000), "data": {"text": text}}


def ledger(number: int, do: dict[str, Any]) -> dict[str, Any]:
    """Return a row of the ledger."""
    return {"sk": f"T#000000000001#00000001#u0.{number}", "kind": "change", "arrival": 1, "applied": True, "change": do}


@pytest.fixture
def record() -> Record:
    """Return a customer whose one message was answered, with a field set and a task made."""
    return Record(
        talk=TALK,
        lines=[line("q5x0 здравствуйте", "customer"), line(REPLY)],
        deal={
            "history": [change(NAMES.overwritten, "t2")],
            "notes": [],
            "tasks": [{"text": "k3 перезвонить\n#dt:abc-1-x0.0"}],
        },
        state=State(ACCOUNT.conversation("chat-5"), arrived=1, customer_no=1, answered=1),
        items=[
            {"sk": "META"},
            {"sk": "T#000000000001", "kind": "message", "arrival": 1, "message_id": "m0", "text": "q5x0 здравствуйте"},
            ledger(0, {"do": "field", "field": "9", "value": ["text", "t2"]}),
            ledger(1, {"do": "task", "text": "k3 перезвонить", "marker": "abc-1-x0.0"}),
            {
                "sk": "TURN#00000001",
                "step_a0": step("answer", BEGAN + 5),
                "step_r0": step("reply", BEGAN + 15, REPLY),
            },
        ],
        said=[Said(5, "q5x0", "m0", BEGAN)],
        stored_at={"m0": BEGAN + 0.1},
    )


def judged(record: Record, left: Left = Left(0, 0, 0), calls: tuple[dict[str, Any], ...] = ()) -> Verdict:  # noqa: B008 (frozen)
    """Return the verdict on this customer alone."""
    mind = Mind(1)
    mind.planned = {"t2": 5, "t9": 6}
    records = Records([record], {"storm1": AccountRecord(list(calls), [])})
    return judge(records, mind, left, ())


def test_a_customer_who_was_answered_breaks_nothing(record: Record) -> None:
    """The record from which the others differ by one fault is without fault."""
    verdict = judged(record)
    assert verdict.violations == []
    assert verdict.outcomes == {"answered by a reply": 1}


def never_stored(record: Record) -> None:
    """Acknowledge a message without storing it."""
    record.said.append(Said(5, "q5x1", "m1", BEGAN))
    record.stored_at["m1"] = BEGAN


def unanswered(record: Record) -> None:
    """Let nothing be said."""
    record.lines.pop()


def said_twice(record: Record) -> None:
    """Send the reply twice."""
    record.lines.append(line(REPLY))


def answered_twice(record: Record) -> None:
    """Answer the same message in two turns."""
    again = "Ответ r9 на q5x0."
    record.lines.append(line(again))
    record.items.append({"sk": "TURN#00000002", "step_r0": step("reply", BEGAN + 16, again)})


def talked_over(record: Record) -> None:
    """Store an employee's message before the reply is begun."""
    record.employees.append(Said(5, "e5x1", "e1", BEGAN + 6))
    record.stored_at["e1"] = BEGAN + 7


def written_twice(record: Record) -> None:
    """Set the field twice to the same value."""
    record.deal["history"] += [change(NAMES.overwritten, "t3", "t2"), change(NAMES.overwritten, "t2", "t3")]


def outside_the_policy(record: Record) -> None:
    """Win the deal."""
    record.deal["history"].append(change("stage", f"{NAMES.pipeline} / Успешно реализовано"))


def not_in_the_ledger(record: Record) -> None:
    """Take the change's row away."""
    record.items = [item for item in record.items if "#u0.0" not in item["sk"]]


def lost_change(record: Record) -> None:
    """Let the ledger tell of a change that the CRM has not."""
    record.items.append(ledger(2, {"do": "field", "field": "9", "value": ["text", "t4"]}))


def task_twice(record: Record) -> None:
    """Create the task twice."""
    record.deal["tasks"] *= 2


def empty_claim(record: Record) -> None:
    """Let the reply claim a task that does not exist."""
    record.deal["tasks"].clear()
    record.items = [item for item in record.items if "#u0.1" not in item["sk"]]


def open_turn(record: Record) -> None:
    """Leave a turn open."""
    record.state = replace(record.state, turn=2)


def other_customers_change(record: Record) -> None:
    """Write what was planned in another conversation into this deal."""
    record.deal["history"].append(change(NAMES.overwritten, "t9", "t2"))
    record.items.append(ledger(3, {"do": "field", "field": "9", "value": ["text", "t9"]}))


def other_customers_words(record: Record) -> None:
    """Let another customer's words stand in this chat."""
    record.lines.append(line("q6x0 здравствуйте", "customer"))


@pytest.mark.parametrize(
    ("invariant", "break_it"),
    [
        (1, never_stored),
        (1, unanswered),
        (2, said_twice),
        (2, answered_twice),
        (3, talked_over),
        (4, written_twice),
        (4, outside_the_policy),
        (4, not_in_the_ledger),
        (4, lost_change),
        (4, task_twice),
        (4, other_customers_change),
        (5, empty_claim),
        (6, open_turn),
        (7, other_customers_words),
    ],
    ids=lambda each: getattr(each, "__name__", str(each)),
)
def test_a_broken_invariant_is_found(record: Record, invariant: int, break_it: Callable[[Record], None]) -> None:
    """One fault in the records breaks the invariant that it is about."""
    break_it(record)
    assert invariant in {violation.invariant for violation in judged(record).violations}


def test_a_storm_that_does_not_settle_is_a_violation(record: Record) -> None:
    """What is left at the end hangs."""
    assert [each.invariant for each in judged(record, Left(1, 0, 0)).violations] == [6]


def test_a_call_that_the_account_refuses_is_a_violation(record: Record) -> None:
    """A foreign token, a foreign id or a malformed body would be refused; what the storm itself answers would not."""
    refused = {"method": "GET", "path": "/api/v4/leads/9", "status": 401, "time": BEGAN}
    injected = {"method": "GET", "path": "/api/v4/leads/9", "status": 503, "time": BEGAN}
    assert [each.invariant for each in judged(record, calls=(refused, injected)).violations] == [7]


def test_a_message_under_a_handoff_is_handed_over(record: Record) -> None:
    """Note, task and the handoff's row in the timeline are what a person can see."""
    record.lines[1] = line(HANDOFF_WORDS)
    record.items[-1]["step_r0"]["data"]["text"] = HANDOFF_WORDS
    record.items.append({"sk": "T#000000000001#00000001#h", "kind": "handoff", "arrival": 1, "text": "why"})
    record.deal["notes"].append({"text": "why\n#dt:abc-1-h0"})
    record.deal["tasks"].append({"text": "A customer needs a person: why\n#dt:abc-1-h1"})
    record.items += [
        ledger(4, {"do": "note", "text": "why", "marker": "abc-1-h0"}),
        ledger(5, {"do": "task", "text": "why", "marker": "abc-1-h1"}),
    ]
    record.state = replace(record.state, mode=Mode.HUMAN)
    verdict = judged(record)
    assert verdict.violations == []
    assert verdict.outcomes == {"handed over": 1}
