"""From the deployment's settings and the model's secret to requests at an endpoint."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from dealtalk.agent.opening import model_opener
from dealtalk.agent.profile import parse_profile
from dealtalk.crm.secrets import parse_secret
from dealtalk.errors import DealtalkError
from dealtalk.ports import PromptMessage, Role
from dealtalk.settings import Settings
from tests.contract.crm.world import GivenSecrets
from tests.fakes.world import PROFILE

if TYPE_CHECKING:
    from collections.abc import Iterator


class Refusing(BaseHTTPRequestHandler):
    """Refuses every request and remembers with which key it came."""

    seen: list[str]

    def do_POST(self) -> None:
        """Answer 401."""
        self.seen.append(self.headers["Authorization"])
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Say nothing."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    """Run an endpoint that lets nobody in."""
    Refusing.seen = []
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("kept", ['{"api_key": "sk-1"}', "sk-1", '"sk-1"', " sk-1\n"])
def test_the_key_may_be_kept_as_json_or_as_it_is(endpoint: str, kept: str) -> None:
    """Who pastes the bare key into the console has done nothing wrong."""
    settings = Settings.from_env(
        {
            "DEALTALK_TABLE": "t",
            "DEALTALK_QUEUE_URL": "q",
            "DEALTALK_MODEL_BASE_URL": endpoint,
            "DEALTALK_MODEL": "m",
            "DEALTALK_MODEL_SECRET": "model",
        }
    )
    secrets = GivenSecrets({"model": dict(parse_secret(kept))})
    model = model_opener(settings, secrets)(parse_profile(PROFILE, source="test.yaml"))
    with pytest.raises(DealtalkError):
        model.answer([PromptMessage(Role.USER, "hello")], [], timeout=5.0)
    assert set(Refusing.seen) == {"Bearer sk-1"}
