"""A webhook from end to end: decode, find the connection, authenticate, parse, store and ring, answer.

Every answer before the account is known depends on the body alone, so that no status tells whether a key exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dealtalk.connections import ConnectionState
from dealtalk.errors import Retryable
from dealtalk.ingress.body import decode_body
from dealtalk.ingress.deadline import deadline
from dealtalk.ingress.http import MAX_BODY, PROBES, BadRequest, answer, read_request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from aws_lambda_powertools import Logger, Metrics

    from dealtalk.connections import Connection
    from dealtalk.ingress.events import Inbound, ParsedEvents, Payload
    from dealtalk.ingress.ports import ConnectionLookup, Intake
    from dealtalk.ports import Clock

    Keep = Callable[[Connection, Payload, ParsedEvents], None]

DEADLINE_SECONDS = 1.6
"""amoCRM waits 2 s, the shortest of the CRMs; the rest is for the way there and back."""

_MAX_KEY = 200
_CLIENT_ERROR = 400
_UNAUTHORIZED = 401
_SERVER_ERROR = 500


class _Course:
    """What is known of one invocation, for its log line and its metrics. No key, path, text, name or phone."""

    def __init__(self) -> None:
        self.status = _SERVER_ERROR
        self.connection: str | None = None
        self.reason: str | None = None
        self.error: str | None = None
        self.error_at: str | None = None
        self.body_bytes = 0
        self.text_characters = 0
        self.messages = 0
        self.stored = 0
        self.known = 0
        self.echoes = 0
        self.takeovers = 0
        self.rung = 0
        self.ignored: Mapping[str, int] = {}
        self.document: Mapping[str, Any] | None = None

    def fields(self) -> dict[str, Any]:
        """Return what is to be logged: the status and all that is not empty."""
        return {name: value for name, value in vars(self).items() if value and name != "document"}


class Webhook:
    """The webhook of one CRM, composed once per process.

    `decode` is the adapter's own where the CRM posts something else than a form or a JSON object; `max_body` is for one
    whose bodies carry files; `keep` stores what a body says besides its messages, before they are stored; `below` is
    the part of the path between the CRM's name and the key, for a second webhook of a CRM.

    `metrics` gets `crm` as a default dimension. `EventsIgnored` counts all kinds together, as a custom metric per kind
    would be paid for each; the kinds stand in the log line and in the metric's metadata.
    """

    def __init__(  # noqa: PLR0913 (composed once, each part by its name)
        self,
        crm: str,
        inbound: Inbound,
        connections: ConnectionLookup,
        intake: Intake,
        logger: Logger,
        metrics: Metrics,
        clock: Clock,
        decode: Callable[[bytes], Payload] = decode_body,
        *,
        max_body: int = MAX_BODY,
        keep: Keep | None = None,
        below: str = "",
    ) -> None:
        self._crm = crm
        self._inbound = inbound
        self._connections = connections
        self._intake = intake
        self._logger = logger
        self._metrics = metrics
        self._clock = clock
        self._decode = decode
        self._max_body = max_body
        self._keep = keep
        self._below = below
        if metrics.default_dimensions.get("crm") != crm:  # two webhooks of a CRM share one function
            metrics.set_default_dimensions(crm=crm)

    def handle(self, event: Any, context: object) -> dict[str, Any]:  # noqa: ANN401 (whatever Lambda was invoked with)
        """Return API Gateway's answer to a payload-2.0 event; never raises.

        200: taken, or well-formed and not ours to answer. 400, 405, 413: cannot be read. 401: the key, account or
        subdomain is wrong, which of them is not said. 500: nothing could be stored; the CRM is to send it again.
        Another 4xx: what the adapter's `parse` refused.
        """
        started = self._clock.now()
        course = _Course()
        try:
            with deadline(DEADLINE_SECONDS):
                self._run(event, course)
        except BadRequest as error:
            course.status, course.reason = error.status, error.reason
        except Retryable as error:
            course.error = type(error).__name__
        except Exception as error:  # noqa: BLE001 (the outermost edge: a stack trace must reach neither caller nor log)
            course.error, course.error_at = type(error).__name__, _innermost(error.__traceback__)
        self._log(course, context, milliseconds=int((self._clock.now() - started).total_seconds() * 1000))
        self._count(course)
        return answer(course.status, course.document)

    def _run(self, event: object, course: _Course) -> None:
        """Do the work; `course.status` stays 500 until all of it was done."""
        request = read_request(event, self._max_body)
        if request.method in PROBES:
            course.status = 200
            return
        course.body_bytes = len(request.body)
        payload = self._decode(request.body)
        connection = self._find(request.connection.removeprefix(self._below))
        if connection is None:
            course.status, course.reason = _UNAUTHORIZED, "unknown_key"
            return
        course.connection = connection.id
        if not self._inbound.authenticate(connection, request, payload, self._clock.now()):
            course.status, course.reason = _UNAUTHORIZED, "other_account"
            return
        if connection.state is ConnectionState.OFF:
            course.status, course.ignored = 200, {"connection_off": 1}
            return
        events = self._inbound.parse(connection, payload, self._clock.now())
        course.ignored = events.ignored
        course.messages = len(events.messages)
        course.text_characters = sum(len(message.text) for message in events.messages)
        if events.refusal is not None:
            course.status, course.reason, course.document = events.refusal.status, "unusable", events.refusal.body
            return
        if self._keep is not None:
            self._keep(connection, payload, events)
        if events.messages:
            result = self._intake.take(connection, events.messages)
            course.stored, course.known, course.rung = result.stored, result.known, result.rung
            course.echoes, course.takeovers = result.echoes, result.takeovers
        course.status, course.document = 200, events.told

    def _find(self, key: str) -> Connection | None:
        return self._connections.find(self._crm, key) if 0 < len(key) <= _MAX_KEY else None

    def _log(self, course: _Course, context: object, *, milliseconds: int) -> None:
        fields = {"crm": self._crm, "ms": milliseconds, **course.fields()}
        request_id = getattr(context, "aws_request_id", None)
        if request_id:
            fields["request_id"] = request_id
        if course.status >= _SERVER_ERROR:
            self._logger.error("webhook", extra=fields)
        elif course.status >= _CLIENT_ERROR:
            self._logger.warning("webhook", extra=fields)
        else:
            self._logger.info("webhook", extra=fields)

    def _count(self, course: _Course) -> None:
        """Write this invocation's metrics as one line, none where there is nothing to count."""
        counts = {
            "MessagesIn": course.stored,
            "EventsIgnored": sum(course.ignored.values()),
            "Unauthorized": int(course.status == _UNAUTHORIZED),
            "BadRequests": int(_CLIENT_ERROR <= course.status < _SERVER_ERROR and course.status != _UNAUTHORIZED),
            "WebhookErrors": int(course.status >= _SERVER_ERROR),
        }
        counts = {name: count for name, count in counts.items() if count}
        if not counts:
            return
        for name, count in counts.items():
            self._metrics.add_metric(name=name, unit="Count", value=count)
        if course.ignored:
            self._metrics.add_metadata(key="ignored", value=dict(course.ignored))
        self._metrics.flush_metrics()


def _innermost(traceback: TracebackType | None) -> str | None:
    """Return module and line of the innermost frame of this package: enough to find the fault, without its text."""
    place = None
    while traceback is not None:
        module = traceback.tb_frame.f_globals.get("__name__", "")
        if module.startswith("dealtalk."):
            place = f"{module}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place
