"""Who writes in a run: customers in bursts, employees who cut in and edit deals, the CRM that tells of our words."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from dealtalk.messages import Author, InboundMessage
from tests.fakes.world import bare
from tests.faults.accounts import Account, Edited
from tests.faults.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.company import Company
    from tests.faults.scheduler import Process
    from tests.faults.talks import Talk

CALM_AFTER = 1000.0
"""Seconds after the last fault from which on a customer is answered as on any other day."""


@dataclass(eq=False)
class People:
    """All who write. `calm` is the customer who writes on a calm day, `last_word` when the last of them writes."""

    company: Company
    calm: Talk = field(init=False)
    last_word: float = field(init=False, default=0.0)

    def plan(self) -> None:
        """Let customers write in bursts, employees cut in, people edit deals."""
        for talk in self.company.talks:
            at = self.company.dice.between(0, self.company.fault_seconds / 2)
            for _ in range(self.company.random.choice([1, 1, 2, 3, 4])):
                self._plan(at, partial(self.customer_writes, talk))
                at += self.company.random.choice([0.3, 2.0, 6.0, 15.0, 60.0]) * self.company.dice.between(0.5, 1.5)
            if self.company.random.random() < 0.15:
                self._plan(
                    self.company.dice.between(0, self.company.fault_seconds), partial(self.employee_writes, talk)
                )
            if self.company.random.random() < 0.3:
                self._plan(self._some_time(), partial(self.person_edits, talk))
        self.calm = self.company.random.choice(self.company.talks)
        at = self.company.fault_seconds + CALM_AFTER
        for _ in range(self.company.random.choice([0, 1, 2, 3])):
            self._plan(at, lambda: self.customer_writes(self.calm))
            at += self.company.random.choice([0.4, 2.0, 5.0, 9.0])

    def _some_time(self) -> float:
        return self.company.dice.between(0, self.company.fault_seconds)

    def _plan(self, at: float, do: Callable[[], None]) -> None:
        self.last_word = max(self.last_word, at)
        self.company.scheduler.after(at, do)

    def customer_writes(self, talk: Talk, *, at_once: bool = False) -> None:
        """Let the customer write a message of its own marker."""
        marker = f"q{talk.label[1:]}x{len(talk.said) + 1}"
        message = self._message(talk, f"вопрос {marker}", Author.CUSTOMER)
        talk.said.append((marker, message.id, self.company.scheduler.time))
        self.company.outside.note("customer", talk.label, f"writes {marker}")
        self._tell(talk.account, message, at_once=at_once)

    def employee_writes(self, talk: Talk, text: str = "", *, at_once: bool = False) -> None:
        """Let an employee write; a webhook tells of it where this account has such."""
        message = self._message(talk, text or f"говорит человек {len(talk.employee) + 1}", Author.EMPLOYEE)
        talk.employee.append((message.id, self.company.scheduler.time, message.text))
        talk.account.crm.employee_writes(talk.chat.chat_id)
        self.company.outside.note("employee", talk.label, "writes")
        if talk.account.kind.tells_outgoing:
            self._tell(talk.account, message, at_once=at_once)

    def person_edits(self, talk: Talk) -> None:
        """Let a person set a field of the deal."""
        account, deal_id = talk.account, talk.account.crm.deal_of[talk.chat.chat_id]
        deal = account.crm.deals.get(deal_id)
        if deal is None:
            return
        field_id, value = self.company.random.choice(["101", "103", "103"]), f"человек{self.company.minds.number()}"
        account.crm.deals[deal_id] = replace(deal, fields={**deal.fields, field_id: value})
        account.edited.append(Edited(self.company.scheduler.time, deal_id, field_id, value))
        self.company.outside.note("employee", talk.label, f"sets {field_id} of {deal_id} to {value}")

    def _message(self, talk: Talk, text: str, author: Author, message_id: str | None = None) -> InboundMessage:
        number = len(talk.said) + len(talk.employee) + 1
        return InboundMessage(
            conversation=talk.key,
            chat=talk.chat,
            id=message_id or f"{talk.chat.chat_id}-m{number}-{author.value}",
            author=author,
            text=text,
            sent_at=self.company.scheduler.now(),
            outgoing=author is not Author.CUSTOMER,
        )

    def echo(self, account: Account, chat_id: str, text: str, message_id: str) -> None:
        """Let the CRM tell of our own message: early, late, twice."""
        talk = next(t for t in self.company.talks if t.account is account and t.chat.chat_id == chat_id)
        self.company.outside.note("crm", talk.label, f"customer gets {text!r}")
        if not account.kind.tells_outgoing:
            return
        author = Author.EMPLOYEE if account.kind.echo_by_owner else Author.BOT
        message = self._message(talk, text, author, message_id)
        # Where nobody else's name stands on it, the CRM itself knows what this app sent.
        self._tell(account, message, at_once=self.company.dice.coin(0.2), listed=account.kind.echo_by_owner)

    def _tell(self, account: Account, message: InboundMessage, *, at_once: bool, listed: bool = True) -> None:
        """Let the CRM tell of a message: whole, or by its id, and then it tells what it was when it is asked."""
        if account.kind.ids_only:
            if listed:
                account.crm.said[message.id] = message
            message = bare(message)
        self.company.traffic.bring(account, message, at_once=at_once)

    def interject(self, fault: Fault, process: Process, what: str) -> None:
        """Let a person act; an employee who writes while a reply goes out may write the very same words."""
        talk = next((t for t in self.company.talks if t.label == process.conversation), None)
        if talk is None:
            return
        if fault is Fault.CUSTOMER:
            self.company.scheduler.after(0, lambda: self.customer_writes(talk, at_once=True))
        elif fault is Fault.EMPLOYEE:
            same = what[6:-1] if what.startswith("send ") and self.company.dice.coin() else ""
            self.company.scheduler.after(0, lambda: self.employee_writes(talk, same, at_once=True))
        elif fault is Fault.EDIT:
            self.company.scheduler.after(0, lambda: self.person_edits(talk))
