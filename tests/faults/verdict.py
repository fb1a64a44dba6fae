"""The seven invariants, judged from the records alone.

What the customer got, what changed in the CRM and when, what was written into the table.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from dealtalk.connections import Mode, UncertainSend
from dealtalk.conversation.state import milliseconds
from dealtalk.conversation.table import Put, Update
from dealtalk.deals import AddNote, AddTask
from tests.faults.company import is_draft
from tests.faults.deeds import judge_changes, judge_claims, judge_told, landed_of
from tests.faults.histories import history
from tests.faults.people import CALM_AFTER
from tests.faults.scheduler import START
from tests.faults.violations import Verdict

if TYPE_CHECKING:
    from dealtalk.conversation.state import State
    from tests.faults.company import Company
    from tests.faults.histories import Moment
    from tests.faults.talks import Talk

QUESTION = re.compile(r"q\d+x\d+")
MAX_WAIT = 20.0
ANSWER_WITHIN = 90.0
CLOCKS_DIFFER = 2100
"""Milliseconds: two machines' clocks are a second before and a second behind."""

HANDOFF_STEP = re.compile(r"^(h|z)")


def judge(company: Company) -> Verdict:
    """Return what the records of a finished run say."""
    verdict = Verdict()
    for talk in company.talks:
        _answered(company, talk, verdict)
        _once(talk, verdict)
        _nobody_talked_over(company, talk, verdict)
        _patience(company, talk, verdict)
        judge_claims(talk, verdict)
        judge_told(company, talk, verdict)
    _in_time(company, verdict)
    _timers(company, verdict)
    judge_changes(company, verdict)
    _slots(company, verdict)
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
    landed = landed_of(talk)
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
        elif any(marker in text for _, _, text in talk.employee):
            verdict.excepted["a person gave the answer in the very words of a reply whose id nobody knows"] += 1
        elif _lost_in_the_bot(company, talk, marker):
            verdict.excepted["reply queued in the CRM, never seen, and nothing can show it"] += 1
        else:
            words = f"{marker} (arrival {arrival}) was neither answered nor handed over; {_words(state)}"
            verdict.broken(1, talk, words)


def _polled(company: Company, talk: Talk) -> bool:
    return bool(talk.employee) and company.state(talk).is_waiting is False


def _lost_in_the_bot(company: Company, talk: Talk, marker: str) -> bool:
    """Return whether a bot was launched with the answer and nothing could show that it was dropped.

    So it is where texts cannot be read and no outgoing webhook comes, or none had come until then.
    """
    account = talk.account
    launched = [e.time for e in account.launched if e.chat_id == talk.chat.chat_id and marker in e.text]
    told_from = company.told_from(account)
    return bool(launched) and not account.kind.sees_texts and (told_from is None or min(launched) < told_from + 60)


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
    leads_since: float | None = None
    claimed_at = 0.0
    for moment in history(company, talk):
        if "employee_at" in moment.changed:
            leads_since = moment.changed["employee_at"] / 1000 - START.timestamp()
        elif moment.by_person:
            leads_since = moment.time
        if "fence" in moment.changed:
            claimed_at = moment.time
        for name, step in moment.started:
            spoken = step["kind"] == "reply"
            if spoken and name == "r0" and not talk.account.kind.tells_outgoing:
                _asked_in_time(talk, claimed_at, moment.time, minutes, verdict)
            if leads_since is None or (minutes >= 0 and moment.time >= leads_since + minutes * 60 - 5):
                continue
            if spoken or not HANDOFF_STEP.match(name):
                verdict.broken(
                    3, talk, f"{name} was begun at {moment.time:.1f}, a person leads since {leads_since:.1f}"
                )
    _heard(company, talk, verdict)


def _asked_in_time(talk: Talk, claimed_at: float, begun_at: float, minutes: int, verdict: Verdict) -> None:
    """Where only asking shows it: an employee's message from before the turn's claim stops its reply."""
    for _, at, _ in talk.employee:
        recent = minutes < 0 or begun_at < at + minutes * 60 - 5
        if at < claimed_at and recent:
            verdict.broken(3, talk, f"r0 was begun at {begun_at:.1f}, an employee wrote at {at:.1f} and nobody asked")
        elif at < begun_at and recent:
            verdict.excepted[
                "a reply begun in the seconds after an employee's message that only asking could show"
            ] += 1


def _heard(company: Company, talk: Talk, verdict: Verdict) -> None:
    """Each employee's message that a webhook brought silences the bot; nothing else passes for one."""
    items = company.storage.memory.items
    stored = {i["message_id"]: i for k, i in items.items() if k[0] == talk.key.partition and i.get("kind") == "message"}
    people = {message_id for message_id, _, _ in talk.employee}
    for message_id, item in stored.items():
        if item["author"] == "employee" and message_id not in people:
            ours = any(message_id == each.message_id for each in talk.account.delivered)
            unknown = ours and not _id_was_known(company, talk, message_id)
            if unknown:
                verdict.excepted["an echo under a person's name of a reply whose id was never known"] += 1
            else:
                verdict.broken(3, talk, f"our own reply {message_id} was taken for a person's message")
    if not talk.account.kind.tells_outgoing:
        return
    for _, at, text in talk.employee:
        silenced = any("employee_at" in m.changed and m.time >= at for m in history(company, talk))
        if silenced:
            continue
        same = [each for each in talk.account.delivered if each.text == text]
        if same and not any(_id_was_known(company, talk, each.message_id) for each in same):
            verdict.excepted["a person's message in the very words of a reply whose id nobody knows"] += 1
        else:
            verdict.broken(3, talk, f"the employee's message at {at:.1f} did not silence the bot")


