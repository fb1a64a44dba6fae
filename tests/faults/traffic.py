"""Webhooks on their way: delivered late, twice and out of order, and again after a failure as amoCRM does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dealtalk.ingress.deadline import DeadlinePassed
from tests.faults.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from dealtalk.messages import InboundMessage
    from tests.faults.accounts import Account
    from tests.faults.faults import Dice
    from tests.faults.scheduler import Ended, Process, Scheduler

AGAIN_AFTER = (300.0, 900.0, 900.0, 3600.0)
"""Seconds until a failed webhook comes again: https://www.amocrm.ru/developers/content/crm_platform/webhooks-api."""

DEADLINE = 1.6


@dataclass
class Traffic:
    """Carries webhooks to the intake. `receive` starts one invocation and reports how it ended."""

    scheduler: Scheduler
    dice: Dice
    receive: Callable[[Account, tuple[InboundMessage, ...], bool, Callable[[Ended], None]], Process]
    note: Callable[[str, str, str], None]
    lost: list[str]
    under_way: int = 0

    def bring(self, account: Account, *messages: InboundMessage, at_once: bool = False) -> None:
        """Let the CRM send a webhook, and again until it is content or gives up."""
        if at_once:
            self._try(account, messages, 0, at_once=True)
            return
        seconds = self.dice.between(0.05, 0.6)
        if self.dice.webhook():
            if self.dice.coin():
                self.dice.happened(Fault.WEBHOOK_DOUBLED)
                self._later(self.dice.between(0.1, 30), account, messages, 0)
            else:
                self.dice.happened(Fault.WEBHOOK_LATE)
                seconds += self.dice.between(1, 40)
        self._later(seconds, account, messages, 0)

    def _later(self, seconds: float, account: Account, messages: tuple[InboundMessage, ...], attempt: int) -> None:
        self.under_way += 1

        def arrive() -> None:
            self.under_way -= 1
            self._try(account, messages, attempt, at_once=False)

        self.scheduler.after(seconds, arrive)

    def _try(self, account: Account, messages: tuple[InboundMessage, ...], attempt: int, *, at_once: bool) -> None:
        self.under_way += 1

        def ended(outcome: Ended) -> None:
            self.under_way -= 1
            if not outcome.killed and outcome.error is None:
                return
            self.note("webhook", "", f"failed: {outcome.error or 'killed'}; attempt {attempt + 1}")
            if attempt < len(AGAIN_AFTER):
                self._later(AGAIN_AFTER[attempt], account, messages, attempt + 1)
            else:
                self.lost.extend(message.id for message in messages)

        process = self.receive(account, messages, at_once, ended)

        def too_late() -> None:
            if not process.is_over:
                self.dice.happened(Fault.WEBHOOK_DEADLINE)
                process.throw(DeadlinePassed("not done in time"))

        self.scheduler.after(DEADLINE, too_late)
