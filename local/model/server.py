"""The stand-in's HTTP server: `POST /v1/chat/completions`, `GET /v1/models`, and a control path for tests.

`POST /control/faults` takes a list of faults (see `local.model.faults`) for the next requests, `GET /control/requests`
returns what was asked so far.
"""

from __future__ import annotations

import json
from collections import deque
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, Self

from local.model.faults import Fault
from local.model.reading import read_request
from local.model.seller import Answer, respond

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

MODEL_NAME = "dealtalk-stand-in"
MAX_BODY = 8_000_000
_OK = 200


class EmbeddedModel:
    """The stand-in on 127.0.0.1, usable as a context manager; `base_url` is what an OpenAI client is given.

    `requests` holds the bodies of all completions asked for, in order; `keys` the API keys they came with.
    """

    def __init__(self, port: int = 0) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.closing = Event()
        self._faults: deque[Fault] = deque()
        self._poison: dict[str, Fault] = {}
        self._lock = Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def base_url(self) -> str:
        """The base URL, up to and with `/v1`."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def queue(self, *faults: Fault) -> None:
        """Let the next requests go as these faults say, one each, in order."""
        with self._lock:
            self._faults.extend(faults)

    @contextmanager
    def poisoned(self, words: str, fault: Fault) -> Iterator[None]:
        """Answer every request that holds these words as the fault says, for as long as the block lasts."""
        with self._lock:
            self._poison[words] = fault
        try:
            yield
        finally:
            with self._lock:
                del self._poison[words]

    def asked(self, body: dict[str, Any], key: str) -> Fault:
        """Record a request and return its fate."""
        with self._lock:
            self.requests.append(body)
            self.keys.append(key)
            said = json.dumps(body, ensure_ascii=False) if self._poison else ""
            for words, fault in self._poison.items():
                if words in said:
                    return fault
            return self._faults.popleft() if self._faults else Fault()


def completion(body: dict[str, Any], fault: Fault, number: int) -> dict[str, Any]:
    """Return the chat completion that answers a request: the scripted one, or the seller's."""
    request = read_request(body)
    if fault.scripted:
        calls = [(name, arguments) for name, arguments in fault.tool_calls]
        text = fault.text or ""
    else:
        answer = respond(request)
        answer = Answer(text=answer.as_decision()) if request.by_schema else answer
        calls = [(name, json.dumps(arguments, ensure_ascii=False)) for name, arguments in answer.calls]
        text = answer.text
    message: dict[str, Any] = {"role": "assistant", "content": text or None}
    if calls:
        message["tool_calls"] = [
            {"id": f"call_{number}_{index}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for index, (name, arguments) in enumerate(calls)
        ]
    return {
        "id": f"chatcmpl-stand-in-{number}",
        "object": "chat.completion",
        "created": 0,
        "model": MODEL_NAME,
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}],
        "usage": _usage(body, message),
    }


def _usage(body: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    """Return made-up but deterministic token counts: four characters a token, the system message counts as cached."""
    messages = body.get("messages", [])
    prompt = len(json.dumps([messages, body.get("tools")], ensure_ascii=False)) // 4
    cached = len(str(messages[0].get("content"))) // 4 if len(messages) > 2 and messages else 0  # noqa: PLR2004
    answer = max(1, len(json.dumps(message, ensure_ascii=False)) // 4)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answer,
        "total_tokens": prompt + answer,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


def _handler(model: EmbeddedModel) -> type[BaseHTTPRequestHandler]:
    return type("Handler", (_Handler,), {"model": model})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    model: EmbeddedModel

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self._send(_OK, {"object": "list", "data": [{"id": MODEL_NAME, "object": "model"}]})
        elif self.path == "/control/requests":
            self._send(_OK, self.model.requests)
        else:
            self._send(404, {"error": {"message": "no such path"}})

    def do_POST(self) -> None:
        body = self._body()
        if self.path == "/v1/chat/completions" and isinstance(body, dict):
            self._complete(body)
        elif self.path == "/control/faults" and isinstance(body, list):
            self.model.queue(*(Fault.from_json(item) for item in body))
            self._send(_OK, {"queued": len(body)})
        else:
            self._send(400, {"error": {"message": "not a request that this server knows"}})

    def _body(self) -> Any:
        length = int(self.headers.get("content-length") or 0)
        if length > MAX_BODY:
            self.close_connection = True
            return None
        try:
            return json.loads(self.rfile.read(length))
        except ValueError:
            return None

    def _complete(self, body: dict[str, Any]) -> None:
        fault = self.model.asked(body, (self.headers.get("authorization") or "").removeprefix("Bearer "))
        if fault.delay:
            self.model.closing.wait(fault.delay)
        if fault.hang or fault.drop:
            if fault.hang:
                self.model.closing.wait()
            self.close_connection = True
        elif fault.status is not None:
            retry = {"retry-after": fault.retry_after} if fault.retry_after else {}
            self._send(fault.status, {"error": fault.error or {"message": "told to fail", "code": "fault"}}, retry)
        elif fault.raw is not None:
            self._send_bytes(_OK, fault.raw.encode(), {}, fault.drip)
        else:
            answer = completion(body, fault, len(self.model.requests))
            self._send_bytes(_OK, json.dumps(answer, ensure_ascii=False).encode(), {}, fault.drip)

    def _send(self, status: int, data: object, headers: dict[str, str] | None = None) -> None:
        self._send_bytes(status, json.dumps(data, ensure_ascii=False).encode(), headers or {}, 0)

    def _send_bytes(self, status: int, body: bytes, headers: dict[str, str], drip: float) -> None:
        try:
            self.send_response(status)
            for name, value in {"content-type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            for chunk in [body[i : i + 1] for i in range(len(body))] if drip else [body]:
                self.wfile.write(chunk)
                if drip and self.model.closing.wait(drip):
                    return
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        """Stay silent: tests and the demo record requests themselves."""
