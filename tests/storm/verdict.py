"""The seven invariants of docs/guarantees.md, judged from what a storm left behind."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dealtalk.connections import Mode
from tests.storm.crms import HANDOFF_WORDS
from tests.storm.mind import QUESTION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.storm.mind import Mind
    from tests.storm.records import AccountRecord, Record, Records
    from tests.storm.settling import Left

Json = dict[str, Any]
VALUE = re.compile(r"\bt\d+\b")
TASK = re.compile(r"\bk\d+\b")
CLAIM = re.compile(r"\b[tk]\d+\b")
EFFECT = re.compile(r"#dt:\S+")
HANDOFF_STEP = re.compile(r"^[hz]")
INJECTED = frozenset({429, 500, 502, 503, 0})
"""Statuses of calls that the storm itself makes; 0 is a cut connection. A real 429 is counted apart."""

GIVEN_UP = "the CRM gave up delivering it, the machine was too slow"
EFFECTS = frozenset({"reply", "update", "addition"})
RESUME_SLACK = 2.0


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that did not hold, and where."""

    invariant: int
    where: str
    what: str
    customer: int | None = None

    def __str__(self) -> str:
        """Return it in a line."""
        return f"invariant {self.invariant}, {self.where or 'everywhere'}: {self.what}"


@dataclass
class Verdict:
    """What was found: violations, what became of the customers' messages, and what a documented exception allows."""

    violations: list[Violation] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    excepted: Counter[str] = field(default_factory=Counter)

    def broken(self, invariant: int, record: Record | None, what: str) -> None:
        """Note a violation."""
        talk = record.talk if record else None
        where = f"customer {talk.customer} of {talk.account.name} ({talk.account.kind.title})" if talk else ""
        self.violations.append(Violation(invariant, where, what, talk.customer if talk else None))


def judge(records: Records, mind: Mind, left: Left, unknown_errors: Iterable[str]) -> Verdict:
    """Return what the records of a storm that was waited for say."""
    verdict = Verdict()
    for record in records.talks:
        _answered(record, verdict)
        _once(record, verdict)
        _nobody_talked_over(record, verdict)
        _changes(record, mind.planned, verdict)
        _additions(record, verdict)
        _claims(record, verdict)
        _settled(record, verdict)
        _own_words(record, verdict)
    for name, account in records.accounts.items():
        _accepted(name, account, verdict)
    if not left.nothing:
        words = f"{left.doorbells} doorbells, {left.timers} timers, {left.letters} dead letters"
        verdict.broken(6, None, f"not settled in time: {words}")
    for error in unknown_errors:
        verdict.broken(6, None, f"an error that nobody expects: {error}")
    for trespass in mind.trespasses:
        verdict.broken(7, None, trespass)
    return verdict


def _answered(record: Record, verdict: Verdict) -> None:
    """1. Every customer's message is answered, covered by a person or a later answer, or handed over."""
    covered = {found.group() for line in record.replies for found in QUESTION.finditer(line["text"])}
    handed = [item["arrival"] for item in record.entries("handoff")] if _asked(record) else []
    stored, state = record.messages, record.state
    for said in record.said:
        item = stored.get(said.message_id)
        if item is None and said.message_id not in record.stored_at:
            verdict.excepted[GIVEN_UP] += 1
        elif item is None:
            verdict.broken(1, record, f"{said.mark} was never stored")
        elif said.mark in covered:
            verdict.outcomes["answered by a reply"] += 1
        elif item["arrival"] <= state.employee_no:
            verdict.outcomes["covered by a person's message"] += 1
        elif any(arrival >= item["arrival"] for arrival in handed):
            verdict.outcomes["handed over"] += 1
        elif state.mode is Mode.HUMAN and record.talk.account.planned.resume_after_minutes < 0:
            verdict.outcomes["a person leads for good"] += 1
        elif _dropped_by_the_bot(record, said.mark):
            verdict.excepted["reply queued in the CRM, never seen, and nothing can show it"] += 1
        else:
            verdict.broken(1, record, f"{said.mark} (arrival {item['arrival']}) has no answer; {_words(record)}")


