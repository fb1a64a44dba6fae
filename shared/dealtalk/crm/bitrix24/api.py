"""Calls to one portal's REST interface: one method, or several in a batch, every refusal already translated.

Follows apidocs.bitrix24.com, "Batch": up to 50 commands count as one request; values are percent-encoded inside a
command; HTTP 200 even where commands fail, and `[]` stands where a map is empty.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dealtalk.crm.bitrix24.errors import Refused, failure
from dealtalk.crm.pauses import Pauses
from dealtalk.errors import CrmUnavailable, OutcomeUnknown, Permanent, RateLimited

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dealtalk.crm.bitrix24.auth import Door
    from dealtalk.crm.http import Http
    from dealtalk.errors import DealtalkError

Json = dict[str, Any]
PAGE = 50
MAX_PAGES = 20

_pauses = Pauses()


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a batch. A value may name what an earlier one returned: `$result[deal][item][contactId]`."""

    method: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the command as a batch wants it."""
        pairs = "&".join(f"{quote(name, safe='[]')}={quote(value, safe='$[]')}" for name, value in _flat(self.params))
        return f"{self.method}?{pairs}" if pairs else self.method


@dataclass(frozen=True, slots=True)
class Batch:
    """What came of a batch's commands, by their names."""

    results: Mapping[str, Any]
    refusals: Mapping[str, Refused]
    more: Mapping[str, Any]

    def need(self, name: str) -> Any:  # noqa: ANN401 (JSON)
        """Return a command's result. Raises Refused."""
        if name in self.refusals:
            raise self.refusals[name]
        return self.results.get(name)


class Api:
    """One portal. All methods raise Refused, NeedsAttention, RateLimited and Retryable."""

    def __init__(self, http: Http, door: Door, *, host: str, cooldown: float, pauses: Pauses | None = None) -> None:
        self._http = http
        self._door = door
        self._host = host
        self._cooldown = cooldown
        self._pauses = _pauses if pauses is None else pauses

    @property
    def calls(self) -> int:
        """How many requests were sent."""
        return self._http.calls

    def read(self, method: str, params: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 (JSON)
        """Return a method's result; it changes nothing, so a lost answer is only Retryable."""
        return self._call(method, params or {}, acts=False).get("result")

    def write(self, method: str, params: Mapping[str, Any]) -> Any:  # noqa: ANN401 (JSON)
        """Call a method that acts, once, and return its result. Also raises OutcomeUnknown."""
        return self._call(method, params, acts=True).get("result")

    def page(self, method: str, params: Mapping[str, Any]) -> tuple[list[Json], bool]:
        """Return the first page of a list and whether there is a next one."""
        answer = self._call(method, params, acts=False)
        return rows(answer.get("result")), "next" in answer

    def pages(self, method: str, params: Mapping[str, Any], first: Any, more: Any) -> Iterator[Json]:  # noqa: ANN401 (JSON)
        """Yield a list's rows: its `first` page, and the others while `more` names where the next one starts."""
        yield from rows(first)
        for _ in range(MAX_PAGES):
            if more is None:
                return
            answer = self._call(method, {**params, "start": more}, acts=False)
            yield from rows(answer.get("result"))
            more = answer.get("next")

    def batch(self, commands: Mapping[str, Command], *, acts: bool = False) -> Batch:
        """Return what came of the commands, done in order, the failed ones as refusals.

        A limit that one of them met is raised for all: the caller asks again later. Also raises OutcomeUnknown where
        the batch `acts`.
        """
        cmd = {name: str(command) for name, command in commands.items()}
        body = self._call("batch", {"halt": 0, "cmd": cmd}, acts=acts).get("result")
        body = body if isinstance(body, dict) else {}
        errors = _map(body.get("result_error"))
        refusals: dict[str, Refused] = {}
        for name, said in errors.items():
            error = self._meaning(400, said if isinstance(said, dict) else {}, acts=acts)
            if not isinstance(error, Refused):
                raise error
            refusals[name] = error
        return Batch(_map(body.get("result")), refusals, _map(body.get("result_next")))

    def _call(self, method: str, params: Mapping[str, Any], *, acts: bool) -> Json:
        try:
            answer = self._door.call(self._http, method, params)
        except OutcomeUnknown as error:
            if acts:
                raise
            msg = "Bitrix24 did not answer"
            raise CrmUnavailable(msg, after=error.after) from None
        body = answer.body if isinstance(answer.body, dict) else {}
        if answer.ok and "result" in body:
            self._pauses.reset(self._host)
            return body
        if answer.ok and "error" not in body:
            msg = "Bitrix24 answered with something that is no result"
            raise (OutcomeUnknown(msg) if acts else CrmUnavailable(msg))
        raise self._meaning(answer.status, body, acts=acts)

    def _meaning(self, status: int, body: Json, *, acts: bool) -> DealtalkError:
        error = failure(status, body, acts=acts, pause=0.0, cooldown=self._cooldown)
        if isinstance(error, RateLimited) and not error.after:
            error.after = self._pauses.next(self._host)
        return error


def rows(value: Any) -> list[Json]:  # noqa: ANN401 (JSON)
    """Return the objects of a list, which some methods wrap once (`items`, `categories`)."""
    if isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    if isinstance(value, dict):
        value = list(value.values())
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def number(value: object) -> int:
    """Return an id as a number. Raises Permanent where it is not one."""
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) <= 20):  # noqa: PLR2004 (more than any 64-bit number)
        msg = "an id that is no number cannot be asked for"
        raise Permanent(msg)
    return int(text)


def _map(value: Any) -> Json:  # noqa: ANN401 (JSON)
    return value if isinstance(value, dict) else {}


def _flat(params: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield parameters by PHP's nested names; an empty list is an empty value, which empties a field."""
    for name, value in params.items():
        key = f"{prefix}[{name}]" if prefix else str(name)
        if isinstance(value, dict):
            yield from _flat(value, key)
        elif isinstance(value, (list, tuple)) and value:
            yield from _flat({str(place): each for place, each in enumerate(value)}, key)
        elif isinstance(value, Decimal):
            yield key, f"{value:f}"
        else:
            yield key, "" if value is None or isinstance(value, (list, tuple)) else str(value)
