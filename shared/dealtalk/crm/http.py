"""Calls to one CRM account's own host: bounded in time and size, never repeated blindly, silent about what they carry.

No error text of this module holds a URL, a header, a body or a token: `requests` puts URLs into its exceptions, and a
CRM's URL may be a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import requests
import urllib3

from dealtalk.crm.public_hosts import PublicHosts
from dealtalk.crm.whole_answer import WholeAnswers
from dealtalk.errors import CrmUnavailable, NeedsAttention, OutcomeUnknown, Permanent, Retryable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dealtalk.crm.oauth import TokenSource

    Sign = Callable[[bytes], Mapping[str, str]]

CONNECT_TIMEOUT = 3.0
READ_TIMEOUT = 10.0
"""For a whole answer, in seconds (see `whole_answer`)."""

MAX_ANSWER_BYTES = 4 * 1024 * 1024
LEAST_TIME = 0.5
"""A call is not begun with less time than this left, in seconds."""

Params = Sequence[tuple[str, str | int]]
"""A query string's pairs, in order; a name may repeat."""

_PATH = re.compile(r"/[A-Za-z0-9_\-./]*")
_BASE = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[A-Za-z0-9_.\-]{1,253}|\[[0-9a-f:]{2,39}\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>[/A-Za-z0-9_.\-]*)"
)
_SECONDS = re.compile(r"[0-9]{1,6}", re.ASCII)
MAX_PORT = 65_535
_NEVER_SENT = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NameResolutionError,
)
_sessions: dict[str, requests.Session] = {}


@dataclass(frozen=True, slots=True)
class Form:
    """A body that is sent as a form instead of JSON."""

    pairs: Params


@dataclass(frozen=True, slots=True)
class Answer:
    """What the host answered. `body` is the parsed JSON, None where there was none or it was no JSON.

    `retry_after`: the seconds that the host asked to wait, None where it named none.
    """

    status: int
    body: Any = None
    retry_after: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the status is a success."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


class Http:
    """Requests to `api_base` and to nothing else; `calls` counts them.

    `seconds_left` bounds every call by the turn's own deadline; `before_call` waits for the account's rate;
    `public_only` is for addresses that somebody typed: they must not lead into a private network. Raises NeedsAttention
    where `api_base` is not an address that `checked_base` takes.
    """

    def __init__(
        self,
        api_base: str,
        *,
        seconds_left: Callable[[], float],
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
        before_call: Callable[[], None] | None = None,
        public_only: bool = False,
    ) -> None:
        try:
            self._base = checked_base(api_base)
        except ValueError as error:
            raise NeedsAttention(str(error)) from None
        self._seconds_left = seconds_left
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._before_call = before_call
        self._public_only = public_only
        self.calls = 0

    def get(
        self, path: str, *, params: Params | None = None, headers: Mapping[str, str] | None = None, once: bool = False
    ) -> Answer:
        """Return the answer to a GET; once more where the connection failed. Raises Retryable, NeedsAttention.

        `once`: this GET acts, as the exchange of a token that works once; it is never repeated.
        """
        try:
            return self._call("GET", path, params=params, headers=headers)
        except _ConnectionLost:
            if once:
                raise
            return self._call("GET", path, params=params, headers=headers)

    def write(
        self,
        method: str,
        path: str,
        *,
        payload: object,
        headers: Mapping[str, str] | None = None,
        sign: Sign | None = None,
    ) -> Answer:
        """Return the answer to a POST, PATCH or DELETE with a JSON body or a `Form`, sent exactly once.

        `sign` returns headers for the body's bytes. Raises Retryable where nothing was sent, OutcomeUnknown where it
        was sent and no whole answer came back, NeedsAttention.
        """
        return self._call(method, path, payload=payload, headers=headers, sign=sign)

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        payload: object = None,
        headers: Mapping[str, str] | None = None,
        sign: Sign | None = None,
    ) -> Answer:
        if not _is_path(path):
            msg = "a CRM call's path holds an unexpected character"
            raise Permanent(msg)
        if self._before_call is not None:
            self._before_call()
        left = self._seconds_left()
        if left < LEAST_TIME:
            msg = "no time left for a call to the CRM"
            raise Retryable(msg)
        self.calls += 1
        body, content = _encoded(payload)
        signed = {} if sign is None or body is None else sign(body)
        try:
            with _session(self._base, public_only=self._public_only).request(
                method,
                self._base + path,
                params=params,
                data=body,
                headers={"Accept": "application/json", **content, **(headers or {}), **signed},
                timeout=(min(self._connect_timeout, left), min(self._read_timeout, left)),
                allow_redirects=False,
                stream=True,
            ) as response:
                return self._answer(method, response)
        except requests.RequestException as error:
            raise _lost(method, error) from None

    def _answer(self, method: str, response: requests.Response) -> Answer:
        if HTTPStatus.MULTIPLE_CHOICES <= response.status_code < HTTPStatus.BAD_REQUEST:
            msg = "the CRM's host answered with a redirect: the account was renamed or its address is wrong"
            raise NeedsAttention(msg)
        raw = bytearray()
        for chunk in response.iter_content(64 * 1024):
            raw += chunk
            if len(raw) > MAX_ANSWER_BYTES or self._seconds_left() <= 0:
                raise _cut(method)
        return Answer(response.status_code, _json(bytes(raw)), _retry_after(response.headers.get("Retry-After", "")))


