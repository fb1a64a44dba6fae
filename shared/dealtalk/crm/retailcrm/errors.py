"""What the refusals of RetailCRM's two APIs mean.

API v5 answers {"success": false, "errorMsg", "errors"}, the MG Bot API {"errors": [...]}. Both refuse with 503 who asks
too often, as the vendor's own clients have it; 429 is taken for the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from dealtalk.errors import CrmUnavailable, DealtalkError, NeedsAttention, OutcomeUnknown, Permanent, RateLimited

if TYPE_CHECKING:
    from dealtalk.crm.http import Answer

NOT_FOUND = 404
TOO_OFTEN = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
NO_ENTRY = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
MAX_DETAIL = 300


@dataclass(frozen=True, slots=True)
class Complaint:
    """One error: the place in the request ("status", "customFields[city]"; empty where none is named), and its text."""

    place: str
    text: str


class Refused(Permanent):
    """The request itself is refused. The vendor's words stay in attributes, since they may quote input."""

    def __init__(self, status: int, complaints: tuple[Complaint, ...] = (), detail: str = "") -> None:
        super().__init__(f"RetailCRM refused the request ({status})")
        self.status = status
        self.complaints = complaints
        self.detail = detail


def failure(answer: Answer, *, acts: bool, pause: float) -> DealtalkError:
    """Return what an unsuccessful answer means.

    `acts`: the request may have changed something, so that a server error leaves its outcome unknown. `pause`: the
    seconds to wait after "too often".
    """
    body = answer.body if isinstance(answer.body, dict) else {}
    status, words = answer.status, str(body.get("errorMsg") or "")[:MAX_DETAIL]
    if status in TOO_OFTEN:
        return RateLimited("RetailCRM takes no more requests at the moment", after=pause)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        text = f"RetailCRM answered {status}"
        return OutcomeUnknown(f"{text}: it may have acted") if acts else CrmUnavailable(text)
    if answer.body is None or "account does not exist" in words.lower():
        return NeedsAttention("there is no RetailCRM account at this address")
    if status in NO_ENTRY:
        return _no_entry(words)
    return Refused(status, complaints(body.get("errors")), words)


def complaints(errors: Any) -> tuple[Complaint, ...]:  # noqa: ANN401 (any JSON)
    """Return the errors of a body, which are texts by place, or texts alone."""
    if isinstance(errors, dict):
        return tuple(Complaint(str(place), _text(value)) for place, value in errors.items())
    if isinstance(errors, list):
        return tuple(Complaint("", _text(value)) for value in errors)
    return ()


def _text(value: Any) -> str:  # noqa: ANN401 (any JSON)
    parts = value if isinstance(value, list) else [value]
    return "; ".join(part for part in parts if isinstance(part, str))[:MAX_DETAIL]


def _no_entry(words: str) -> NeedsAttention:
    if "apikey" in words.lower():
        return NeedsAttention("RetailCRM refused the API key: the account must be connected again")
    if "access denied" in words.lower():
        return NeedsAttention("the API key lacks a right that this call needs")
    return NeedsAttention("RetailCRM let us in no more: the module is switched off, or its token was replaced")
