"""Calls to one portal: JSON in, JSON out, every refusal already translated."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from dealtalk.crm.hubspot.errors import Refused, failure
from dealtalk.errors import CrmUnavailable, Permanent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dealtalk.crm.http import Answer, BearerHttp, Params
    from dealtalk.ports import Clock

Json = dict[str, Any]
MAX_PAGES = 10


class Api:
    """One portal. All methods raise Refused, NeedsAttention, RateLimited and Retryable."""

    def __init__(self, http: BearerHttp, clock: Clock, *, time_zone: str) -> None:
        self._http = http
        self._clock = clock
        self._time_zone = time_zone

    @property
    def calls(self) -> int:
        """How many requests were sent."""
        return self._http.calls

    def get(self, path: str, params: Params | None = None) -> Json:
        """Return the object at this path."""
        return self._object(self._http.get(path, params=params), acts=False)

    def find(self, path: str, params: Params | None = None) -> Json | None:
        """Return the object at this path; None where there is none, or no more."""
        try:
            return self.get(path, params)
        except Refused as refusal:
            if refusal.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
                return None
            raise

    def ask(self, path: str, payload: object) -> Json:
        """Return what a POST that changes nothing answers."""
        return self._object(self._http.write("POST", path, payload=payload), acts=False)

    def write(self, method: str, path: str, payload: object) -> Json:
        """Send a change once and return what was answered. Also raises OutcomeUnknown."""
        return self._object(self._http.write(method, path, payload=payload), acts=True)

    def pages(self, path: str, params: Params = (), *, most: int = MAX_PAGES) -> Iterator[tuple[list[Json], bool]]:
        """Yield the rows of each page, by the cursor alone, and whether there is a next one."""
        after: str | None = None
        for _ in range(most):
            body = self.get(path, [*params, *([("after", after)] if after else [])])
            after = _cursor(body)
            yield rows(body), after is not None
            if after is None:
                return

    def _object(self, answer: Answer, *, acts: bool) -> Json:
        if not answer.ok:
            raise failure(answer, acts=acts, now=self._clock.now(), time_zone=self._time_zone)
        if isinstance(answer.body, dict):
            return answer.body
        if acts:
            return {}
        msg = "HubSpot answered with something that is no object"
        raise CrmUnavailable(msg)


def rows(body: Json) -> list[Json]:
    """Return the objects of `results`."""
    found = body.get("results")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def path_id(value: object) -> str:
    """Return an id that is safe in a path. Raises Permanent where it is not one."""
    text = str(value)
    if text and len(text) <= 64 and text.isascii() and text.replace("-", "").isalnum():  # noqa: PLR2004 (a UUID has 36)
        return text
    msg = "an id that cannot stand in a path cannot be asked for"
    raise Permanent(msg)


def _cursor(body: Json) -> str | None:
    paging = body.get("paging")
    following = paging.get("next") if isinstance(paging, dict) else None
    after = following.get("after") if isinstance(following, dict) else None
    return str(after) if after else None
