"""Invariants 4 and 5: what was changed in the CRM, and what the replies say of it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from dealtalk.conversation.change_items import change_item
from dealtalk.deals import AddNote, AddTag, AddTask, MoveStage, SetField
from tests.faults.talks import CANNED

if TYPE_CHECKING:
    from dealtalk.conversation.table import Item
    from tests.faults.accounts import Landed
    from tests.faults.company import Company
    from tests.faults.talks import Talk
    from tests.faults.violations import Verdict

CLAIM = re.compile(r"\b(t\d+|k\d+|этап|человек)\b")
ALLOWED_FIELDS = {"101", "102", "103"}
LEASE_SECONDS = 30.0


def judge_changes(company: Company, verdict: Verdict) -> None:
    """4. No change twice, none lost, none outside the policy, each with its ledger row; none over a person's edit."""
    for account in company.accounts:
        labels = {talk.label: talk for talk in company.talks if talk.account is account}
        for each in account.landed:
            talk = labels[each.conversation]
            if not isinstance(each.change, AddNote | AddTask):
                _allowed(each, talk, verdict)
                _not_over_others(company, each, talk, verdict)
            rows = _rows(company, talk, each)
            if not rows:
                verdict.broken(4, talk, f"{each.change} of {each.turn} {each.step} has no row in the ledger")
            if _replaced_what_it_saw(each, talk) and not any(row.get("old") for row in rows):
                verdict.broken(4, talk, f"{each.change} replaced {each.replaced}, of which the ledger knows nothing")
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
        same = (
            other.conversation != each.conversation
            and isinstance(other.change, SetField)
            and (other.deal_id, other.change.field_id) == (each.deal_id, each.change.field_id)
        )
        if not same or not planned[1] < other.time < each.time:
            continue
        if each.time > each.read_at + LEASE_SECONDS - 2 or other.time > other.read_at + LEASE_SECONDS - 2:
            verdict.excepted["a request that acted after its lease on the deal had run out"] += 1
        elif other.time > each.read_at or each.read_at < planned[1]:
            verdict.broken(4, talk, f"{each.change} crossed {other.change} of {other.conversation} on the same deal")


def _rows(company: Company, talk: Talk, each: Landed) -> list[Item]:
    number, wished = each.turn.removeprefix("TURN#"), change_item(each.change)
    return [row for key, row in _ledger(company, talk) if f"#{number}#" in key and row.get("change") == wished]


def _replaced_what_it_saw(each: Landed, talk: Talk) -> bool:
    """Return whether a change replaced the very value that stood there when the deal was read for it."""
    if each.replaced is None or not isinstance(each.change, SetField):
        return False
    field_id, span = each.change.field_id, (each.read_at, each.time)
    edits = [e.time for e in talk.account.edited if (e.deal_id, e.field_id) == (each.deal_id, field_id)]
    changes = [
        other.time
        for other in talk.account.landed
        if other.deal_id == each.deal_id and isinstance(other.change, SetField) and other.change.field_id == field_id
    ]
    return not any(span[0] <= at < span[1] for at in (*edits, *changes))


def _ledger(company: Company, talk: Talk) -> list[tuple[str, Item]]:
    return [
        (key[1], item)
        for key, item in company.storage.memory.items.items()
        if key[0] == talk.key.partition and item.get("kind") == "change"
    ]


def _none_lost(company: Company, labels: dict[str, Talk], landed: list[Landed], verdict: Verdict) -> None:
    """Find what the ledger calls applied and the CRM never carried out."""
    for talk in labels.values():
        done = [change_item(each.change) for each in landed if each.conversation == talk.label]
        for key, row in _ledger(company, talk):
            if row.get("applied") and row["change"] not in done and not _was_so(row):
                verdict.broken(4, talk, f"{row['text']!r} at {key} stands in the ledger, not in the CRM")


def _was_so(item: Item) -> bool:
    """Return whether the deal held the value already, put there by somebody else: nothing was to be done."""
    return bool(item.get("change", {}).get("do") in {"stage", "add_tag"})


def judge_claims(talk: Talk, verdict: Verdict) -> None:
    """5. A reply claims only what was done before it was sent."""
    landed = landed_of(talk)
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


def judge_told(company: Company, talk: Talk, verdict: Verdict) -> None:
    """5. The model is told of all that was done in its turn: its reply claims each field that its turn has set."""
    said: dict[str, str] = defaultdict(str)
    for reply in talk.account.delivered:
        if reply.chat_id == talk.chat.chat_id:
            said[reply.turn] += " " + reply.text
    for key, row in _ledger(company, talk):
        turn, step = f"TURN#{key.split('#')[2]}", key.split("#")[3]
        change = row.get("change") or {}
        if row.get("applied") and change.get("do") == "field" and change["field"] != "102" and said.get(turn):
            whole = "Ответ" in said[turn] and _is_whole(company, talk, turn)
            if whole and change["value"][1] not in said[turn]:
                verdict.broken(5, talk, f"the reply of {turn} knows nothing of {change['value'][1]}, set by {step}")


def _is_whole(company: Company, talk: Talk, turn: str) -> bool:
    """Return whether all parts of a turn's reply reached the customer."""
    item = company.storage.memory.items.get((talk.key.partition, turn), {})
    parts = item.get("step_r0", {}).get("data", {}).get("parts", [])
    got = {each.text for each in talk.account.delivered if each.turn == turn and each.chat_id == talk.chat.chat_id}
    return bool(parts) and set(parts) <= got


def landed_of(talk: Talk) -> list[Landed]:
    """Return all that a conversation's turns carried out in the CRM."""
    return [each for each in talk.account.landed if each.conversation == talk.label]
