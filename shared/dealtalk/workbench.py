"""What a turn works with: its claim and journal, the CRM behind rate and breaker, the acts, the model, the clock."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from dealtalk.acts import Acts
from dealtalk.conversation import rules
from dealtalk.conversation.commit import Spent
from dealtalk.conversation.deal_lease import DealLease
from dealtalk.conversation.journal import Claim, FenceLost, Journal, TakenOver
from dealtalk.conversation.rules import Pace
from dealtalk.conversation.state import TIMELINE, State, meta_key, milliseconds, turn_key
from dealtalk.conversation.table import ConditionFailed, Update, equals
from dealtalk.conversation.timeline import Entry, read_entries
from dealtalk.conversation.timer import Postponed
from dealtalk.conversation.turnstile import Turnstile
from dealtalk.errors import DealGone, NeedsHuman, Retryable
from dealtalk.hydration import Hydrator
from dealtalk.ports import NotesWithoutDeal
from dealtalk.sending import Sending
from dealtalk.takeover import Gate, must_poll
from dealtalk.thinking import Meter, spent_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from dealtalk.agent.profile import Profile
    from dealtalk.connections import Connection, Mode
    from dealtalk.conversation.breaker import Breaker
    from dealtalk.conversation.table import Item
    from dealtalk.deals import Deal, DealSchema
    from dealtalk.ports import Crm
    from dealtalk.services import Services

THINKING_SECONDS = 60.0
SENDING_SECONDS = 15.0
"""What is kept back from thinking, so that the reply can still be sent and committed."""

BETWEEN_PROBES = timedelta(seconds=15)
MODEL_GONE = "the model cannot be reached"
FAR_BACK = timedelta(days=30)
POLL_OVERLAP = timedelta(minutes=2)
"""How far a question about employees' messages reaches back behind the last: clocks differ, and a CRM lists late."""

EXTRA_ENTRIES = 20
"""Entries of the timeline that are read beyond the history: changes and replies stand among the messages."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read in one go when the bell rang. `ring_arrival` is None for a ring that no message caused."""

    connection: Connection
    profile: Profile
    state: State
    ring_arrival: int | None
    schema_item: Item | None
    rate_item: Item | None
    day_tokens: int
    crm_breaker: Breaker
    model_breaker: Breaker


