"""Calls to API v4 of one account: JSON in, JSON out, every refusal already translated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dealtalk.crm.amocrm.errors import failure
from dealtalk.crm.option_values import digits
from dealtalk.crm.pauses import Pauses
from dealtalk.errors import NeedsAttention, Permanent, Retryable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dealtalk.crm.http import Answer, BearerHttp, Params

Json = dict[str, Any]
MAX_PAGES = 20
PAGE = 250

_pauses = Pauses()


class Api:
    """One account. `host` names it for the pauses after 429; `account` is checked against what answers name.

    All methods raise Refused, NeedsAttention, RateLimited and Retryable.
    """

    def __init__(
        self, http: BearerHttp, *, host: str, account: str, cooldown: float, pauses: Pauses | None = None
    ) -> None:
        self._http = http
        self._host = host
        self._account = account
        self._cooldown = cooldown
        self._pauses = _pauses if pauses is None else pauses

    @property
    def calls(self) -> int:
        """How many requests were sent."""
        return self._http.calls

    def get(self, path: str, params: Params | None = None) -> Json | None:
        """Return the object at this path; None where there is nothing (204)."""
        answer = self._checked(self._http.get(path, params=params), acts=False)
        if answer.status == 204 or answer.body is None:  # noqa: PLR2004 (No Content: the vendor's "nothing found")
            return None
        if not isinstance(answer.body, dict):
            msg = "amoCRM answered with something that is no object"
            raise Retryable(msg)
        self._own(answer.body)
        return answer.body

    def write(self, method: str, path: str, payload: object) -> Json:
        """Send a change once and return what was answered. Also raises OutcomeUnknown."""
        answer = self._checked(self._http.write(method, path, payload=payload), acts=True)
        return answer.body if isinstance(answer.body, dict) else {}

    def rows(self, path: str, name: str, params: Params = ()) -> Iterator[Json]:
        """Yield the rows of a list, page after page, at most 20 pages of 250."""
        for page in range(1, MAX_PAGES + 1):
            body, more = self.page(path, name, [*params, ("limit", PAGE), ("page", page)])
            yield from body
            if not more:
                return

    def page(self, path: str, name: str, params: Params) -> tuple[list[Json], bool]:
        """Return one page of a list and whether there is a next one."""
        body = self.get(path, params) or {}
        links = body.get("_links")
        return embedded(body, name), isinstance(links, dict) and bool(links.get("next"))

    def _checked(self, answer: Answer, *, acts: bool) -> Answer:
        if answer.ok:
            self._pauses.reset(self._host)
            return answer
        pause = self._pauses.next(self._host) if answer.status == 429 else 0.0  # noqa: PLR2004 (Too Many Requests)
        raise failure(answer, acts=acts, pause=pause, cooldown=self._cooldown)

    def _own(self, body: Json) -> None:
        """Refuse an entity of another account: the stored address leads to a stranger."""
        named = body.get("account_id")
        if named is not None and self._account.isdigit() and str(named) != self._account:
            msg = "the connection's address answers for another account"
            raise NeedsAttention(msg)


def embedded(body: Json, name: str) -> list[Json]:
    """Return the objects of `_embedded[name]`; empty where there are none."""
    inner = body.get("_embedded")
    rows = inner.get(name) if isinstance(inner, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def number(value: object) -> int:
    """Return an id as the number that the API wants. Raises Permanent where it is not one."""
    try:
        return int(digits(value))
    except ValueError:
        msg = "an id that is no number cannot be asked for"
        raise Permanent(msg) from None
