"""How the end-to-end tests ask: one HTTP call, and a question that is asked until it is answered."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 60
T = TypeVar("T")


def call(method: str, url: str, body: bytes | None = None, content_type: str | None = None) -> requests.Response:
    """Send one request as a CRM would: no cookies, no redirects; an error status is an answer too."""
    headers = {"content-type": content_type} if content_type else {}
    return requests.request(method, url, data=body, headers=headers, timeout=30, allow_redirects=False)


def wait_until(asked: Callable[[], T], what: str, seconds: float = SECONDS) -> T:
    """Ask again and again until the answer is true, and return it; fail with `what` after the deadline."""
    deadline = time.monotonic() + seconds
    while not (answer := asked()):
        if time.monotonic() > deadline:
            pytest.fail(f"did not come within {seconds:.0f} s: {what}")
        time.sleep(0.2)
    return answer
