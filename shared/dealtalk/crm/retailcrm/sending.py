"""The chat's side of an account: sending a reply, looking up what was said, leaving the dialog to a person.

Follows POST /api/bot/v1/messages, GET /messages, GET /dialogs, PATCH /dialogs/{id}/assign and /unassign.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from dealtalk.crm.retailcrm.api import numeric
from dealtalk.crm.retailcrm.errors import Refused
from dealtalk.crm.retailcrm.messages import author_of, moment_of, time_of
from dealtalk.errors import OutcomeUnknown, Permanent
from dealtalk.messages import Author, normalised_hash
from dealtalk.ports import Certainty, Receipt

if TYPE_CHECKING:
    from datetime import datetime

    from dealtalk.crm.retailcrm.api import Json, MgApi
    from dealtalk.crm.retailcrm.options import RetailcrmOptions
    from dealtalk.messages import Chat
    from dealtalk.ports import Clock

WAY = "mg"
PAGE = 100
SKEW = timedelta(seconds=5)
"""How far the CRM's clock may be behind ours."""

AHEAD = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Chats:
    """The chats of one account, as our bot may use them."""

    mg: MgApi
    options: RetailcrmOptions
    clock: Clock

    def send(self, chat: Chat, text: str) -> Receipt:
        """See `ports.Crm.send`: one call. The vendor delivers it later, and shows what failed in the chat alone."""
        body = {"type": "text", "scope": "public", "chat_id": numeric(chat.chat_id), "content": text}
        try:
            answer = self.mg.write("POST", "/messages", body)
        except Refused as refusal:
            msg = f"the CRM does not take a message for this chat ({refusal.status})"
            raise Permanent(msg) from None
        if not answer.get("message_id"):
            msg = "the CRM did not name the message that it was given"
            raise OutcomeUnknown(msg)
        return Receipt(str(answer["message_id"]), confirmed=True, way=WAY)

    def was_sent(self, chat: Chat, text: str, since: datetime) -> Certainty:
        """See `ports.Crm.was_sent`: one call. A message that the channel refused counts as not sent."""
        rows = self._said(chat, since - SKEW)
        wanted = normalised_hash(text)
        for row in rows:
            if (
                self._is_ours(row)
                and row.get("status") != "failed"
                and normalised_hash(str(row.get("content") or "")) == wanted
            ):
                return Certainty.YES
        return Certainty.NO if len(rows) < PAGE else Certainty.UNKNOWN

    def _is_ours(self, row: Json) -> bool:
        """Return whether our bot wrote this to the customer; any bot where ours is not known by its id."""
        sender = _sender(row)
        own = self.options.bot_id in {None, str(sender.get("id"))}
        return own and author_of(sender, self.options) is Author.BOT and row.get("scope") != "private"

    def person_wrote(self, chat: Chat, since: datetime) -> bool:
        """Return whether a person wrote in the chat after `since`, or took its dialog; one call, or two."""
        people = {Author.EMPLOYEE, Author.UNKNOWN}
        for row in self._said(chat, since):
            spoken = row.get("type") != "system" and row.get("scope") != "private"
            if spoken and author_of(_sender(row), self.options) in people and time_of(row, self.clock.now()) > since:
                return True
        if not self.options.assignment_is_takeover:
            return False
        responsible = _responsible(self._dialog(chat) or {})
        taken_at = moment_of(responsible.get("assigned_at"))
        return responsible.get("type") == "user" and (taken_at is None or taken_at > since)

    def leave_to_person(self, chat: Chat) -> None:
        """See `ports.Crm.leave_to_person`: the dialog goes to the chosen person, else it is freed of our bot.

        A dialog that a person has is left alone, and so is one that nobody has where nobody was chosen.
        """
        dialog = self._dialog(chat)
        if dialog is None or not dialog.get("id"):
            return
        responsible, path = _responsible(dialog), f"/dialogs/{numeric(dialog['id'])}"
        if responsible.get("type") == "user":
            return
        try:
            if self.options.handover_user_id:
                self.mg.write("PATCH", f"{path}/assign", {"user_id": numeric(self.options.handover_user_id)})
            elif responsible:
                self.mg.write("PATCH", f"{path}/unassign", {})
        except Refused as refusal:
            msg = f"the CRM does not let the dialog be passed on ({refusal.status})"
            raise Permanent(msg) from None

    def _said(self, chat: Chat, since: datetime) -> list[Json]:
        """Return the newest messages since then: a list that is bounded on both sides comes newest first."""
        until = self.clock.now() + AHEAD
        bounds = (("since", written_time(since)), ("until", written_time(until)))
        return self.mg.rows("/messages", [("chat_id", numeric(chat.chat_id)), *bounds, ("limit", PAGE)])

    def _dialog(self, chat: Chat) -> Json | None:
        rows = self.mg.rows("/dialogs", [("chat_id", numeric(chat.chat_id)), ("active", 1), ("limit", PAGE)])
        return max(rows, key=lambda row: int(row.get("id") or 0), default=None)


def written_time(moment: datetime) -> str:
    """Return a time as the MG Bot API takes it in a query."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _sender(row: Json) -> Json:
    sender = row.get("from")
    return sender if isinstance(sender, dict) else {}


def _responsible(dialog: Json) -> Json:
    responsible = dialog.get("responsible")
    return responsible if isinstance(responsible, dict) else {}
