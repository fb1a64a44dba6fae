"""Carrying out what the model planned: each effect once, under the journal, checked by a read-back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from dealtalk.agent.outcome import describe_result, result_text
from dealtalk.agent.tools import Handoff, PlannedAct, parse_call
from dealtalk.conversation.change_items import change_from_item, change_item, result_from_item, result_item
from dealtalk.conversation.journal import StepKind, StepState
from dealtalk.crm.readback import in_words, shown_hash
from dealtalk.deals import (
    AddNote,
    AddTag,
    AddTask,
    ChangeResult,
    Deal,
    DealAddition,
    DealSchema,
    DealUpdate,
    RemoveTag,
    updated,
)
from dealtalk.errors import DealtalkError, OutcomeUnknown
from dealtalk.ledger import ledger_rows, refused_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dealtalk.agent.profile import Profile
    from dealtalk.conversation.deal_lease import DealLease
    from dealtalk.conversation.journal import Journal, Step
    from dealtalk.ports import Clock, Crm, ToolCall

T = TypeVar("T")

NO_DEAL = "This conversation has no deal in the CRM, so nothing could be saved."
NOT_WRITTEN = "It was not written, because the deal had been changed by somebody else. Decide again."
ASKED_ALREADY = "A person was asked for already."
ENOUGH = "Too much was asked for in this turn already. Reply now."
MOST_WRITTEN = 100_000
"""Bytes of a turn's journal from which on nothing more is done: it has 400 KB, and a round may take 160."""

NOT_NOW = "The deal was changed by somebody else meanwhile: it is {value} now. Nothing was written here; decide again."