def _asked(record: Record) -> bool:
    """Return whether a person can see that they are asked for: the handoff's note and task stand in the deal."""
    asked = [task for task in record.deal["tasks"] if "A customer needs a person" in task["text"]]
    return bool(asked) and len(record.deal["notes"]) >= 1


def _dropped_by_the_bot(record: Record, mark: str) -> bool:
    """Return whether the answer was queued in a bot of the CRM, which dropped it, where nothing shows that."""
    if record.talk.account.kind.tells_outgoing:
        return False
    sent = (step for step in record.steps() if step.kind == "reply" and step.state == "done")
    return any(mark in step.data.get("text", "") and not step.data.get("confirmed") for step in sent)


def _once(record: Record, verdict: Verdict) -> None:
    """2. No message is answered twice, no reply is sent twice, none that no turn has begun."""
    begun = Counter(
        step.data.get("text", "") for step in record.steps() if step.kind == "reply" and step.state != "cancelled"
    )
    for text, count in Counter(line["text"] for line in record.replies).items():
        if count > begun[text]:
            verdict.broken(2, record, f"{text!r} was sent {count} times, begun {begun[text]} times")
    texts: dict[str, set[str]] = defaultdict(set)
    for line in record.replies:
        for found in QUESTION.finditer(line["text"]):
            texts[found.group()].add(line["text"])
    for mark, answers in texts.items():
        if len(answers) > 1:
            verdict.broken(2, record, f"{mark} was answered {len(answers)} times: {sorted(answers)}")


def _nobody_talked_over(record: Record, verdict: Verdict) -> None:
    """3. No effect is begun after an employee's message was stored, until the resume rule allows it."""
    minutes = record.talk.account.planned.resume_after_minutes
    first_answers: dict[int, float] = {}
    for step in record.steps():
        if step.kind == "answer" and step.name == "a0":
            first_answers[step.turn] = step.at
    for employee in record.employees:
        known_at = record.stored_at.get(employee.message_id)
        until = float("inf") if minutes < 0 else employee.at + minutes * 60 - RESUME_SLACK
        for step in record.steps():
            if step.kind not in EFFECTS or HANDOFF_STEP.match(step.name) or not employee.at < step.at < until:
                continue
            # Where nothing tells of employees, the CRM is asked between the model's first answer and the first effect.
            asked_at = first_answers.get(step.turn, 0.0)
            knew = known_at is not None and step.at > known_at
            if knew or (not record.talk.account.kind.tells_outgoing and asked_at > employee.at + 1):
                late = step.at - employee.at
                verdict.broken(
                    3, record, f"{step.name} of turn {step.turn} was begun {late:.1f} s after {employee.mark}"
                )
            elif not record.talk.account.kind.tells_outgoing:
                verdict.excepted["an effect begun just after an employee's message that only asking shows"] += 1


def _changes(record: Record, planned: Mapping[str, int], verdict: Verdict) -> None:
    """4. No deal change twice, none lost, none outside the policy, each in the ledger, none of another conversation."""
    names, history = record.talk.account.kind.names, record.deal["history"]
    values = Counter(change["new"] for change in history if VALUE.fullmatch(change["new"] or ""))
    for change in history:
        if not _allowed(change, record):
            verdict.broken(4, record, f"{change['what']} became {change['new']!r}, which the policy does not allow")
        if change["what"] == names.filled_once and change["old"]:
            verdict.broken(4, record, f"{change['what']} was filled again: {change['old']!r} became {change['new']!r}")
    ledger = [item for item in record.entries("change") if item.get("change")]
    rows = {item["change"]["value"][1] for item in ledger if item["change"]["do"] == "field" and item["applied"]}
    tried = {item["change"]["value"][1] for item in ledger if item["change"]["do"] == "field"}
    for value, count in values.items():
        if count > 1:
            verdict.broken(4, record, f"{value} was written {count} times")
        if planned.get(value) != record.talk.customer:
            verdict.broken(4, record, f"{value} was planned for customer {planned.get(value)}")
        if value not in tried:
            verdict.broken(4, record, f"{value} has no row in the ledger")
    for value in rows - set(values):
        verdict.broken(4, record, f"{value} stands in the ledger, not in the CRM")


