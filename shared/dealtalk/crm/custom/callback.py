"""Posting events to the receiver's address: signed, once, with every answer translated.

By the protocol an answer of 2xx means that the event was taken, and any other that it was not and will come again with
the same id; a gateway's 502 and 504 do not say which. The receiver has 20 seconds.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from dealtalk.crm.custom.signature import signature_headers
from dealtalk.crm.http import Http
from dealtalk.errors import CrmUnavailable, NeedsAttention, OutcomeUnknown, Permanent, RateLimited

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dealtalk.connections import Connection
    from dealtalk.crm.custom.options import CustomOptions
    from dealtalk.crm.http import Answer
    from dealtalk.crm.registry import Opening

Json = dict[str, Any]

READ_TIMEOUT = 20.0
PAUSE = 5.0
"""Seconds after a 429 that names no other time."""

LONGEST_PAUSE = 3600.0


class EventRefused(Permanent):
    """The receiver does not take this event, and would not take it a second time."""


class Callback:
    """One connection's way to its receiver. `post` raises NeedsAttention, RateLimited, Retryable, OutcomeUnknown."""

    def __init__(self, http: Http, path: str, headers: Callable[[bytes], Mapping[str, str]]) -> None:
        self._http = http
        self._path = path
        self._headers = headers

    @property
    def calls(self) -> int:
        """How many requests were sent."""
        return self._http.calls

    def post(self, event_type: str, event_id: str, body: Mapping[str, Any]) -> Json:
        """Send an event and return the answer's object, empty where there is none. Also raises EventRefused."""
        event = {"event_type": event_type, "event_id": event_id, **body}
        answer = self._http.write("POST", self._path, payload=event, sign=self._headers)
        if not answer.ok:
            raise _failure(answer)
        return answer.body if isinstance(answer.body, dict) else {}


def open_callback(connection: Connection, opening: Opening, options: CustomOptions) -> Callback:
    """Return the connection's callback. The secret's `token` travels as a bearer token where there is one."""
    http = Http(
        options.callback_base,
        seconds_left=opening.seconds_left,
        before_call=opening.before_call,
        read_timeout=READ_TIMEOUT,
        public_only=True,
    )

    def headers(body: bytes) -> Mapping[str, str]:
        token = opening.secrets.read(connection.secret).get("token")
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        secret = connection.signing_secret
        return bearer if secret is None else bearer | signature_headers(secret, body, opening.clock.now())

    return Callback(http, options.callback_path, headers)


def _failure(answer: Answer) -> Exception:
    match answer.status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return NeedsAttention("the receiver refused the token or the signature of the callback")
        case HTTPStatus.NOT_FOUND | HTTPStatus.METHOD_NOT_ALLOWED | HTTPStatus.GONE:
            return NeedsAttention(f"nothing takes events at the callback address ({answer.status})")
        case HTTPStatus.TOO_MANY_REQUESTS:
            wait = PAUSE if answer.retry_after is None else min(max(answer.retry_after, 1.0), LONGEST_PAUSE)
            return RateLimited("the receiver takes no more events at the moment", after=wait)
        case HTTPStatus.BAD_GATEWAY | HTTPStatus.GATEWAY_TIMEOUT:
            return OutcomeUnknown(f"a gateway answered {answer.status} for the receiver: it may have taken the event")
        case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return CrmUnavailable(f"the receiver answered {status}")
        case status:
            return EventRefused(f"the receiver refused the event ({status})")
