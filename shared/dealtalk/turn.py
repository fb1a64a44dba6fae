"""One turn of one conversation: settle what is unfinished, decide, think, send, commit.

`Turn.run` reads as that list.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dealtalk.agent.names import works_here
from dealtalk.agent.profile import text_for
from dealtalk.agent.reply import clean_reply
from dealtalk.agent.tools import Handoff
from dealtalk.connections import Mode
from dealtalk.conversation import rules
from dealtalk.conversation.commit import Ending, abandon, commit
from dealtalk.conversation.journal import StepKind, StepState
from dealtalk.conversation.rules import Decision, Doing
from dealtalk.conversation.state import meta_key
from dealtalk.conversation.table import ConditionFailed, Update, equals
from dealtalk.conversation.timeline import Done, Entry, EntryKind
from dealtalk.conversation.timer import set_timer
from dealtalk.conversation.turnstile import LOOK_AFTER
from dealtalk.deals import AddNote
from dealtalk.errors import NeedsAttention, NeedsHuman, Permanent, Retryable
from dealtalk.ports import Certainty
from dealtalk.sending import UNCERTAIN, Sent
from dealtalk.settle import BELIEVE_NO_AFTER, Settler
from dealtalk.thinking import (
    Drafter,
    only_unreadable,
    spoken_language,
    think_reply,
    unreadable_note,
    unreadable_reply,
)
from dealtalk.workbench import MODEL_GONE, Workbench

if TYPE_CHECKING:
    from datetime import datetime

    from dealtalk.acts import Acts
    from dealtalk.conversation.journal import Journal
    from dealtalk.conversation.state import OpenReply
    from dealtalk.deals import Deal, DealSchema

UNREAD = "the customer wrote something that did not reach the bot: please read the chat"
SILENT_HANDOFFS = frozenset({"too_old", UNCERTAIN})
"""Reasons of which the customer is not told: the question is of another day, or a reply may just have reached them."""


@dataclass(slots=True)
class Turn(Workbench):
    """The work of one wake-up in one conversation."""

    def run(self) -> Decision:
        """Do what there is to do and return it.

        Raises Stopped where a person, a newer message or another worker came first, Postponed, and the families of
        `errors`.
        """
        now, mode = self._began, self._mode()
        if waits := rules.may_work(self.loaded.connection, now):
            return self._kept_out(waits)
        if mode is not Mode.OFF:
            self.read_pending()
            mode = self._mode()
        if self.state.turn is not None:
            self._settle()
            if self._sending().is_begun():
                return self._finish(self._rest_of_reply(mode))
            self._go_on_handing_over(mode)
        if waits := self._confirm():
            return self._look_again(waits)
        if why := self._needless(mode):
            self.drop(why)
        if waits := rules.decide_mode(self.state, mode, self._pace(), now):
            return self._look_again(waits)
        entries = self._entries()
        waiting = rules.waiting_messages(self.state, entries)
        decision = rules.decide_answer(self.state, waiting, self._pace(), now, ring_arrival=self.loaded.ring_arrival)
        if decision.doing is Doing.HAND_OVER:
            raise NeedsHuman(decision.why)
        if decision.doing is not Doing.ANSWER:
            return self._look_again(decision)
        if self.loaded.profile.is_silent(now):
            return self._look_again(Decision(Doing.LOOK_AGAIN, "closed", at=self.loaded.profile.opens_at(now)))
        self._ours_since = rules.answerable_since(self.state, waiting[0].stored_at, self._pace(), now)
        if rests := self.loaded.model_breaker.rests_until(now):
            self.give_up_on_the_model()
            return self._look_again(Decision(Doing.LOOK_AGAIN, "model_rests", at=rests))
        return self._answer(entries, waiting, decision, mode)

    def _answer(self, entries: list[Entry], waiting: list[Entry], decision: Decision, mode: Mode) -> Decision:
        """Think and act, then speak, then commit."""
        if self.journal is None:
            resume = self.state.mode is Mode.HUMAN
            self.journal = self._claim(self.crm.find_deal(self.state.chat), resume=resume)
        deal, schema = self._deal(), self._schema()
        if deal is not None and not self._works_here(deal, schema):
            return self._commit(Ending("outside"), Decision(Doing.NOTHING, "outside_its_stages"))
        if any(entry.unread for entry in waiting):
            raise NeedsHuman(UNREAD)
        gate = self._gate(fresh=decision.fresh)
        acts = self._acts(deal, schema, gate.before_act)
        if mode is Mode.DRAFT:
            return self._draft(acts, entries, waiting)
        text = self._text(acts, entries, waiting)
        sent = self._sending().send(text, before_effect=gate.before_reply)
        return self._finish(sent, waiting)

    def _works_here(self, deal: Deal, schema: DealSchema) -> bool:
        """Return whether the bot answers where the deal stands; it does where it moved the deal itself."""
        moved_by_us = self.state.dropped or bool(self._open_journal().steps(StepKind.UPDATE))
        return moved_by_us or works_here(self.loaded.profile, schema, deal)

    def _text(self, acts: Acts, entries: list[Entry], waiting: list[Entry]) -> str:
        profile = acts.profile
        if only_unreadable(waiting):
            if acts.deal is not None:
                acts.add("n0", unreadable_note(profile, waiting))
            return unreadable_reply(profile, entries)
        thought = think_reply(
            acts=acts, model=self._meter(), entries=entries, waiting=waiting, seconds_left=self._thinking_left
        )
        text = clean_reply(thought.text, profile)
        if not text:
            msg = "nothing was left of the model's reply after it was cleaned"
            raise NeedsHuman(msg)
        return text

    def _draft(self, acts: Acts, entries: list[Entry], waiting: list[Entry]) -> Decision:
        """Write the reply and the changes that it would have made as a note for a person."""
        drafter = Drafter(acts)
        thought = think_reply(
            acts=acts,
            model=self._meter(),
            entries=entries,
            waiting=waiting,
            seconds_left=self._thinking_left,
            draft=drafter,
        )
        reply = clean_reply(thought.text, acts.profile)
        lines = [
            f"{acts.profile.name} (bot), draft reply:",
            reply,
            *(f"- would do: {line}" for line in drafter.proposals),
        ]
        result = acts.add("draft", AddNote("\n".join(lines), ""))
        if not result.applied:
            msg = "the draft could not be written into the CRM"
            raise NeedsHuman(msg)
        self.services.watch.count("Drafts")
        return self._commit(Ending("drafted", spent=self._spent()), Decision(Doing.ANSWER, "drafted"))

    def hand_over(self, reason: str) -> Decision:
        """Tell a person by a note and a task, and pause. `reason` is a fixed sentence, without customer text."""
        journal = self._journal_to_hand_over()
        journal.hold("needs_human", StepKind.ANSWER, {"reason": reason})
        journal.flush()
        acts = self._acts(self._deal(), self._schema(), lambda: False)
        results = acts.hand_over(Handoff(reason, ""))
        if not all(result.applied for result in results):
            self.services.watch.count("HandoffsFailed")
            self.services.watch.count("NeedsAttention")
            self.services.watch.error("the handoff could not be written into the CRM", why=reason)
        self.services.watch.count("Handoffs")
        done = Done(EntryKind.HANDOFF, "h", reason, {})
        ending = Ending("handed_over", done=(done,), person=True, spent=self._spent())
        text = self._words_of_handoff(reason)
        # While a person leads, or where the bot only drafts, the customer hears nothing of it.
        if text and self._mode() is Mode.AUTO and self.state.is_waiting and reason not in SILENT_HANDOFFS:
            sent = self._words_sent(text)
            if sent is not None:
                ending = replace(
                    ending,
                    done=(sent.entry(), done),
                    last=sent.last,
                    own_ids=sent.own_ids,
                    unconfirmed=sent.unconfirmed,
                )
        self._leave_to_person()
        return self._commit(ending, Decision(Doing.HAND_OVER, "handed_over"))

    def _words_sent(self, text: str) -> Sent | None:
        """Tell the customer that a person takes over; None where this chat takes no message of ours any more.

        People have been told by then, so that must not keep the handoff from being committed.
        """
        sending = self._sending()
        try:
            return sending.send(text, before_effect=self._gate(fresh=False).before_reply)
        except NeedsAttention:
            raise
        except Permanent as refused:
            self.services.watch.warn("the customer cannot be told of the handoff", error=type(refused).__name__)
            return sending.so_far() if sending.is_begun() else None

    def _leave_to_person(self) -> None:
        """Tell the CRM that a person leads from now on; where it does not take that, note and task must do.

        It comes last, since the bot may not speak any more after it, and it is repeated where the commit was not made.
        """
        if self._mode() is not Mode.AUTO:
            return
        try:
            self.crm.leave_to_person(self.state.chat)
        except (Retryable, Permanent) as failure:
            self.services.watch.count("CrmErrors")
            self.services.watch.warn(
                "the chat could not be passed to a person in the CRM", error=type(failure).__name__
            )

    def _journal_to_hand_over(self) -> Journal:
        """Return the turn's journal, claimed; what an unfinished turn had begun is settled before it is added to."""
        if self.journal is None and self.state.turn is not None:
            self._settle()
        if self.journal is None:
            self.journal = self._claim(self.crm.find_deal(self.state.chat))
        return self.journal

    def _words_of_handoff(self, reason: str) -> str | None:
        """Return what the customer is told when a person takes over; None where the profile says nothing."""
        profile = self.loaded.profile
        texts = profile.handoff.customer_message
        if reason == MODEL_GONE:
            texts = profile.handoff.holding_message or texts
        return text_for(texts, spoken_language(profile, self._entries())) if texts else None

    def stop(self) -> Decision:
        """End the turn because a person took over: what is out of the reply is committed, the rest given up.

        The ring sees the new mode and sets the timer by it; else the sweeper's back-off would decide about the resume.
        """
        if self.journal is not None and self.journal.steps(StepKind.REPLY, StepState.DONE):
            return self._finish(self._sending().so_far())
        self.drop("taken_over")
        return self.ring_again("taken_over")

    def drop(self, why: str) -> None:
        """End the turn without an answer; what it changed stays in the timeline and stands in the next prompt."""
        if self.journal is None:
            return
        superseded = why in {"superseded", "stale"}
        ending = Ending(f"dropped_{why}", spent=self._spent())
        services, claim = self.services, self.journal.claim
        abandon(services.table, services.clock, self.journal, self.loaded.connection.id, ending, superseded=superseded)
        dropped = self.state.dropped or superseded
        self.state = replace(self.state, fence=claim.fence, turn=None, turn_seen=0, open_reply=None, dropped=dropped)
        self.journal = None
        services.watch.say("turn dropped", why=why)

    def look_again_at(self, at: datetime | None, why: str) -> Decision:
        """Set the conversation's timer; None removes it unless something newer has arrived."""
        return self._look_again(Decision(Doing.LOOK_AGAIN, why, at=at))

    def ring_again(self, why: str) -> Decision:
        """Ring once more, by the queue's delay."""
        return self._look_again(Decision(Doing.RING_AGAIN, why))

    def come_back(self, why: str) -> Decision:
        """Ring once more, a slot kept free until then: no receive is burnt, however often that happens."""
        self.turnstile.wait_here(self._waiting_since, called=True)
        return self.ring_again(why)

    def _kept_out(self, waits: Decision) -> Decision:
        """Do not work for this account now.

        A short cool-down is waited out in line: who was told of it comes back by itself, tries, and calls the others.
        """
        self.turnstile.closed = True
        if not self.turnstile.slots or waits.why != rules.COOLS_DOWN or not rules.is_soon(waits.at, self._began):
            return self._look_again(waits)
        if self.turnstile.is_called:
            return self.come_back(waits.why)
        self.turnstile.wait_here(self._waiting_since, called=False)
        return self.look_again_at(self._began + LOOK_AFTER, waits.why)

    def _look_again(self, decision: Decision) -> Decision:
        services = self.services
        if self._judged:
            fence = equals("fence", self.state.fence or None)
            with suppress(ConditionFailed):  # another worker has the conversation, and judges by itself
                services.table.write(Update(meta_key(self.state.conversation), {"unconfirmed": None}, where=(fence,)))
        set_timer(services.table, services.doorbell, services.watch, self.state, self.loaded.connection.id, decision)
        return decision

    def _settle(self) -> None:
        """Claim the unfinished turn and resolve what it had begun."""
        self.journal = self._claim(self.state.deal_id)
        if any(self.journal.steps(kind) for kind in (StepKind.UPDATE, StepKind.ADDITION, StepKind.REPLY)):
            settler = Settler(
                self.crm, self.journal, self.services.clock, self.state.chat, self.loaded.connection.uncertain_send
            )
            settler.settle(self._schema())

    def _rest_of_reply(self, mode: Mode) -> Sent:
        """Send what is left of a reply that was begun, unless a person has stopped it since."""
        sending = self._sending()
        return sending.so_far() if mode in {Mode.HUMAN, Mode.OFF} else sending.go_on()

    def _go_on_handing_over(self, mode: Mode) -> None:
        """Raise NeedsHuman where the turn was being handed over: a newer message does not make that stale.

        Nothing may be waiting either: a reply that was never seen is handed over after its turn. Only a person who
        leads by now needs no telling.
        """
        begun = self._open_journal().step("needs_human")
        if begun is not None and mode not in {Mode.HUMAN, Mode.OFF}:
            raise NeedsHuman(begun.data["reason"])

    def _needless(self, mode: Mode) -> str | None:
        """Return why an unfinished turn must not go on, if so.

        The customer wrote again, the bot may not speak, or an overtaken worker has answered.
        """
        if self.journal is None:
            return None
        if self.state.customer_no > self.state.turn_seen or mode in {Mode.HUMAN, Mode.OFF}:
            return "stale"
        return None if self.state.is_waiting else "answered_already"

    def _confirm(self) -> Decision | None:
        """Judge the last reply where it went by a way that returns no id; return what to do while that is not known.

        Within a minute nothing but its being seen counts. A question that waits is answered meanwhile only where
        nothing could show the reply.
        """
        last = self.state.unconfirmed
        if last is None:
            return None
        if self.state.confirmed < last.turn:
            believable = last.since + BELIEVE_NO_AFTER
            early, waits = self._began < believable, self.state.is_waiting
            if early and not waits:
                return Decision(Doing.LOOK_AGAIN, "reply_not_seen_yet", at=believable)
            told = self.loaded.connection.outgoing_seen
            certainty = Certainty.UNKNOWN if early and told else self._was_sent(last)
            if early and certainty is not Certainty.YES and (told or certainty is Certainty.NO):
                return Decision(Doing.RING_AGAIN, "reply_not_seen_yet")
            self._judge_unconfirmed(certainty)
        self._has_judged()
        return None

    def _has_judged(self) -> None:
        """Note that the last reply needs no look any more; the claim writes it, or the timer where there is none."""
        self.state = replace(self.state, unconfirmed=None)
        self._judged = True

    def _was_sent(self, last: OpenReply) -> Certainty:
        return self.crm.was_sent(self.state.chat, self.state.deal_id, last.text, last.since)

    def _judge_unconfirmed(self, certainty: Certainty) -> None:
        if certainty is Certainty.YES:
            return
        self.services.watch.count("RepliesUnconfirmed")
        if certainty is Certainty.NO or self.loaded.connection.outgoing_seen:
            # It stays noted until the handoff's commit, since the worker may die before that.
            raise NeedsHuman(UNCERTAIN)

    def _finish(self, sent: Sent, waiting: list[Entry] | None = None) -> Decision:
        """Commit a reply that is out."""
        watch, journal = self.services.watch, self._open_journal()
        watch.count("Replies")
        if waiting:
            took = self.services.clock.now() - waiting[0].stored_at
            watch.took("TimeToReply", took.total_seconds() * 1000)
        asked = journal.step("handoff") or journal.step("needs_human")
        reason = asked.data["reason"] if asked else None
        if sent.uncertain:
            reason = UNCERTAIN
            self._acts(self._deal(), self._schema(), lambda: False).hand_over(Handoff(reason, ""), "z")
        done = [sent.entry()]
        if reason is not None:
            watch.count("Handoffs")
            done.append(Done(EntryKind.HANDOFF, "z", reason, {}))
            self._leave_to_person()
        ending = Ending(
            "replied",
            done=tuple(done),
            last=sent.last,
            own_ids=sent.own_ids,
            unconfirmed=sent.unconfirmed,
            person=reason is not None,
            replied=True,
            spent=self._spent(),
        )
        return self._commit(ending, Decision(Doing.ANSWER, "replied"))

    def _commit(self, ending: Ending, decision: Decision) -> Decision:
        services = self.services
        commit(services.table, services.clock, self._open_journal(), self.loaded.connection.id, ending)
        self.loaded.crm_breaker.worked(services.table)
        spent = ending.spent
        if spent.tokens:
            services.watch.count("ModelTokensIn", spent.input)
            services.watch.count("ModelTokensOut", spent.output)
            services.watch.count("ModelCostMicroUsd", spent.micro_usd)
        return decision
