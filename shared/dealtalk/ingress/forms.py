"""Forms with PHP-style nested keys: `message[add][0][text]=...`, as PHP's http_build_query writes them.

What PHP does and forms do not settle is settled here: a key that comes twice has its last value; so has a key that is a
value in one place and a group in another; `a[]` takes the next free number; a key with unpaired brackets is a plain
name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from dealtalk.ingress.http import BadRequest

if TYPE_CHECKING:
    from dealtalk.ingress.events import Payload

MAX_KEYS = 5_000
"""Keys of one body. A message has about 20, so a burst of 100 takes 2,000."""

MAX_DEPTH = 10
"""Levels of one key or of a JSON document. A message's deepest key has five."""


def parse_form(raw: bytes) -> Payload:
    """Return the nested groups of a form, all values str, percent-encoding undone exactly once.

    Numeric keys stay dict keys ("0", "1"). Raises BadRequest for more than `MAX_KEYS` keys, a key deeper than
    `MAX_DEPTH`, and bytes that are no UTF-8.
    """
    pairs = raw.replace(b"+", b" ").split(b"&", MAX_KEYS)
    if len(pairs) > MAX_KEYS:
        raise BadRequest("too_many_keys")
    payload: Payload = {}
    for pair in pairs:
        name, _, value = pair.partition(b"=")
        if name:
            # Most names have no other escapes than these: undone here, they cost a third of what they cost below.
            name = name.replace(b"%5B", b"[").replace(b"%5D", b"]")
            _put(payload, _split(_decode(name)), _decode(value))
    return payload


def _decode(part: bytes) -> str:
    try:
        return (unquote_to_bytes(part) if b"%" in part else part).decode()
    except UnicodeDecodeError:
        raise BadRequest("utf8") from None


def _split(key: str) -> list[str]:
    """Split `a[b][c]` into a, b, c."""
    depth = key.count("[") + 1
    if depth > MAX_DEPTH:
        raise BadRequest("too_deep")
    name, opened, rest = key.partition("[")
    if not opened or not name or not rest.endswith("]"):
        return [key]
    parts = rest[:-1].split("][")
    if len(parts) != depth - 1 or rest.count("]") != depth - 1:
        return [key]
    return [name, *parts]


def _put(payload: Payload, path: list[str], value: str) -> None:
    group = payload
    for part in path[:-1]:
        name = part or _next_number(group)
        inner = group.get(name)
        if not isinstance(inner, dict):
            inner = group[name] = {}
        group = inner
    group[path[-1] or _next_number(group)] = value


def _next_number(group: Payload) -> str:
    number = len(group)
    while str(number) in group:
        number += 1
    return str(number)
