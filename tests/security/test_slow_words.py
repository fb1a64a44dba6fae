"""Texts that are made to be slow: nobody holds a webhook or a worker by how something is written.

Time is not measured. A pattern or a loop that looks at each run of characters from each of its places would take
minutes with these; pytest's own run would tell.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

import pytest

from dealtalk.agent.profile import parse_profile
from dealtalk.agent.reply import clean_reply
from dealtalk.agent.think import MAX_ANSWER_CHARACTERS
from dealtalk.ingress.body import decode_body
from dealtalk.ingress.http import MAX_BODY, BadRequest
from tests.fakes.world import PROFILE
from tests.unit.ingress.fakes import ACCOUNT, compose, message_form, post

if TYPE_CHECKING:
    from collections.abc import Iterator

BOTS = [parse_profile(PROFILE + f"reply: {{max_characters: {limit}}}\n", source="x") for limit in (600, 10_000)]
PIECES = [
    *("a.", "1.", "a-", "a@", "_", "-", "|", "|a", "|---", ":", " ", "\n", " \n", "- - ", "(", "( ", "[", "![](", "*a"),
    *("**a", "~~a", "`a", "> ", "&amp;", "amp;", "https://", "<a ", "<a href=", "<br", "<!--", "<script", "[url=", "."),
    *("x" * 62 + ".", "www.", "a.com.", "\u00a0", "https://a", "тест.", "1.1.1.1/", "⟦", "👍", "e\u0301", "\u200d"),
]


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """End what takes many times as long as it should, rather than wait for it."""

    def over(_signal: int, _frame: object) -> NoReturn:
        msg = "this takes far too long"
        raise AssertionError(msg)

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("piece", PIECES)
def test_no_reply_takes_long_to_clean(piece: str) -> None:
    """The longest answer that is kept, made of one piece again and again."""
    text = (piece * MAX_ANSWER_CHARACTERS)[:MAX_ANSWER_CHARACTERS]
    with patience(10):
        for bot in BOTS:
            assert len(clean_reply(text, bot)) <= bot.reply.max_characters


BODIES = {
    "crafted numbers": "&".join([f"a[{n}]=1" for n in range(2_500, 5_000)] + ["a[]=1"] * 2_490).encode(),
    "crafted numbers below": "&".join(["a[][]=1"] * 2_000 + [f"a[{n}][]=1" for n in range(2_990)]).encode(),
    "one number of a megabyte": b'{"a":' + b"9" * (MAX_BODY - 10) + b"}",
    "an index of a megabyte": b"a[" + b"9" * (MAX_BODY - 10) + b"]=1",
    "escapes": b"a=" + b"%41" * (MAX_BODY // 3 - 1),
    "brackets": b"a" + b"[" * (MAX_BODY - 10) + b"=1",
    "closing brackets": b"a[b]" + b"]" * (MAX_BODY - 10) + b"=1",
    "lists": b'{"a":[' + b"[]," * (MAX_BODY // 3 - 10) + b"[]]}",
    "spaces": b" " * (MAX_BODY - 4) + b"{}",
    "ampersands": b"&" * MAX_BODY,
    "JSON escapes": b'{"a":"' + b"\\u0041" * (MAX_BODY // 6 - 2) + b'"}',
    "strings that never end": b'{"a":"' + b"\\" * (MAX_BODY - 8) + b'"',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_no_body_takes_long_to_decode(body: bytes) -> None:
    """Before anybody's key is looked at, hence for everybody."""
    with patience(10), suppress(BadRequest):
        assert isinstance(decode_body(body), dict)


@pytest.mark.parametrize("letter", ["a.", "9", "\\", "%", "https://a.", " ", "\u200d", "я"])
def test_no_field_of_a_message_takes_long_to_read(letter: str) -> None:
    """A message whose every field is as long as a body may be."""
    names = (
        "id",
        "text",
        "chat_id",
        "origin",
        "author__name",
        "created_at",
        "attachment__link",
        "attachment__file_name",
    )
    filled = message_form(**dict.fromkeys(names, letter * (60_000 // len(letter.encode()) // 3)))
    rig = compose()
    with patience(10):
        assert rig.status(post(ACCOUNT | filled)) == 200
