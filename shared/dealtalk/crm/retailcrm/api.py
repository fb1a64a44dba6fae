"""Calls to one account's two hosts: API v5 of the CRM (forms in) and the MG Bot API of its chats (JSON in)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dealtalk.crm.http import Form
from dealtalk.crm.option_values import digits
from dealtalk.crm.pauses import Pauses
from dealtalk.crm.retailcrm.errors import TOO_OFTEN, failure
from dealtalk.errors import CrmUnavailable, Permanent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dealtalk.crm.http import Answer, Http, Params
    from dealtalk.crm.secrets import Secrets

Json = dict[str, Any]
V5 = "/api/v5"
MG = "/api/bot/v1"
PAGE = 100
"""Rows of a v5 page: it takes 20, 50 or 100."""

MAX_PAGES = 10
API_KEY = "api_key"
BOT_TOKEN = "bot_token"  # noqa: S105 (the name of it)
"""What the connection's secret holds."""

_pauses = Pauses()


class Host:
    """One of the two hosts. All methods raise Refused, NeedsAttention, RateLimited and Retryable."""

    def __init__(self, http: Http, secrets: Secrets, secret: str, key: str, header: str) -> None:
        self._http = http
        self._secrets = secrets
        self._secret = secret
        self._key = key
        self._header = header

    @property
    def calls(self) -> int:
        """How many requests were sent."""
        return self._http.calls

    def get(self, path: str, params: Params | None = None) -> Any:  # noqa: ANN401 (any JSON)
        """Return the JSON at this path."""
        return self._checked(self._http.get(path, params=params, headers=self._signed()), acts=False)

    def write(self, method: str, path: str, payload: object) -> Any:  # noqa: ANN401 (any JSON)
        """Send a change once and return what was answered. Also raises OutcomeUnknown."""
        return self._checked(self._http.write(method, path, payload=payload, headers=self._signed()), acts=True)

    def _signed(self) -> dict[str, str]:
        return {self._header: self._secrets.read(self._secret).get(self._key, "")}

    def _checked(self, answer: Answer, *, acts: bool) -> Any:  # noqa: ANN401 (any JSON)
        refused = isinstance(answer.body, dict) and answer.body.get("success") is False
        if answer.ok and not refused and answer.body is not None:
            _pauses.reset(self._secret + self._key)
            return answer.body
        pause = _pauses.next(self._secret + self._key) if answer.status in TOO_OFTEN else 0.0
        raise failure(answer, acts=acts, pause=pause)


class V5Api:
    """API v5: reading by query, changing by forms whose fields hold JSON."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def calls(self) -> int:
        """How many requests were sent."""
        return self._host.calls

    def get(self, path: str, name: str, params: Params | None = None) -> Any:  # noqa: ANN401 (any JSON)
        """Return what stands under `name` in the answer. Raises CrmUnavailable where nothing does."""
        body = self._host.get(V5 + path, params)
        if not isinstance(body, dict) or name not in body:
            msg = "RetailCRM answered with something else than was asked for"
            raise CrmUnavailable(msg)
        return body[name]

    def rows(self, path: str, name: str, params: Params = (), *, pages: int = MAX_PAGES) -> Iterator[Json]:
        """Yield the rows of a list, page after page."""
        for page in range(1, pages + 1):
            body = self._host.get(V5 + path, [*params, ("limit", PAGE), ("page", page)])
            body = body if isinstance(body, dict) else {}
            yield from objects(body.get(name))
            pagination = body.get("pagination")
            total = pagination.get("totalPageCount", 1) if isinstance(pagination, dict) else 1
            if not isinstance(total, int) or page >= total:
                return

    def post(self, path: str, **fields: object) -> Json:
        """Send a form: texts as they are, all else as JSON; None is left out."""
        pairs = [(name, _field(value)) for name, value in fields.items() if value is not None]
        body = self._host.write("POST", V5 + path, Form(pairs))
        return body if isinstance(body, dict) else {}


class MgApi:
    """The MG Bot API."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @property
    def calls(self) -> int:
        """How many requests were sent."""
        return self._host.calls

    def rows(self, path: str, params: Params) -> list[Json]:
        """Return the rows of a list."""
        return objects(self._host.get(MG + path, params))

    def write(self, method: str, path: str, payload: object) -> Json:
        """Send a change once."""
        body = self._host.write(method, MG + path, payload)
        return body if isinstance(body, dict) else {}


def objects(rows: Any) -> list[Json]:  # noqa: ANN401 (any JSON)
    """Return the objects of a list, or of a mapping by code; empty where it is neither."""
    found = list(rows.values()) if isinstance(rows, dict) else rows
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def numeric(value: object) -> int:
    """Return an id as the number that the APIs want. Raises Permanent where it is not one."""
    try:
        return int(digits(value))
    except ValueError:
        msg = "an id that is no number cannot be asked for"
        raise Permanent(msg) from None


def _field(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
