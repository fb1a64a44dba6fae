"""What HubSpot's refusals mean. Follows developers.hubspot.com/docs/api-reference/error-handling."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dealtalk.errors import CrmUnavailable, DealtalkError, NeedsAttention, OutcomeUnknown, Permanent, RateLimited

if TYPE_CHECKING:
    from dealtalk.crm.http import Answer

DAILY = "DAILY"
BURST_SECONDS = 10.0
LOCKED_SECONDS = 2.0
MIGRATION = 477
MIGRATION_SECONDS = 600.0
"""It may take up to a day; the answer's Retry-After, where it has one, counts instead."""

UNKNOWN_ZONE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Complaint:
    """One error of a refusal: which property it is about, if any, and the vendor's code and words."""

    property: str | None
    code: str
    message: str


class Refused(Permanent):
    """The request itself is refused (400, 404, 409 and the like).

    The vendor's words stay in attributes, since they may quote input.
    """

    def __init__(self, status: int, complaints: tuple[Complaint, ...] = (), message: str = "") -> None:
        super().__init__(f"HubSpot refused the request ({status})")
        self.status = status
        self.complaints = complaints
        self.message = message


class ScopeMissing(NeedsAttention):
    """The app was not given the scope that this call needs."""


def failure(answer: Answer, *, acts: bool, now: datetime, time_zone: str) -> DealtalkError:
    """Return what an unsuccessful answer means.

    `acts`: the request may have changed something, so that a server error leaves its outcome unknown. The daily limit
    ends at midnight of the account's zone.
    """
    body = answer.body if isinstance(answer.body, dict) else {}
    status = answer.status
    result: DealtalkError
    match status:
        case HTTPStatus.UNAUTHORIZED:
            result = NeedsAttention("HubSpot refused the token: rotate it and connect again")
        case HTTPStatus.FORBIDDEN:
            result = _forbidden(body)
        case HTTPStatus.TOO_MANY_REQUESTS if body.get("policyName") == DAILY:
            wait = until_midnight(now, time_zone)
            result = RateLimited("HubSpot's daily limit is used up", after=wait)
        case HTTPStatus.TOO_MANY_REQUESTS:
            jitter = random.uniform(0, 2)  # noqa: S311 (it only spreads the tries)
            result = RateLimited("HubSpot takes no more requests at the moment", after=BURST_SECONDS + jitter)
        case HTTPStatus.LOCKED:
            wait = max(LOCKED_SECONDS, answer.retry_after or 0)
            result = CrmUnavailable("HubSpot has locked this for a moment", after=wait)
        case _ if status == MIGRATION:
            wait = answer.retry_after or MIGRATION_SECONDS
            result = RateLimited("HubSpot moves this account's data", after=wait)
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR and acts:
            result = OutcomeUnknown(f"HubSpot answered {status}: it may have acted")
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            result = CrmUnavailable(f"HubSpot answered {status}")
        case _:
            result = Refused(status, _complaints(body), str(body.get("message") or "")[:300])
    return result


def until_midnight(now: datetime, time_zone: str) -> float:
    """Return the seconds until the day is over there; an hour where the zone is not known to this machine."""
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return UNKNOWN_ZONE_SECONDS
    there = now.astimezone(zone)
    midnight = datetime.combine(there.date() + timedelta(days=1), time(), zone)
    return max(1.0, (midnight - there).total_seconds())


def _forbidden(body: dict[str, Any]) -> NeedsAttention:
    if body.get("category") == "MISSING_SCOPES":
        return ScopeMissing("the app lacks a scope that this call needs; see docs/crm/hubspot.md")
    return NeedsAttention("HubSpot does not let this app in")


def _complaints(body: dict[str, Any]) -> tuple[Complaint, ...]:
    rows = body.get("errors")
    return tuple(
        Complaint(_property(row), str(row.get("code") or ""), str(row.get("message") or "")[:300])
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, dict)
    )


def _property(row: dict[str, Any]) -> str | None:
    """Return the property that an error names, in its context or as its place."""
    context = row.get("context")
    named = context.get("propertyName") if isinstance(context, dict) else None
    if isinstance(named, list) and named:
        return str(named[0])
    return str(named or row.get("in") or "") or None