class BearerHttp:
    """An `Http` that signs in with a bearer token and renews it once where the host says 401.

    A 401 acted on nothing, so even a write is repeated with the new token. A second 401 is returned to the caller.
    """

    def __init__(self, http: Http, tokens: TokenSource) -> None:
        self._http = http
        self._tokens = tokens

    @property
    def calls(self) -> int:
        """How many requests were sent."""
        return self._http.calls

    def get(self, path: str, *, params: Params | None = None) -> Answer:
        """See `Http.get`. Also raises what the token source raises."""
        return self._signed(lambda headers: self._http.get(path, params=params, headers=headers))

    def write(self, method: str, path: str, *, payload: object) -> Answer:
        """See `Http.write`. Also raises what the token source raises."""
        return self._signed(lambda headers: self._http.write(method, path, payload=payload, headers=headers))

    def _signed(self, call: Callable[[Mapping[str, str]], Answer]) -> Answer:
        token = self._tokens.bearer()
        answer = call({"Authorization": f"Bearer {token}"})
        if answer.status != HTTPStatus.UNAUTHORIZED:
            return answer
        renewed = self._tokens.renew(token)
        return answer if renewed == token else call({"Authorization": f"Bearer {renewed}"})


def _encoded(payload: object) -> tuple[bytes | None, dict[str, str]]:
    """Return a body's bytes and its header."""
    if payload is None:
        return None, {}
    if isinstance(payload, Form):
        return urlencode(payload.pairs).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    return json.dumps(payload, ensure_ascii=False).encode(), {"Content-Type": "application/json"}


class _ConnectionLost(CrmUnavailable):
    """The connection failed; a read may be tried once more."""


def checked_base(api_base: str) -> str:
    """Return the address without a slash at its end.

    Raises ValueError for anything but the root of an https host. For loopback hosts, where a simulator serves several
    accounts, http and a path are taken too.
    """
    match = _BASE.fullmatch(api_base)
    local = match is not None and _is_loopback(match["host"].strip("[]"))
    path = match["path"].rstrip("/") if match else ""
    if (
        match is None
        or (match["scheme"] == "http" and not local)
        or int(match["port"] or 0) > MAX_PORT
        or (path and not (local and _is_path(path)))
    ):
        # Whatever two readers of an address could read differently is no address: user info, backslashes, dots of
        # other alphabets, line ends.
        msg = "a CRM's address is https://host, nothing more"
        raise ValueError(msg)
    return api_base.rstrip("/")


def _is_path(path: str) -> bool:
    return bool(_PATH.fullmatch(path)) and "//" not in path and ".." not in path


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _session(base: str, *, public_only: bool = False) -> requests.Session:
    parts = urlsplit(base)
    # A host of this machine is a simulator's, and was named as such.
    guarded = public_only and not _is_loopback(parts.hostname or "")
    host = f"{'public ' if guarded else ''}{parts.netloc}"
    if host not in _sessions:
        session = requests.Session()
        # Neither .netrc nor proxies of the environment: the first would replace the token, the second would see it.
        session.trust_env = False
        for scheme in ("https://", "http://"):
            session.mount(scheme, PublicHosts() if guarded else WholeAnswers())
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        _sessions[host] = session
    return _sessions[host]


def _retry_after(value: str) -> float | None:
    """Return the seconds of a Retry-After header; None for a date, which few send and clocks spoil."""
    return float(value) if _SECONDS.fullmatch(value) else None


def _lost(method: str, error: requests.RequestException) -> Retryable:
    """Return what a failed exchange means: nothing was sent, it can be read again, or nobody knows."""
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    if isinstance(error, requests.ConnectTimeout) or isinstance(reason, _NEVER_SENT):
        msg = "the CRM's host could not be reached"
        return _ConnectionLost(msg)
    if isinstance(error, requests.exceptions.SSLError):
        msg = "no safe connection to the CRM's host"
        return _ConnectionLost(msg)
    if method != "GET":
        msg = "the request was sent to the CRM and no answer came"
        return OutcomeUnknown(msg)
    msg = "the CRM did not answer"
    if isinstance(error, requests.Timeout) or isinstance(cause, urllib3.exceptions.ReadTimeoutError):
        return CrmUnavailable(msg)
    return _ConnectionLost(msg)


def _cut(method: str) -> Retryable:
    if method != "GET":
        msg = "the CRM's answer was not read to its end"
        return OutcomeUnknown(msg)
    msg = "the CRM's answer is too large or too slow"
    return CrmUnavailable(msg)


def _json(raw: bytes) -> Any:  # noqa: ANN401 (any JSON)
    try:
        return json.loads(raw, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
