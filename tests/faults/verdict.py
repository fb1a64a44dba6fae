"""The seven invariants, judged from the records alone.

What the customer got, what changed in the CRM and when, what was written into the table.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dealtalk.connections import Mode, UncertainSend
from dealtalk.conversation.state import State, turn_key
from dealtalk.conversation.table import Check, Update
from dealtalk.deals import AddNote, AddTag, AddTask, MoveStage, SetField
from tests.faults.company import CANNED, Company, Talk, is_draft
from tests.faults.scheduler import START
from tests.faults.storage import started_steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dealtalk.conversation.table import Item
    from tests.faults.accounts import Landed

QUESTION = re.compile(r"q\d+x\d+")
CLAIM = re.compile(r"\b(t\d+|k\d+|этап|человек)\b")
ALLOWED_FIELDS = {"101", "102", "103"}
FILL_EMPTY = {"101", "102"}
LEASE_SECONDS = 30.0
HANDOFF_STEP = re.compile(r"^(h|z)")


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that did not hold, and where."""

    invariant: int
    conversation: str
    what: str

    def __str__(self) -> str:
        """Return it in a line."""
        return f"invariant {self.invariant} broken, {self.conversation or 'everywhere'}: {self.what}"


@dataclass
class Verdict:
    """What was found; `excepted` counts what is allowed by a documented exception."""

    violations: list[Violation] = field(default_factory=list)
    excepted: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)

    def broken(self, invariant: int, talk: Talk | None, what: str) -> None:
        """Note a violation."""
        self.violations.append(Violation(invariant, talk.label if talk else "", what))


def judge(company: Company) -> Verdict:
    """Return what the records of a finished run say."""
    verdict = Verdict()
    for talk in company.talks:
        _answered(company, talk, verdict)
        _once(talk, verdict)
        _nobody_talked_over(company, talk, verdict)
        _claims(company, talk, verdict)
    _changes(company, verdict)
    _quiet(company, verdict)
    for trespass in (
        *company.storage.trespasses,
        *company.minds.trespasses,
        *(each for account in company.accounts for each in account.trespasses),
    ):
        verdict.broken(7, None, trespass)
    for failure in company.faulty_exits:
        verdict.broken(6, None, f"an error that nobody expects: {failure}")
    return verdict


def _answered(company: Company, talk: Talk, verdict: Verdict) -> None:
    """1. Every customer's message is answered by a later reply, covered by a person, or handed over."""
    state = company.state(talk)
    arrivals = _arrivals(company, talk)
    texts = [each.text for each in talk.account.delivered if each.chat_id == talk.chat.chat_id]
    covered = {marker for text in texts for marker in QUESTION.findall(text)}
    landed = _by_conversation(company, talk)
    tasks = [each for each in landed if isinstance(each.change, AddTask) and HANDOFF_STEP.match(each.step)]
    drafts = "\n".join(each.change.text for each in landed if isinstance(each.change, AddNote))
    never = company.profiles[talk.account.connection.profile].takeover.resume_after_minutes < 0
    for marker, message_id, said_at in talk.said:
        arrival = arrivals.get(message_id)
        if arrival is None:
            verdict.broken(1, talk, f"{marker} was never stored")
        elif marker in covered:
            verdict.outcomes["answered by a reply"] += 1
        elif arrival <= state.employee_no:
            verdict.outcomes["covered by a person's message"] += 1
        elif any(task.time >= said_at for task in tasks):
            verdict.outcomes["handed over"] += 1
        elif state.mode is Mode.HUMAN and (never or _polled(company, talk)):
            verdict.outcomes["a person leads for good"] += 1
        elif is_draft(company, talk) and marker in drafts:
            verdict.outcomes["drafted"] += 1
        elif _lost_in_the_bot(talk, marker):
            verdict.excepted["reply queued in the CRM, never seen, and nothing can show it"] += 1
        else:
            words = f"{marker} (arrival {arrival}) was neither answered nor handed over; {_words(state)}"
            verdict.broken(1, talk, words)


def _polled(company: Company, talk: Talk) -> bool:
    return bool(talk.employee) and company.state(talk).is_waiting is False


def _lost_in_the_bot(talk: Talk, marker: str) -> bool:
    account = talk.account
    launched = any(marker in each.text for each in account.launched if each.chat_id == talk.chat.chat_id)
    return launched and not account.kind.tells_outgoing and not account.kind.sees_texts


