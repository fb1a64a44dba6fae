"""Sending a reply into the customer's channel, by the ways that the connection allows, in its order.

Follows Kommo's "Chats API add-on" (POST /api/v4/talks/{talk_id}/send_message) and the Salesbot calls.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from dealtalk.crm.amocrm.api import number
from dealtalk.crm.amocrm.errors import Refused, ScopeMissing, Unpaid
from dealtalk.crm.amocrm.options import SalesbotRun, Way
from dealtalk.errors import NeedsAttention, OutcomeUnknown, Permanent, Retryable
from dealtalk.messages import normalised_hash
from dealtalk.ports import Certainty, Receipt

if TYPE_CHECKING:
    from datetime import datetime

    from dealtalk.crm.amocrm.api import Api, Json
    from dealtalk.crm.amocrm.history import ChatHistory
    from dealtalk.crm.amocrm.options import AmocrmOptions
    from dealtalk.crm.amocrm.waiting import WaitingBots
    from dealtalk.crm.reply_ways import OnFallback, ReplyWays
    from dealtalk.messages import Chat

LEAD = 2
"""The number of leads in API v2."""

NOT_FOUND = 404
UNPROCESSABLE = 422
SKEW = timedelta(seconds=5)
"""How far the CRM's clock may be behind ours; it keeps whole seconds."""

_log = logging.getLogger(__name__)


class Reason(StrEnum):
    """Why a way of sending was left for the next one."""

    UNPAID = "unpaid"
    SCOPE = "scope"
    TALK_CLOSED = "talk_closed"
    TALK_GONE = "talk_gone"
    REFUSED = "refused"
    NO_TALK = "no_talk"
    NO_DEAL = "no_deal"
    NOT_SET_UP = "not_set_up"
    NOT_WAITING = "not_waiting"


ACCOUNT_WIDE = frozenset({Reason.UNPAID, Reason.SCOPE})
WORDS = {
    Reason.UNPAID: "the Chats API add-on is not paid for or its quota is used up",
    Reason.SCOPE: "the integration lacks the scope for sending to external chats",
    Reason.TALK_CLOSED: "the talk is closed",
    Reason.TALK_GONE: "the talk does not exist",
    Reason.REFUSED: "the CRM refused the message",
    Reason.NO_TALK: "the message named no talk",
    Reason.NO_DEAL: "the chat has no deal",
    Reason.NOT_SET_UP: "no reply field and bot are set up",
    Reason.NOT_WAITING: "no bot waits on the deal",
}