def _id_was_known(company: Company, talk: Talk, message_id: str) -> bool:
    """Return whether the send's answer told this id to the process that committed its turn."""
    step = next(each for each in talk.account.delivered if each.message_id == message_id)
    item = company.storage.memory.items.get((talk.key.partition, step.turn), {})
    return bool(item.get(f"step_{step.step}", {}).get("data", {}).get("message_id") == message_id)


def _patience(company: Company, talk: Talk, verdict: Verdict) -> None:
    """2. No reply is begun beside a newer message, and no second answer is dropped, while the customer can wait."""
    stored_at: dict[int, float] = {}
    for written in company.storage.log:
        for write in written.writes:
            if isinstance(write, Put) and write.key[0] == talk.key.partition and write.item.get("kind") == "message":
                stored_at[write.item["arrival"]] = write.item["arrived_at"] / 1000 - START.timestamp()
    handed: set[str] = set()
    for moment in history(company, talk):
        before = moment.before
        dropped = bool(before.get("dropped"))
        if "step_needs_human" in moment.journal:
            handed.add(str(before.get("turn")))
        if moment.status == "dropped_superseded" and dropped:
            verdict.broken(2, talk, f"a second answer was dropped at {moment.time:.1f}")
        newest, seen = before.get("customer_no") or 0, before.get("turn_seen") or 0
        if newest <= seen or dropped or str(before.get("turn")) in handed:
            continue
        done = max(before.get("answered") or 0, before.get("employee_no") or 0)
        waiting = [at for arrival, at in stored_at.items() if done < arrival <= newest]
        first = any(name == "r0" for name, _ in moment.started)
        if first and waiting and moment.time - min(waiting) < MAX_WAIT - 2 and not _began_before(moment, talk, company):
            verdict.broken(2, talk, f"a reply was begun at {moment.time:.1f} though a newer message stood there")


def _began_before(moment: Moment, talk: Talk, company: Company) -> bool:
    """Return whether this reply had been begun once already: what is resent after settling is still the same reply."""
    turn = moment.before.get("turn")
    return any(
        name == "r0" and earlier.before.get("turn") == turn
        for earlier in history(company, talk)
        if earlier.time < moment.time
        for name, _ in earlier.started
    )


def _in_time(company: Company, verdict: Verdict) -> None:
    """1. On a calm day a customer is answered within a minute and a half."""
    talk = company.people.calm
    calm = company.fault_seconds + CALM_AFTER
    said = [(marker, at) for marker, _, at in talk.said if at >= calm]
    asking_finds = talk.employee and not talk.account.kind.tells_outgoing
    if not said or is_draft(company, talk) or asking_finds:
        return
    before = [moment for moment in history(company, talk) if moment.time < calm]
    meta = before[-1].before | before[-1].changed if before else {}
    if meta.get("mode") == "human" or meta.get("turn") or meta.get("unconfirmed") or meta.get("due_at"):
        return
    if company.busy_connections & {talk.account.connection.id}:
        return
    if any("employee_at" in moment.changed for moment in history(company, talk) if moment.time >= calm):
        return  # it was handed over in the calm itself: what came after waits for the person
    last = said[-1][1]
    delivered = [e for e in talk.account.delivered if e.chat_id == talk.chat.chat_id and e.time >= calm]
    for marker, at in said:
        times = [each.time for each in delivered if marker in each.text]
        asked = [e.time for e in talk.account.landed if e.conversation == talk.label and HANDOFF_STEP.match(e.step)]
        if _lost_in_the_bot(company, talk, marker):
            continue
        if not [time for time in times if time - last < ANSWER_WITHIN] and not [t for t in asked if t > at]:
            verdict.broken(1, talk, f"{marker} of a calm hour was answered {min(times, default=0) - last:.0f} s later")


def _timers(company: Company, verdict: Verdict) -> None:
    """6. A timer is claimed by one sweeper."""
    due = [(at, key, name) for at, key, reason, name in company.rings if reason == "due"]
    for (at, key, name), (next_at, next_key, next_name) in itertools.combinations(due, 2):
        if key == next_key and name != next_name and next_at - at < 30:
            verdict.broken(6, None, f"two sweepers rang for one timer at {at:.1f} and {next_at:.1f}")


def _slots(company: Company, verdict: Verdict) -> None:
    """6. A slot is one worker's: another neither takes nor frees it while it lasts, and who has ended keeps none."""
    held: dict[tuple[str, str], tuple[int, str]] = {}
    for written in company.storage.log:
        now = milliseconds(START) + written.time * 1000
        for write in written.writes:
            values = write.values if isinstance(write, Update) and write.key[1] == "RATE" else {}
            for name, value in values.items():
                if not name.startswith("slot_"):
                    continue
                place = (write.key[0], name)
                until, holder = held.pop(place, (0, ""))
                if until > now + CLOCKS_DIFFER and holder != written.process:
                    done = "freed" if value is None else "taken"
                    verdict.broken(6, None, f"{name} of {holder} was {done} by {written.process} at {written.time:.1f}")
                if value is not None:
                    held[place] = (value["until"], written.process)
    for worker in company.kept_slots:
        verdict.broken(6, None, f"{worker} has ended and keeps its slot")


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
