"""What amoCRM's refusals mean. Follows https://www.amocrm.ru/developers/content/crm_platform/error-codes."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from dealtalk.errors import CrmUnavailable, DealtalkError, NeedsAttention, OutcomeUnknown, Permanent, RateLimited

if TYPE_CHECKING:
    from dealtalk.crm.http import Answer

IP_REFUSED = 113
SCOPE = "invalid scope"


@dataclass(frozen=True, slots=True)
class Complaint:
    """One validation error: where in the request (a dotted path), which kind, and the vendor's words."""

    path: str
    code: str
    detail: str


class Refused(Permanent):
    """The request itself is refused (400, 404, 422 and the like).

    The vendor's words stay in attributes, since they may quote input.
    """

    def __init__(self, status: int, complaints: tuple[Complaint, ...] = (), detail: str = "") -> None:
        super().__init__(f"amoCRM refused the request ({status})")
        self.status = status
        self.complaints = complaints
        self.detail = detail


class ScopeMissing(NeedsAttention):
    """The integration was not given the right that this call needs."""


class Unpaid(NeedsAttention):
    """The account, or the add-on that this call belongs to, is not paid for or used up."""


def failure(answer: Answer, *, acts: bool, pause: float, cooldown: float) -> DealtalkError:
    """Return what an unsuccessful answer means.

    `acts`: the request may have changed something, so that a server error leaves its outcome unknown. `pause` and
    `cooldown` are the seconds to wait after 429 and after a 403 without a known reason, which is a ban.
    """
    body = answer.body if isinstance(answer.body, dict) else {}
    status = answer.status
    result: DealtalkError
    match status:
        case HTTPStatus.UNAUTHORIZED:
            result = NeedsAttention("amoCRM refused the token: the integration must be connected again")
        case HTTPStatus.PAYMENT_REQUIRED:
            result = Unpaid("amoCRM says that the account or this function is not paid for")
        case HTTPStatus.FORBIDDEN:
            result = _forbidden(body, cooldown)
        case HTTPStatus.TOO_MANY_REQUESTS:
            result = RateLimited("amoCRM takes no more requests at the moment", after=pause)
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR and acts:
            result = OutcomeUnknown(f"amoCRM answered {status}: it may have acted")
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            result = CrmUnavailable(f"amoCRM answered {status}")
        case _:
            result = Refused(status, _complaints(body), str(body.get("detail") or body.get("title") or "")[:300])
    return result


def _forbidden(body: dict[str, Any], cooldown: float) -> DealtalkError:
    words = " ".join(str(body.get(name, "")) for name in ("title", "detail", "hint", "error")).lower()
    if SCOPE in words:
        return ScopeMissing("the integration lacks the scope for this call")
    old_style = body.get("response")
    bodies = (body, old_style) if isinstance(old_style, dict) else (body,)
    codes = {str(each.get(name)) for each in bodies for name in ("code", "error_code")}
    if str(IP_REFUSED) in codes or f"code {IP_REFUSED}" in words:
        return NeedsAttention("the account's IP white-list does not let us in (code 113)")
    return RateLimited("amoCRM blocked us without a reason, as it does after too many requests", after=cooldown)


def _complaints(body: dict[str, Any]) -> tuple[Complaint, ...]:
    groups = body.get("validation-errors")
    rows = [row for group in _list(groups) if isinstance(group, dict) for row in _list(group.get("errors"))]
    return tuple(
        Complaint(str(row.get("path", "")), str(row.get("code", "")), str(row.get("detail", ""))[:300])
        for row in rows
        if isinstance(row, dict)
    )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