def _allowed(change: Json, record: Record) -> bool:
    names = record.talk.account.kind.names
    match change["what"]:
        case "stage":
            fine = bool(change["new"] == f"{names.pipeline} / {names.goal}")
        case "tags":
            fine = bool(change["new"] == names.tag)
        case name if name in {names.overwritten, names.filled_once}:
            fine = bool(VALUE.fullmatch(change["new"] or ""))
        case name:
            fine = name in {names.reply_field, "task"}  # the simulator tells of new tasks in the history too
    return fine


def _additions(record: Record, verdict: Verdict) -> None:
    """4. Each note and task is created once and has its row in the ledger."""
    texts = [str(each["text"]) for each in (*record.deal["notes"], *record.deal["tasks"])]
    created = Counter(mark for text in texts for mark in EFFECT.findall(text))
    ledger = [item for item in record.entries("change") if (item.get("change") or {}).get("do") in {"note", "task"}]
    rows = {f"#dt:{item['change']['marker']}": item["applied"] for item in ledger}
    for mark, count in created.items():
        if count > 1:
            verdict.broken(4, record, f"the note or task {mark} was created {count} times")
        if mark not in rows:
            verdict.broken(4, record, f"the note or task {mark} has no row in the ledger")
    for mark, applied in rows.items():
        if applied and mark not in created:
            verdict.broken(4, record, f"the note or task {mark} stands in the ledger, not in the CRM")


def _claims(record: Record, verdict: Verdict) -> None:
    """5. A reply claims only what was done."""
    tasks = {mark for task in record.deal["tasks"] for mark in TASK.findall(task["text"])}
    for line in record.replies:
        before = {change["new"] for change in record.deal["history"] if change["at"] <= line["created_at"] + 1}
        for claim in CLAIM.findall(line["text"]):
            if claim not in (tasks if claim.startswith("k") else before):
                verdict.broken(5, record, f"{line['text']!r} claims {claim}, which was not done")


def _settled(record: Record, verdict: Verdict) -> None:
    """6. Nothing hangs: no turn is open, and nobody waits but for a person."""
    state = record.state
    if state.turn is not None or (state.is_waiting and state.mode is not Mode.HUMAN):
        verdict.broken(6, record, f"still open: {_words(record)}")


def _own_words(record: Record, verdict: Verdict) -> None:
    """7. Neither the chat nor the table holds another customer's words."""
    texts = [line["text"] for line in record.lines] + [item.get("text", "") for item in record.messages.values()]
    strangers = {owner for text in texts for owner, _ in QUESTION.findall(text)} - {str(record.talk.customer)}
    if strangers:
        verdict.broken(7, record, f"words of the customers {sorted(strangers)}")
    known = any(line["text"] != HANDOFF_WORDS and not line["text"].startswith("Ответ r") for line in record.replies)
    if known:
        verdict.broken(2, record, "the bot said what neither its model nor its profile holds")


def _accepted(name: str, account: AccountRecord, verdict: Verdict) -> None:
    """7. No account was called in a way that it refuses: no foreign token or id, nothing malformed."""
    refused = Counter(
        (call["method"], call["path"], call["status"])
        for call in account.calls
        if call["status"] >= 300 and call["status"] not in INJECTED and not _is_setup(call)
    )
    for (method, path, status), count in refused.items():
        verdict.broken(7, None, f"{name} refused {method} {path} with {status}, {count} times")


def _is_setup(call: Json) -> bool:
    return "/webhooks" in call["path"] or "/bots" in call["path"]


def _words(record: Record) -> str:
    state = record.state
    facts = {
        "mode": state.mode and state.mode.value,
        "arrived": state.arrived,
        "customer": state.customer_no,
        "employee": state.employee_no,
        "answered": state.answered,
        "turn": state.turn,
        "due": state.due_at,
        "unconfirmed": state.unconfirmed is not None,
        "redrives": state.redrives,
    }
    return ", ".join(f"{name} {value}" for name, value in facts.items() if value)
