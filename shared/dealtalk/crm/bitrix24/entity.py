"""The strings by which an open line's chat names its connector, its session and its CRM items. Standard library only.

Their layout is Bitrix24's own (CHAT_ENTITY_ID, CHAT_ENTITY_DATA_1 and _2; in version 2 entityId, entityData1, ...).
"""

from __future__ import annotations

from dataclasses import dataclass

from dealtalk.ingress.values import number_id

LINES = "LINES"
LEAD = "L"
"""What stands before the number where a deal's id means a lead: ids of all kinds are small numbers."""

CONTACT = "K"
"""What stands before a contact's, where notes and tasks have no other place."""

_PARTS = 4
_SESSION = 5


@dataclass(frozen=True, slots=True)
class Line:
    """Who is behind a chat: the connector's code, the line, the customer's connector user."""

    connector: str
    line_id: str
    user_id: str | None


@dataclass(frozen=True, slots=True)
class Links:
    """What a chat is tied to in the CRM; None where there is none."""

    deal: str | None = None
    lead: str | None = None
    contact: str | None = None

    def deal_id(self, *, leads: bool) -> str | None:
        """Return the deal's id; where there is only a lead and `leads` are worked with, the lead's."""
        if self.deal is None and leads and self.lead is not None:
            return LEAD + self.lead
        return self.deal

    def other_place(self) -> str | None:
        """Return where notes go while there is no deal: the lead, by its id as above."""
        return LEAD + self.lead if self.deal is None and self.lead is not None else None


def read_line(entity_id: str) -> Line | None:
    """Return the parts of `telegrambot|1|100000001|13`; the external id in its middle may hold any character."""
    parts = entity_id.removeprefix("imol|").split("|")
    if len(parts) < _PARTS or not parts[0]:
        return None
    return Line(parts[0], parts[1], number_id(parts[-1]))


def read_session(entity_data_1: str) -> str | None:
    """Return the session's id of `Y|DEAL|3|N|N|3|1678008993|0|0|0`."""
    parts = entity_data_1.split("|")
    return number_id(parts[_SESSION]) if len(parts) > _SESSION else None


def read_links(entity_data_1: str, entity_data_2: str) -> Links:
    """Return the CRM items: from the pairs of the second string, else the main one that the first names."""
    parts = entity_data_2.split("|")
    pairs = dict(zip(parts[::2], parts[1::2], strict=False))
    if not any(number_id(value) for value in pairs.values()):
        first = entity_data_1.split("|")
        pairs = {first[1]: first[2]} if len(first) > 2 else {}  # noqa: PLR2004 (flag, kind and id)
    return Links(number_id(pairs.get("DEAL")), number_id(pairs.get("LEAD")), number_id(pairs.get("CONTACT")))