def _once(talk: Talk, verdict: Verdict) -> None:
    """2. No message is answered twice, and no reply text is sent twice in a turn."""
    account = talk.account
    mine = [each for each in account.delivered if each.chat_id == talk.chat.chat_id]
    resend = account.connection.uncertain_send is UncertainSend.RESEND and not account.kind.sees_texts
    for (turn, step, text), count in Counter((each.turn, each.step, each.text) for each in mine).items():
        if count > 1 and resend:
            verdict.excepted["sent again by uncertain_send: resend"] += count - 1
        elif count > 1:
            verdict.broken(2, talk, f"{text!r} was sent {count} times in {turn} {step}")
    turns: dict[str, set[str]] = defaultdict(set)
    for each in mine:
        for marker in QUESTION.findall(each.text):
            turns[marker].add(each.turn)
    for marker, answered_in in turns.items():
        if len(answered_in) > 1:
            verdict.broken(2, talk, f"{marker} was answered in {sorted(answered_in)}")


def _nobody_talked_over(company: Company, talk: Talk, verdict: Verdict) -> None:
    """3. No effect is begun after an employee's message was stored, until the resume rule allows it."""
    minutes = company.profiles[talk.account.connection.profile].takeover.resume_after_minutes
    employee_at: float | None = None
    for written in company.storage.log:
        for write in written.writes:
            if write.key[0] != talk.key.partition or isinstance(write, Check):
                continue
            values = write.values if isinstance(write, Update) else {}
            if write.key[1] == "META" and "employee_at" in values:
                employee_at = values["employee_at"] / 1000 - START.timestamp()
            if employee_at is None:
                continue
            for name, step in started_steps(write):
                spoken = step["kind"] == "reply"
                resumed = minutes >= 0 and written.time >= employee_at + minutes * 60 - 5
                if spoken and not resumed:
                    words = f"{name} was begun at {written.time:.1f}, a person leads since {employee_at:.1f}"
                    verdict.broken(3, talk, words)
                elif not spoken and not resumed and not HANDOFF_STEP.match(name):
                    verdict.broken(3, talk, f"{name} was begun at {written.time:.1f} while a person leads")
    _polled_in_time(talk, verdict)


def _polled_in_time(talk: Talk, verdict: Verdict) -> None:
    if talk.account.kind.tells_outgoing:
        return
    spoken = [each.time for each in talk.account.delivered if each.chat_id == talk.chat.chat_id]
    for _, at in talk.employee:
        if any(at < time < at + 600 for time in spoken):
            verdict.excepted["a reply within ten minutes of an employee's message that only asking could show"] += 1


def _changes(company: Company, verdict: Verdict) -> None:
    """4. No change twice, none lost, none outside the policy, each with its ledger row; none over a person's edit."""
    for account in company.accounts:
        labels = {talk.label: talk for talk in company.talks if talk.account is account}
        for each in account.landed:
            talk = labels[each.conversation]
            if not isinstance(each.change, AddNote | AddTask):
                _allowed(each, talk, verdict)
                _not_over_others(company, each, talk, verdict)
            if not _has_row(company, talk, each):
                verdict.broken(4, talk, f"{each.change} of {each.turn} {each.step} has no row in the ledger")
        requests = {(e.conversation, e.turn, e.step, str(e.change), e.time) for e in account.landed}
        counted = Counter(each[:-1] for each in requests)
        for (label, turn, step, change), count in counted.items():
            if count > 1:
                verdict.broken(4, labels[label], f"{change} was carried out {count} times in {turn} {step}")
        _none_lost(company, labels, account.landed, verdict)


def _allowed(each: Landed, talk: Talk, verdict: Verdict) -> None:
    match each.change:
        case SetField(field_id, _):
            fine = field_id in ALLOWED_FIELDS
        case MoveStage(pipeline_id, stage_id):
            fine = (pipeline_id, stage_id) == ("10", "12")
        case AddTag(tag):
            fine = tag == "ии"
        case _:
            fine = False
    if not fine or talk.account.crm.deal_of[talk.chat.chat_id] != each.deal_id:
        verdict.broken(4, talk, f"{each.change} on deal {each.deal_id} is outside the policy")


