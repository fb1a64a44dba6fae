"""Reading an account's own record of what was said, and taking in what no webhook brought.

What is read goes through the very intake that webhooks use, so that a webhook, its resend and the record are one
message by its id. The place moves only after everything before it was stored: a reader that dies loses nothing, and
the next one repeats nothing.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from dealtalk.connections import ConnectionState
from dealtalk.conversation import rules
from dealtalk.conversation.breaker import Breaker, crm_breaker
from dealtalk.conversation.intake import IntakeResult
from dealtalk.conversation.state import KEEP_SEEN_DAYS
from dealtalk.conversation.table import TableBusy
from dealtalk.errors import CrmUnavailable, DealtalkError, NeedsAttention, RateLimited, Retryable
from dealtalk.ports import IdsFirst
from dealtalk.recovery.bookmark import Bookmark, LeaseLost, start_anew

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dealtalk.connection_store import ConnectionStore
    from dealtalk.connections import Connection
    from dealtalk.conversation.intake import Intake
    from dealtalk.conversation.table import Table
    from dealtalk.messages import ConversationKey, InboundMessage
    from dealtalk.ports import Clock, History
    from dealtalk.watch import Watch

HORIZON = timedelta(hours=24)
LONGEST_HORIZON = timedelta(days=KEEP_SEEN_DAYS - 1)
"""Beyond it the records that messages are known have expired: they would come back as new ones."""

MAX_PAGES = 50
LEAST_SECONDS = 8.0
"""A page is not begun with less time left; reading it is given all but `STORING_SECONDS` of it."""

STORING_SECONDS = 4.0
DEFAULT_COOL_DOWN = 5.0
LONGEST_COOL_DOWN = 30.0
"""A refusal while looking after an account must not silence the bot for long: it may be a right that is missing."""


_WORDS: tuple[tuple[type[DealtalkError], str], ...] = (
    (RateLimited, "cools_down"),
    (CrmUnavailable, "crm_unavailable"),
    (TableBusy, "table_busy"),
    (Retryable, "postponed"),
    (NeedsAttention, "needs_attention"),
    (DealtalkError, "refused"),
)
_METRICS = {
    "cools_down": "CrmErrors",
    "crm_unavailable": "CrmErrors",
    "needs_attention": "NeedsAttention",
    "refused": "UnknownErrors",
    "unknown": "UnknownErrors",
}
_ALARMING = frozenset({"needs_attention", "refused", "unknown"})


@dataclass(frozen=True, slots=True)
class Read:
    """What came of reading one account: `why` is a fixed word, `taken` what the intake made of it.

    `too_old` messages were left, being older than the horizon; `at_end`: there is nothing more to read now.
    """

    why: str
    pages: int = 0
    too_old: int = 0
    at_end: bool = False
    taken: IntakeResult = field(default_factory=IntakeResult)


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads accounts, each by one reader at a time.

    `open_history` is given the connection and the seconds that are left for calls. `horizon`: how far back is read at
    most, less than the 30 days for which messages are known. `metric`: what stored messages are counted as.
    """

    table: Table
    connections: ConnectionStore
    intake: Intake
    clock: Clock
    watch: Watch
    open_history: Callable[[Connection, Callable[[], float]], History]
    horizon: timedelta = HORIZON
    metric: str = "MessagesFound"

    def __post_init__(self) -> None:
        """Refuse a horizon beyond which messages are not known any more."""
        if self.horizon > LONGEST_HORIZON:
            msg = "the horizon is beyond what is remembered"
            raise ValueError(msg)

    def catch_up(self, connection: Connection, seconds_left: Callable[[], float]) -> Read:
        """Read what is new, once, and return what came of it. Raises TableBusy."""
        self.watch.of_account(connection.crm, connection.id)
        bookmark, read = self.begin(connection)
        if bookmark is None:
            return self.told(read)
        read = self.go_on(connection, bookmark, seconds_left)
        self.end(bookmark, read)
        return self.told(read)

    def begin(self, connection: Connection) -> tuple[Bookmark | None, Read]:
        """Take the account's bookmark; None where nobody may read now, with the reason. Raises TableBusy."""
        if why := self.rests(connection):
            return None, Read(why)
        bookmark = Bookmark.take(self.table, self.clock, connection)
        return bookmark, Read("another_reader" if bookmark is None else "read")

    def go_on(self, connection: Connection, bookmark: Bookmark, seconds_left: Callable[[], float]) -> Read:
        """Read up to the record's end or until the time is over, and settle what went wrong. Never raises."""
        progress = _Progress()
        try:
            why = self._past_breaker(connection, bookmark, seconds_left, progress)
        except LeaseLost:
            why = "lease_lost"
        except _OutOfTime:
            why = "out_of_time"
        except DealtalkError as failure:
            why = self._settle(connection, failure)
        except Exception as failure:  # noqa: BLE001 (one account's fault must not keep the others from being read)
            why = self._failed("unknown", failure, connection)
        return progress.result(why)

    def end(self, bookmark: Bookmark, read: Read) -> None:
        """Give the bookmark back; where that fails its lease ends by itself."""
        with suppress(LeaseLost, TableBusy):
            bookmark.leave(read_to_end=read.at_end, failed_why=None if read.at_end else read.why)

    def told(self, read: Read) -> Read:
        """Log and count what came of reading, and return it."""
        taken = read.taken
        facts = {name: getattr(taken, name) or None for name in ("stored", "known", "echoes", "takeovers", "rung")}
        self.watch.say("history", why=read.why, pages=read.pages or None, too_old=read.too_old or None, **facts)
        if taken.stored:
            self.watch.count(self.metric, taken.stored)
        return read

    def rests(self, connection: Connection) -> str | None:
        """Return why an account is not read now; one that is off begins anew when it is switched on."""
        if connection.state is ConnectionState.OFF:
            start_anew(self.table, self.clock, connection)
            return "connection_off"
        waits = rules.may_work(connection, self.clock.now())
        return waits.why if waits else None

    def _past_breaker(
        self, connection: Connection, bookmark: Bookmark, seconds_left: Callable[[], float], progress: _Progress
    ) -> str:
        """Read unless the account's breaker is open; count a failure of the CRM there, as a turn does."""
        key, now = crm_breaker(connection), self.clock.now()
        breaker = Breaker(key, self.table.read([key]).get(key, {}))
        if breaker.rests_until(now) or not breaker.may_probe(self.table, now):
            return "crm_rests"
        try:
            why = self._pages(connection, bookmark, seconds_left, progress)
        except CrmUnavailable as failure:
            breaker.failed(self.table, self.clock.now())
            return self._settle(connection, failure)
        breaker.worked(self.table)
        return why

    def _pages(
        self, connection: Connection, bookmark: Bookmark, seconds_left: Callable[[], float], progress: _Progress
    ) -> str:
        floor = max(bookmark.since, self.clock.now() - self.horizon)

        def for_calls() -> float:
            return min(seconds_left(), bookmark.seconds_left()) - STORING_SECONDS

        def is_over() -> bool:
            return min(seconds_left(), bookmark.seconds_left()) < LEAST_SECONDS

        history = self.open_history(connection, for_calls)
        for _ in range(MAX_PAGES):
            if is_over():
                return "out_of_time"
            page = history.read(bookmark.cursor, floor)
            young = [message for message in page.messages if message.sent_at >= floor]
            for fresh in self._complete(history, young, is_over):
                progress.taken += self.intake.take(connection, fresh, found=True)
            bookmark.move(page.cursor, at_end=not page.more)
            progress.pages += 1
            progress.too_old += len(page.messages) - len(young)
            if not page.more:
                progress.at_end = True
                return "read"
        return "more_to_read"

    def _complete(
        self, history: History, messages: list[InboundMessage], is_over: Callable[[], bool]
    ) -> Iterator[Sequence[InboundMessage]]:
        """Yield the messages with their texts; where the record tells ids only, those that are new, chat by chat.

        Each chat's are stored before the next one's are asked for: where the time ends in between, they are known.
        Raises _OutOfTime.
        """
        if not isinstance(history, IdsFirst):
            if messages:
                yield messages
            return
        groups: dict[ConversationKey, list[InboundMessage]] = {}
        for message in self.intake.unknown(messages):
            groups.setdefault(message.conversation, []).append(message)
        for index, group in enumerate(groups.values()):
            if index and is_over():
                raise _OutOfTime
            if found := history.complete(group):
                yield found

    def _settle(self, connection: Connection, failure: DealtalkError) -> str:
        """Mark the connection as the failure demands, and return its word."""
        why = next(word for kind, word in _WORDS if isinstance(failure, kind))
        with suppress(TableBusy):
            if isinstance(failure, RateLimited):
                pause = min(failure.after or DEFAULT_COOL_DOWN, LONGEST_COOL_DOWN)
                self.connections.cool_down(connection, self.clock.now() + timedelta(seconds=pause))
            elif isinstance(failure, NeedsAttention):
                self.connections.needs_attention(connection, str(failure))
        return self._failed(why, failure, connection)

    def _failed(self, why: str, failure: Exception, connection: Connection) -> str:
        if metric := _METRICS.get(why):
            self.watch.count(metric)
        say = self.watch.error if why in _ALARMING else self.watch.warn
        say("the history was not read", why=why, error=type(failure).__name__, account=connection.account)
        return why


class _OutOfTime(Exception):
    """What was stored is known; the page is read again by the next run."""


@dataclass(slots=True)
class _Progress:
    """What was done before reading ended, however it ended."""

    pages: int = 0
    too_old: int = 0
    at_end: bool = False
    taken: IntakeResult = field(default_factory=IntakeResult)

    def result(self, why: str) -> Read:
        return Read(why, self.pages, self.too_old, self.at_end, self.taken)