class WayClosed(Exception):
    """This way cannot be gone now; the next one is tried."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(slots=True)
class Sender:
    """Sends for one connection. `fallbacks` counts the ways that were left, by way and reason."""

    api: Api
    options: AmocrmOptions
    history: ChatHistory
    connection: str
    ways: ReplyWays
    waiting: WaitingBots
    on_fallback: OnFallback | None
    fallbacks: dict[tuple[str, str], int]

    def send(self, chat: Chat, deal_id: str | None, text: str) -> Receipt:
        """See `ports.Crm.send`. Raises NeedsAttention where only the integrator can open a way, else Permanent."""
        reasons: dict[Way, Reason] = {}
        for way in self.options.send_order:
            closed = self.ways.closed(self.connection, way, _talk(chat))
            if closed:
                reasons[way] = Reason(closed.reason)
                continue
            try:
                return self._by(way, chat, deal_id or chat.deal_id, text)
            except WayClosed as left:
                reasons[way] = left.reason
                self._leave(way, left.reason, chat)
        sentence = "no way to send into this chat: " + "; ".join(f"{way}: {WORDS[why]}" for way, why in reasons.items())
        if reasons.keys() and all(reason in ACCOUNT_WIDE | {Reason.NOT_SET_UP} for reason in reasons.values()):
            raise NeedsAttention(sentence)
        raise Permanent(sentence)

    def lane(self, chat: Chat, deal_id: str | None) -> str | None:
        """Return the lead whose Salesbot and reply field the next reply needs, None where the talk takes it.

        A second chat of that lead has to wait: its text would replace the first before the bot has read it, and its
        bot would be dropped. A talk that is found closed in the very act of sending goes on by Salesbot without that.
        """
        for way in self.options.send_order:
            if way is not Way.TALKS:
                return deal_id or chat.deal_id
            if chat.talk_id is not None and not self.ways.closed(self.connection, way, _talk(chat)):
                return None
        return None

    def was_sent(self, chat: Chat, deal_id: str | None, text: str, since: datetime) -> Certainty:
        """See `ports.Crm.was_sent`.

        By texts where the account shows them. An event has no text: a robot's message counts as ours from that very
        second on, not from a little before it as a text does, since it might be the reply before this one. The absence
        of an event proves nothing, since a queued Salesbot may still send.
        """
        seen = self.history.outgoing(chat, deal_id, since - SKEW)
        if seen is None:
            return Certainty.UNKNOWN
        wanted, begun = normalised_hash(text), since.replace(microsecond=0)
        ours = (each for each in seen.messages if not each.by_person)
        if any(each.at >= begun if each.text is None else normalised_hash(each.text) == wanted for each in ours):
            return Certainty.YES
        return Certainty.NO if seen.complete else Certainty.UNKNOWN

    def _by(self, way: Way, chat: Chat, deal_id: str | None, text: str) -> Receipt:
        match way:
            case Way.TALKS:
                return self._by_talk(chat, text)
            case Way.SALESBOT:
                return self._by_salesbot(deal_id, text)
            case Way.WIDGET:
                return self._by_waiting_bot(deal_id, text)

    def _by_talk(self, chat: Chat, text: str) -> Receipt:
        if chat.talk_id is None:
            raise WayClosed(Reason.NO_TALK)
        try:
            answer = self.api.write("POST", f"/api/v4/talks/{number(chat.talk_id)}/send_message", {"text": text})
        except Unpaid:
            raise WayClosed(Reason.UNPAID) from None
        except ScopeMissing:
            raise WayClosed(Reason.SCOPE) from None
        except Refused as refusal:
            by_status = {NOT_FOUND: Reason.TALK_GONE, UNPROCESSABLE: Reason.TALK_CLOSED}
            raise WayClosed(by_status.get(refusal.status, Reason.REFUSED)) from None
        message_id = answer.get("id")
        return Receipt(str(message_id) if message_id else None, confirmed=bool(message_id), way=Way.TALKS)

    def _by_salesbot(self, deal_id: str | None, text: str) -> Receipt:
        """Write the text into the lead's field, wait for the answer, then start the bot that sends the field.

        A lost answer of the first call leaves the customer's chat untouched, so it is only Retryable. The second is
        answered when the bot is queued; a bot that finds another one running on the lead is dropped in silence.
        """
        field_id, bot_id = self.options.reply_field_id, self.options.bot_id
        if field_id is None or bot_id is None:
            raise WayClosed(Reason.NOT_SET_UP)
        if deal_id is None:
            raise WayClosed(Reason.NO_DEAL)
        lead = number(deal_id)
        value = {"field_id": number(field_id), "values": [{"value": text}]}
        try:
            self.api.write("PATCH", f"/api/v4/leads/{lead}", {"custom_fields_values": [value]})
        except Refused:
            raise WayClosed(Reason.REFUSED) from None
        except OutcomeUnknown as error:
            msg = "the reply's field may not be written; nothing was sent yet"
            raise Retryable(msg, after=error.after) from None
        try:
            self._run_bot(number(bot_id), lead)
        except Refused:
            raise WayClosed(Reason.REFUSED) from None
        return Receipt(None, confirmed=False, way=Way.SALESBOT)

    def _by_waiting_bot(self, deal_id: str | None, text: str) -> Receipt:
        """Let the bot that waits on the lead go on with the text; it does so once, and says what the text is later.

        Follows POST /api/v4/{salesbot|marketingbot}/{bot_id}/continue/{continue_id}: 202 is "queued", 404 "no bot
        waits there any more".
        """
        if deal_id is None:
            raise WayClosed(Reason.NO_DEAL)
        path = self.waiting.take(str(number(deal_id)), timedelta(minutes=self.options.widget_minutes))
        if path is None:
            raise WayClosed(Reason.NOT_WAITING)
        body: Json = {"data": {"status": "success", "reply": text}}
        if self.options.widget_step:
            step = {"type": "question", "step": self.options.widget_step}
            body["execute_handlers"] = [{"handler": "goto", "params": step}]
        try:
            self.api.write("POST", path, body)
        except Refused as refusal:
            raise WayClosed(Reason.NOT_WAITING if refusal.status == NOT_FOUND else Reason.REFUSED) from None
        return Receipt(None, confirmed=False, way=Way.WIDGET)

    def _run_bot(self, bot_id: int, lead: int) -> None:
        if self.options.salesbot_run is SalesbotRun.V4:
            self.api.write("POST", f"/api/v4/bots/{bot_id}/run", {"entity_id": lead, "entity_type": "leads"})
        else:
            launch = {"bot_id": bot_id, "entity_id": lead, "entity_type": LEAD}
            self.api.write("POST", "/api/v2/salesbot/run", [launch])

    def _leave(self, way: Way, reason: Reason, chat: Chat) -> None:
        """Note that a way was left: remembered, counted, and said once in the log while it is remembered."""
        key = (way.value, reason.value)
        self.fallbacks[key] = self.fallbacks.get(key, 0) + 1
        if reason in {Reason.NOT_SET_UP, Reason.NOT_WAITING}:
            return
        whole = reason in ACCOUNT_WIDE
        if whole or reason in {Reason.TALK_CLOSED, Reason.TALK_GONE}:
            self.ways.close(self.connection, way, reason, talk="" if whole else _talk(chat))
        _log.warning("a way of sending was left", extra={"way": way.value, "reason": reason.value})
        if self.on_fallback:
            self.on_fallback(way.value, reason.value)


def _talk(chat: Chat) -> str:
    """Return what a closed talk is remembered by: the customer's next message opens a new talk in the same chat."""
    return chat.talk_id or chat.chat_id
