"""A place in the CRM that replies of several chats pass through, such as a field of the deal: one reply at a time.

Who begins a reply takes the lane in the same transaction, so it costs no request. It is not given back: that a queued
reply has left the place is known only when it is seen, and by then the minute is over.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dealtalk.conversation.table import Absent, AnyOf, Compare, Put, equals
from dealtalk.conversation.timer import Postponed

if TYPE_CHECKING:
    from dealtalk.conversation.table import Item
    from dealtalk.messages import ConversationKey

HELD = timedelta(seconds=60)
"""As long as a queued reply is waited for."""

KEEP_SECONDS = 3600


def taking(conversation: ConversationKey, lane: str, now: datetime) -> Put:
    """Return the write that takes a lane of the conversation's account; it fails while another conversation has it."""
    until = int((now + HELD).timestamp())
    free = AnyOf((Absent("pk"), Compare("until", "<=", int(now.timestamp())), equals("owner", conversation.id)))
    item = {"owner": conversation.id, "until": until, "expires_at": until + KEEP_SECONDS}
    return Put((f"DEAL#{conversation.crm}#{conversation.account}#{lane}", "REPLY"), item, where=(free,))


def postponed(taken: Item) -> Postponed:
    """Return what to raise where the lane was taken: come back when it is free."""
    return Postponed(datetime.fromtimestamp(int(taken["until"]), UTC), "another_chat_of_the_deal_is_answered")