@dataclass(slots=True)
class Acts:
    """The effects of one turn.

    `deal` and `schema` are as the model knows them and follow what is done. `before_effect` is called before each
    effect and returns whether that effect may only start while no newer message of the customer has come. `place` is
    where notes and tasks go while there is no deal, see `ports.NotesWithoutDeal`. `handoff`
    is set once a person was asked for in the CRM; `results` collects what came of all that was carried out.
    """

    crm: Crm
    journal: Journal
    lease: DealLease
    profile: Profile
    clock: Clock
    deal: Deal | None
    schema: DealSchema
    refresh_schema: Callable[[], DealSchema]
    before_effect: Callable[[], bool]
    place: str | None = None
    results: list[ChangeResult] = field(default_factory=list)

    def act(self, index: int, calls: tuple[ToolCall, ...]) -> list[str]:
        """Carry out the calls of the model's answer `index` and return one result text per call.

        Raises Stopped where a person or a newer message came first, and what the CRM raises.
        """
        planned = self._plan(index, calls)
        results: list[list[ChangeResult]] = [[] for _ in planned]
        for (place, _), result in zip(*self._do_updates(index, planned), strict=True):
            results[place].append(result)
        for place, result in self._do_additions(index, planned, [r for each in results for r in each]):
            results[place].append(result)
        return [result_text(act, done, self.schema) for act, done in zip(planned, results, strict=True)]

    def hand_over(self, handoff: Handoff, name: str = "h") -> list[ChangeResult]:
        """Write the note and the task that ask for a person; the results are in that order. Raises as `act`."""
        return [self.add(f"{name}{place}", addition) for place, addition in enumerate(self._asking(handoff))]

    def _plan(self, index: int, calls: tuple[ToolCall, ...]) -> list[PlannedAct]:
        """Return what the calls come to.

        A plan that was made is kept: the deal has changed since by its own execution.
        """
        kept = self.journal.step(f"p{index}")
        if kept is not None:
            return [_plan_from_item(each) for each in kept.data["acts"]]
        planned = [self._parsed(call) for call in calls]
        if any(act.unknown_names for act in planned):
            self.schema = self.refresh_schema()
            planned = [self._parsed(call) for call in calls]
        if self.journal.size() > MOST_WRITTEN:
            planned = [replace(act, updates=(), additions=(), refusals=(ENOUGH,)) for act in planned]
        planned = self._asking_once(planned)
        acts = [_plan_item(act, self._hashes(self.deal, act.updates)) for act in planned]
        self.journal.hold(f"p{index}", StepKind.ANSWER, {"acts": acts})
        answer = self.journal.step(f"a{index}")
        beyond = len(answer.data["calls"]) - len(calls) if answer else 0
        # The answer and its plan are kept before anything happens: a crash below buys and plans nothing again.
        self.journal.flush(refused_rows(f"p{index}", planned, beyond))
        return planned

    def _asking_once(self, planned: list[PlannedAct]) -> list[PlannedAct]:
        """Leave one handoff to a turn: a flood of tasks would bury the one that matters."""
        asked = self.journal.step("handoff") is not None
        once = []
        for act in planned:
            again = asked and act.handoff is not None
            once.append(replace(act, handoff=None, refusals=(ASKED_ALREADY,)) if again else act)
            asked = asked or act.handoff is not None
        return once

    def _parsed(self, call: ToolCall) -> PlannedAct:
        return parse_call(call, profile=self.profile, schema=self.schema, deal=self.deal, now=self.clock.now())

    def _do_updates(
        self, index: int, planned: Sequence[PlannedAct]
    ) -> tuple[list[tuple[int, DealUpdate]], list[ChangeResult]]:
        """Write all updates of a round in one request; return them with their act's place, and the results in order."""
        wished = [(place, update) for place, act in enumerate(planned) for update in act.updates]
        if not wished:
            return [], []
        updates = [update for _, update in wished]
        step = self.journal.step(f"u{index}")
        if step is not None and step.state is StepState.DONE:
            known = {result.change: result for result in map(result_from_item, step.data["results"])}
            results = [known.get(u) or ChangeResult(u, applied=False, refusal=NOT_WRITTEN) for u in updates]
        elif self.deal is None:
            results = [ChangeResult(update, applied=False, refusal=NO_DEAL) for update in updates]
        else:
            results = self._write(f"u{index}", self.deal.id, updates, self._seen(index, updates))
        self._remember(results)
        return wished, results

    def _write(self, name: str, deal_id: str, updates: list[DealUpdate], seen: list[str]) -> list[ChangeResult]:
        with self.lease.held(deal_id):
            current = self.crm.read_deal(deal_id)
            before = self._hashes(current, updates)
            refused = {
                i: NOT_NOW.format(value=in_words(current, u, self.schema) or "empty")
                for i, u in enumerate(updates)
                if before[i] != seen[i] and not isinstance(u, AddTag | RemoveTag)
            }
            allowed = [update for place, update in enumerate(updates) if place not in refused]
            written: list[ChangeResult] = []
            if allowed:
                data = {
                    "changes": [change_item(update) for update in allowed],
                    "before": [before[place] for place in range(len(updates)) if place not in refused],
                    "old": [in_words(current, update, self.schema) for update in allowed],
                }
                step = self.journal.start(name, StepKind.UPDATE, data, fresh=self.before_effect())
                written = self._effect(step, lambda: self.crm.update_deal(current, allowed, self.schema))
            rest = iter(written)
            results = [
                ChangeResult(update, applied=False, refusal=refused[place]) if place in refused else next(rest)
                for place, update in enumerate(updates)
            ]
            if allowed:
                self.journal.finish(
                    step, {"results": [result_item(r) for r in results]}, ledger_rows(name, results, self.schema)
                )
        self.deal = current
        return results

    def _hashes(self, deal: Deal | None, updates: Sequence[DealUpdate]) -> list[str]:
        """Return what the deal shows where the updates point, in short."""
        return [] if deal is None else [shown_hash(deal, update, self.schema) for update in updates]

    def _seen(self, index: int, updates: Sequence[DealUpdate]) -> list[str]:
        """Return what the deal showed when the round was planned: after a crash it may have been changed since."""
        plan = self.journal.step(f"p{index}")
        seen = [each for act in plan.data["acts"] for each in act.get("seen", ())] if plan else []
        return seen if len(seen) == len(updates) else self._hashes(self.deal, updates)

    def _do_additions(
        self, index: int, planned: Sequence[PlannedAct], changed: list[ChangeResult]
    ) -> list[tuple[int, ChangeResult]]:
        wished = [(place, addition) for place, act in enumerate(planned) for addition in act.additions]
        self._account_for(wished, changed)
        done: list[tuple[int, ChangeResult]] = []
        for number, (place, addition) in enumerate(wished):
            result = self.add(f"x{index}.{number}", addition)
            if place >= 0:
                done.append((place, result))
        for place, act in enumerate(planned):
            if act.handoff is not None:
                results = self.hand_over(act.handoff, f"h{index}.{place}.")
                done += [(place, result) for result in results]
                if all(result.applied for result in results):
                    self.journal.hold("handoff", StepKind.ANSWER, {"reason": act.handoff.reason})
        return done

    def _account_for(self, wished: list[tuple[int, DealAddition]], changed: list[ChangeResult]) -> None:
        """Let the round's note say what was changed and what stood there before, so that a person can undo it."""
        lines = [describe_result(result, self.schema) for result in changed if result.applied]
        if not lines or not self.profile.changes.notes:
            return
        account = "\n".join([f"{self.profile.name} (bot):", *(f"- {line}" for line in lines)])
        for number, (place, addition) in enumerate(wished):
            if isinstance(addition, AddNote):
                wished[number] = (place, replace(addition, text=f"{addition.text}\n\n{account}"))
                return
        wished.append((-1, AddNote(account, "")))

    def _asking(self, handoff: Handoff) -> tuple[DealAddition, ...]:
        rules = self.profile.handoff
        people = self.schema.people_named(rules.task_person) if rules.task_person else ()
        due_at = self.clock.now() + timedelta(minutes=rules.due_minutes)
        note = "\n".join(text for text in (f"{self.profile.name} (bot): {handoff.reason}", handoff.summary) if text)
        task = f"{rules.task_text}: {handoff.reason}"
        return AddNote(note, ""), AddTask(task, due_at, "", people[0].id if len(people) == 1 else None)

    def add(self, name: str, addition: DealAddition) -> ChangeResult:
        """Create the note or task unless this step has done so. Raises as `act`."""
        step = self.journal.step(name)
        if step is not None and step.state is StepState.DONE:
            result = result_from_item(step.data["result"])
        elif (place := self.deal.id if self.deal else self.place) is None:
            result = ChangeResult(addition, applied=False, refusal=NO_DEAL)
        else:
            marked = replace(addition, marker=self._marker(name))
            data = {"change": change_item(marked), "place": place}
            step = self.journal.start(name, StepKind.ADDITION, data, fresh=self.before_effect())
            result = self._effect(step, lambda: self.crm.add(place, marked))
            self.journal.finish(step, {"result": result_item(result)}, ledger_rows(name, [result], self.schema))
        self._remember([result])
        return result

    def _effect(self, step: Step, effect: Callable[[], T]) -> T:
        """Do the effect of a started step; what surely did not happen is cancelled, what is unknown stays started."""
        try:
            return effect()
        except OutcomeUnknown:
            raise
        except DealtalkError:
            self.journal.cancel(step)
            raise

    def _marker(self, name: str) -> str:
        claim = self.journal.claim
        return f"{claim.state.conversation.id[:10]}-{claim.turn}-{name}"

    def _remember(self, results: Sequence[ChangeResult]) -> None:
        self.results += results
        if self.deal is not None:
            applied = [r.change for r in results if r.applied and not isinstance(r.change, AddNote | AddTask)]
            self.deal = updated(self.deal, applied)


def _plan_item(act: PlannedAct, seen: list[str]) -> dict[str, Any]:
    return {
        "call_id": act.call_id,
        "tool": act.tool,
        "updates": [change_item(update) for update in act.updates],
        "seen": seen,
        "additions": [change_item(addition) for addition in act.additions],
        "handoff": {"reason": act.handoff.reason, "summary": act.handoff.summary} if act.handoff else None,
        "refusals": list(act.refusals),
    }


def _plan_from_item(item: dict[str, Any]) -> PlannedAct:
    changes = [change_from_item(each) for each in (*item["updates"], *item["additions"])]
    return PlannedAct(
        call_id=item["call_id"],
        tool=item["tool"],
        updates=tuple(change for change in changes if not isinstance(change, AddNote | AddTask)),
        additions=tuple(change for change in changes if isinstance(change, AddNote | AddTask)),
        handoff=Handoff(**item["handoff"]) if item.get("handoff") else None,
        refusals=tuple(item["refusals"]),
    )