@dataclass(slots=True)
class Workbench:
    """Opens each of a turn's tools when it is first needed. `state` follows what the turn has written."""

    services: Services
    loaded: Loaded
    seconds_left: Callable[[], float]
    state: State = field(init=False)
    turnstile: Turnstile = field(init=False)
    journal: Journal | None = field(init=False, default=None)
    _crm: Crm | None = field(init=False, default=None)
    _began: datetime = field(init=False)
    _ours_since: datetime | None = field(init=False, default=None)
    _judged: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.state = self.loaded.state
        services, loaded = self.services, self.loaded
        self._began = services.clock.now()
        self.turnstile = Turnstile(
            services.table,
            services.clock,
            services.doorbell,
            loaded.connection,
            self.state.conversation,
            services.slots,
            loaded.rate_item,
        )

    def _claim(self, deal_id: str | None, *, resume: bool = False) -> Journal:
        """Become the conversation's one writer: raise the fence, bind the deal, open or take over the turn.

        `resume`: a person led, and the bot comes back. Raises FenceLost, TakenOver, TableBusy.
        """
        state, services = self.state, self.services
        fence = state.fence + 1
        turn = state.turn or fence
        seen = state.turn_seen if state.turn else state.customer_no
        mode = None if resume else state.mode
        values = {
            "fence": fence,
            "turn": turn,
            "turn_seen": seen,
            "deal_id": deal_id,
            "mode": mode.value if mode else None,
            "connection": self.loaded.connection.id,
            **({"unconfirmed": None} if self._judged else {}),
        }
        where = (
            equals("fence", state.fence or None),
            equals("mode", state.mode.value if state.mode else None),
            equals("employee_no", state.employee_no or None),
        )
        try:
            services.table.write(Update(meta_key(state.conversation), values, where=where))
        except ConditionFailed as failure:
            now = State.from_item(state.conversation, failure.old)
            raise (FenceLost() if now.fence != state.fence else TakenOver()) from None
        self._judged = False
        key = turn_key(state.conversation, turn)
        item = services.table.read([key]).get(key) if state.turn else None
        self.state = replace(state, fence=fence, turn=turn, turn_seen=seen, deal_id=deal_id, mode=mode)
        claim = Claim(self.state, turn=turn, fence=fence, seen=seen, mode=mode, deal_id=deal_id)
        return Journal(services.table, services.clock, claim, item, self._hear_now)

    def read_pending(self) -> None:
        """Learn who wrote what came as bare ids. Raises as `Hydrator.hear`."""
        if self.state.is_unread:
            hydrator = self._hydrator()
            self.state = hydrator.hear(self.state)
            self._was_told(hydrator)

    def _hear_now(self, journal: Journal) -> State:
        hydrator = self._hydrator()
        heard = hydrator.hear_now(journal)
        self._was_told(hydrator)
        self.state = replace(self.state, pending_no=heard.pending_no, read_no=heard.read_no)
        return heard

    def _hydrator(self) -> Hydrator:
        return Hydrator(self.services.table, self.services.clock, lambda: self.crm)

    def _was_told(self, hydrator: Hydrator) -> None:
        """Note that this account's webhook tells of what our side writes: nobody needs to be asked about that."""
        if hydrator.said_outgoing and not self.loaded.connection.outgoing_seen:
            self.services.connections.saw_outgoing(self.loaded.connection)

    def _open_journal(self) -> Journal:
        if self.journal is None:
            msg = "the turn was not claimed"
            raise AssertionError(msg)
        return self.journal

    @property
    def crm(self) -> Crm:
        """The CRM, reached through the turnstile: a slot is taken and calls are reserved before the first of them."""
        if self._crm is None:
            services, connection = self.services, self.loaded.connection
            self._pass_crm_breaker()
            services.schemas.known(connection, self.loaded.schema_item)
            self._crm = services.open_crm(connection, self.state.chat, self.seconds_left)
        return self._crm

    def _pass_crm_breaker(self) -> None:
        """Pass the turnstile between the breaker's two questions: only who has a slot may be the one that tries."""
        breaker, turnstile = self.loaded.crm_breaker, self.turnstile
        try:
            self._mind_rest(breaker, "crm_rests")
        except Postponed:
            turnstile.closed = True
            raise
        if wait := turnstile.enter(self._waiting_since, self.seconds_left()):
            self.services.clock.sleep(wait)
        try:
            self._probe(breaker, "crm_rests")
        except Postponed:
            # Who tries calls the others when it has worked.
            turnstile.closed = True
            turnstile.wait_here(self._waiting_since, called=False)
            raise

    @property
    def _waiting_since(self) -> datetime:
        state = self.state
        return state.waiting_since if state.is_asked and state.waiting_since else self._began

    def leave(self) -> None:
        """Give the slot back and let the next ones in; what cannot be written expires by itself."""
        try:
            self.turnstile.leave()
        except Retryable as failure:
            self.services.watch.warn("the slot was not given back", error=type(failure).__name__)

    def _acts(self, deal: Deal | None, schema: DealSchema, before_effect: Callable[[], bool]) -> Acts:
        state, services, connection = self.state, self.services, self.loaded.connection
        owner = f"{state.conversation.id}#{self._open_journal().claim.fence}"
        account = connection.account
        lease = DealLease(services.table, services.clock, crm=connection.crm, account=account, owner=owner)
        return Acts(
            crm=self.crm,
            journal=self._open_journal(),
            lease=lease,
            profile=self.loaded.profile,
            clock=services.clock,
            deal=deal,
            schema=schema,
            refresh_schema=lambda: services.schemas.refresh(connection, self.crm),
            before_effect=before_effect,
            place=self.crm.place_for_notes(state.chat) if isinstance(self.crm, NotesWithoutDeal) else None,
        )

    def _gate(self, *, fresh: bool) -> Gate:
        loaded, services = self.loaded, self.services
        since = None
        if must_poll(loaded.profile, loaded.connection):
            since = self._began - (self._pace().resume_after or FAR_BACK)
            # Who resumed the bot knew what the person had written until then.
            since = max(since, self.state.resumed_at or since)
            if self.state.polled_at is not None:
                since = max(since, self.state.polled_at - POLL_OVERLAP)
        return Gate(services.table, self.crm, self._open_journal(), services.clock, fresh=fresh, poll_since=since)

    def _sending(self) -> Sending:
        return Sending(self.services.table, self.crm, self._open_journal(), self.state.chat, self.services.clock)

    def _deal(self) -> Deal | None:
        """Read the deal that the turn is bound to; one that is gone or hidden counts as none."""
        deal_id = self._open_journal().claim.deal_id
        if deal_id is None:
            return None
        try:
            return self.crm.read_deal(deal_id, with_contact=self.loaded.profile.reads_contact != ())
        except DealGone:
            self.services.watch.warn("the deal is gone")
            return None

    def _schema(self) -> DealSchema:
        return self.services.schemas.get(self.loaded.connection, self.crm, self.loaded.schema_item)

    def _entries(self) -> list[Entry]:
        limit = self.loaded.profile.model.history_messages + EXTRA_ENTRIES
        items = self.services.table.newest(self.state.conversation.partition, TIMELINE, limit)
        return read_entries(items, up_to=self.state.arrived, now=self._began, after=self.state.forgotten)

    def _meter(self) -> Meter:
        profile, services, breaker = self.loaded.profile, self.services, self.loaded.model_breaker
        return Meter(
            services.open_model(profile),
            profile,
            self.state,
            f"{self._began:%Y-%m-%d}",
            self.loaded.day_tokens,
            before=lambda: self._pass_breaker(breaker, "model_rests"),
            worked=lambda: breaker.worked(services.table),
        )

    def _pass_breaker(self, breaker: Breaker, why: str) -> None:
        """Raise Postponed while the breaker is open, and while another worker tries whether it may be closed."""
        self._mind_rest(breaker, why)
        self._probe(breaker, why)

    def _mind_rest(self, breaker: Breaker, why: str) -> None:
        if until := breaker.rests_until(self.services.clock.now()):
            raise Postponed(until, why)

    def _probe(self, breaker: Breaker, why: str) -> None:
        now = self.services.clock.now()
        if not breaker.may_probe(self.services.table, now):
            raise Postponed(now + BETWEEN_PROBES, why)

    def give_up_on_the_model(self) -> None:
        """Raise NeedsHuman where the model has failed for longer than the profile lets a customer wait for it.

        The time runs from its first failure for what is unanswered, whatever the customer had waited for before.
        """
        now, first = self.services.clock.now(), self.state.model_failed_at
        if self._ours_since is None:
            return
        if first is None or first < self._ours_since:
            key = meta_key(self.state.conversation)
            self.services.table.write(Update(key, {"model_failed_at": milliseconds(now)}))
        elif now - first > timedelta(minutes=self.loaded.profile.timing.max_wait_for_model_minutes):
            raise NeedsHuman(MODEL_GONE)

    def _spent(self) -> Spent:
        return Spent() if self.journal is None else spent_in(self.journal, self.loaded.profile)

    def _thinking_left(self) -> float:
        used = (self.services.clock.now() - self._began).total_seconds()
        return min(THINKING_SECONDS - used, self.seconds_left() - SENDING_SECONDS)

    def _mode(self) -> Mode:
        return rules.effective_mode(self.state, self.loaded.connection, self.loaded.profile.mode)

    def _pace(self) -> Pace:
        timing, takeover = self.loaded.profile.timing, self.loaded.profile.takeover
        minutes = takeover.resume_after_minutes
        return Pace(
            quiet=timedelta(seconds=timing.quiet_seconds),
            max_wait=timedelta(seconds=timing.max_wait_seconds),
            max_age=timedelta(minutes=timing.max_age_to_answer_minutes),
            resume_after=None if minutes < 0 else timedelta(minutes=minutes),
        )