def _not_over_others(company: Company, each: Landed, talk: Talk, verdict: Verdict) -> None:
    """Nothing that a person set after the model had seen the deal, and before it was read again, is overwritten."""
    if not isinstance(each.change, SetField):
        return
    planned = company.minds.planned.get(str(each.change.value))
    if planned is None:
        return
    for edit in talk.account.edited:
        same = (edit.deal_id, edit.field_id) == (each.deal_id, each.change.field_id)
        if same and planned[1] < edit.time < each.read_at:
            verdict.broken(4, talk, f"{each.change} replaced {edit.value}, set by a person after the model had looked")
    for other in talk.account.landed:
        if (
            other.conversation != each.conversation
            and isinstance(other.change, SetField)
            and (other.deal_id, other.change.field_id) == (each.deal_id, each.change.field_id)
            and planned[1] < other.time < each.time < each.read_at + LEASE_SECONDS - 2
        ):
            verdict.broken(4, talk, f"{each.change} crossed {other.change} of {other.conversation} on the same deal")


def _has_row(company: Company, talk: Talk, each: Landed) -> bool:
    number = each.turn.removeprefix("TURN#")
    for key, item in company.storage.memory.items.items():
        if key[0] == talk.key.partition and item.get("kind") == "change" and f"#{number}#{each.step}." in key[1]:
            return True
    return False


def _none_lost(company: Company, labels: dict[str, Talk], landed: list[Landed], verdict: Verdict) -> None:
    """Check that what the ledger calls applied was carried out."""
    for talk in labels.values():
        steps = Counter((e.turn, e.step) for e in landed if e.conversation == talk.label)
        for key, item in company.storage.memory.items.items():
            if key[0] == talk.key.partition and item.get("kind") == "change" and item.get("applied"):
                _, turn, step = key[1].removeprefix("T#").split("#")
                name = step.rsplit(".", 1)[0]
                if not steps[f"TURN#{turn}", name] and not _was_so(item):
                    words = f"{item['text']!r} of turn {turn} {step} stands in the ledger, not in the CRM"
                    verdict.broken(4, talk, words)


def _was_so(item: Item) -> bool:
    """Return whether the deal held the value already, put there by somebody else: nothing was to be done."""
    return bool(item.get("change", {}).get("do") in {"stage", "add_tag"})


def _claims(company: Company, talk: Talk, verdict: Verdict) -> None:
    """5. A reply claims only what was done before it was sent."""
    landed = _by_conversation(company, talk)
    for reply in talk.account.delivered:
        if reply.chat_id != talk.chat.chat_id or reply.text == CANNED:
            continue
        before = [each.change for each in landed if each.time <= reply.time]
        for claim in CLAIM.findall(reply.text):
            if claim == "этап":
                fine = talk.account.crm.deals[talk.account.crm.deal_of[talk.chat.chat_id]].stage_id == "12"
            elif claim == "человек":
                fine = {AddNote, AddTask} <= {type(change) for change in before}
            elif claim.startswith("k"):
                fine = any(isinstance(change, AddTask) and claim in change.text for change in before)
            else:
                fine = any(isinstance(change, SetField) and change.value == claim for change in before)
            if not fine:
                verdict.broken(5, talk, f"{reply.text!r} claims {claim}, which was not done")


def _quiet(company: Company, verdict: Verdict) -> None:
    """6. Nothing hangs: some hours after the faults no turn is open, nobody waits, the queues are empty."""
    for talk in company.talks:
        state = company.state(talk)
        if state.turn is not None or (state.is_waiting and state.mode is not Mode.HUMAN):
            verdict.broken(6, talk, f"still open: {_words(state)}")
    if not company.is_quiet:
        verdict.broken(6, None, f"not quiet after {company.scheduler.time - company.fault_seconds:.0f} s")


def _arrivals(company: Company, talk: Talk) -> dict[str, int]:
    return {
        item["message_id"]: item["arrival"]
        for key, item in company.storage.memory.items.items()
        if key[0] == talk.key.partition and item.get("kind") == "message"
    }


def _by_conversation(company: Company, talk: Talk) -> list[Landed]:
    del company
    return [each for each in talk.account.landed if each.conversation == talk.label]


def _words(state: State) -> str:
    facts = {
        "mode": state.mode,
        "arrived": state.arrived,
        "customer": state.customer_no,
        "employee": state.employee_no,
        "answered": state.answered,
        "turn": state.turn,
        "due": state.due_at,
        "unconfirmed": state.unconfirmed is not None,
    }
    return ", ".join(f"{name} {value}" for name, value in facts.items() if value)


def turns_of(company: Company, talk: Talk) -> Iterator[Item]:
    """Yield the journals of a conversation."""
    for number in range(1, company.state(talk).fence + 1):
        item = company.storage.memory.items.get(turn_key(talk.key, number))
        if item:
            yield item
