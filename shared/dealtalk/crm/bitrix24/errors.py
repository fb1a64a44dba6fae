"""What Bitrix24's refusals mean.

Follows apidocs.bitrix24.com: "Limits of REST API" and the error codes that each method's page lists. `error` may be
empty or a number, and a closed portal answers in HTML.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from dealtalk.errors import CrmUnavailable, DealtalkError, NeedsAttention, OutcomeUnknown, Permanent, RateLimited

if TYPE_CHECKING:
    from collections.abc import Mapping

OPERATION_PAUSE = 120.0
"""Seconds after OPERATION_TIME_LIMIT: the time of a method is counted over ten minutes."""

TOKEN_CODES = frozenset({"expired_token", "invalid_token", "NO_AUTH_FOUND"})
_BROKEN = {
    **dict.fromkeys(TOKEN_CODES, "the token is refused"),
    "INVALID_CREDENTIALS": "the incoming webhook is refused: it was deleted, or its employee left",
    "insufficient_scope": "the webhook or app lacks the scope for this call",
    "user_access_error": "the webhook's or app's employee may not use it",
    "allowed_only_intranet_user": "the webhook's or app's employee may not use it",
    "WRONG_AUTH_TYPE": "this call is not open to an incoming webhook",
    "PORTAL_DELETED": "the portal does not exist any more",
    "PAYMENT_REQUIRED": "the portal is not paid for",
}
_UNPAID = ("commercial plan", "тариф")


class Refused(Permanent):
    """The call itself is refused; `code` and the vendor's words stay in attributes, since these may quote input."""

    def __init__(self, status: int, code: str = "", detail: str = "") -> None:
        super().__init__(f"Bitrix24 refused the call ({status} {code})".rstrip())
        self.status = status
        self.code = code
        self.detail = detail


def failure(status: int, body: Mapping[str, Any], *, acts: bool, pause: float, cooldown: float) -> DealtalkError:
    """Return what an unsuccessful answer, or a failed command of a batch, means.

    `acts`: the call may have changed something, so that a fault of the server leaves its outcome unknown. `pause` and
    `cooldown` are the seconds to wait after too many requests and after a manual block.
    """
    code, detail = str(body.get("error") or ""), str(body.get("error_description") or "")[:300]
    if code == "QUERY_LIMIT_EXCEEDED":
        return RateLimited("Bitrix24 takes no more requests at the moment", after=pause)
    if code == "OPERATION_TIME_LIMIT":
        return RateLimited("Bitrix24 has closed this method for some minutes", after=OPERATION_PAUSE)
    if code == "OVERLOAD_LIMIT":
        return RateLimited("Bitrix24 has blocked the portal's REST interface", after=cooldown)
    if code in _BROKEN:
        return NeedsAttention(f"Bitrix24: {_BROKEN[code]}")
    if code == "ACCESS_DENIED" and any(word in detail.lower() for word in _UNPAID):
        return NeedsAttention(f"Bitrix24: {_BROKEN['PAYMENT_REQUIRED']}")
    return _by_status(status, code, detail, acts=acts, pause=pause)


def _by_status(status: int, code: str, detail: str, *, acts: bool, pause: float) -> DealtalkError:
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return NeedsAttention("Bitrix24 refused the token: the account must be connected again")
        case HTTPStatus.TOO_MANY_REQUESTS | HTTPStatus.SERVICE_UNAVAILABLE:
            return RateLimited("Bitrix24 takes no more requests at the moment", after=pause)
        case HTTPStatus.FORBIDDEN if not code:
            return NeedsAttention("Bitrix24 refuses every call")
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR and acts:
            return OutcomeUnknown(f"Bitrix24 answered {status}: it may have acted")
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return CrmUnavailable(f"Bitrix24 answered {status}")
    return Refused(status, code, detail)
