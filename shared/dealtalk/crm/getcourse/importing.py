"""The import API of one GetCourse account: a key, an action and base64 of JSON, posted as a form.

Follows https://getcourse.ru/help/api. It answers 200 to everything: `success` outside says whether the call was taken,
`result.success` whether it did what was asked. Both come as booleans or as the words "true" and "false".
"""

from __future__ import annotations

import base64
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from dealtalk.crm.http import Form, Http
from dealtalk.errors import CrmUnavailable, NeedsAttention, OutcomeUnknown, Permanent, RateLimited

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PATH = "/pl/api/deals"
PAUSE = 30.0
MAX_REASON = 200


class ImportRefused(Permanent):
    """GetCourse took the call and did not do what was asked; `reason` is its own sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__("GetCourse refused the import")
        self.reason = reason


class ImportApi:
    """Imports orders. `key` returns the account's secret key."""

    def __init__(self, http: Http, key: Callable[[], str]) -> None:
        self._http = http
        self._key = key

    @property
    def calls(self) -> int:
        """How many requests were sent."""
        return self._http.calls

    def add(self, email: str, deal: Mapping[str, Any]) -> str | None:
        """Write the order with this `deal_number` and return the id that GetCourse names.

        Raises ImportRefused, NeedsAttention, RateLimited, Retryable, OutcomeUnknown.
        """
        params = {"user": {"email": email}, "system": {"refresh_if_exists": 1}, "deal": dict(deal)}
        packed = base64.b64encode(json.dumps(params, ensure_ascii=False).encode()).decode()
        answer = self._http.write(
            "POST", PATH, payload=Form([("action", "add"), ("key", self._key()), ("params", packed)])
        )
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            msg = "GetCourse takes no more requests at the moment"
            raise RateLimited(msg, after=answer.retry_after or PAUSE)
        if answer.status in {HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT}:
            msg = f"GetCourse answered {answer.status}: it may have acted"
            raise OutcomeUnknown(msg)
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            msg = f"GetCourse answered {answer.status}"
            raise CrmUnavailable(msg)
        body = answer.body if isinstance(answer.body, dict) else {}
        result = body.get("result")
        if not answer.ok or not _is_true(body.get("success")) or not isinstance(result, dict):
            msg = "GetCourse did not take the import: its key is wrong or has no right, or the plan has no import API"
            raise NeedsAttention(msg)
        if not _is_true(result.get("success")) or _is_true(result.get("error")):
            raise ImportRefused(str(result.get("error_message") or "no reason was given")[:MAX_REASON])
        named = result.get("deal_id")
        return str(named)[:128] if isinstance(named, str | int) and named else None


def _is_true(value: object) -> bool:
    return value is True or value == 1 or (isinstance(value, str) and value.lower() in {"true", "1"})
