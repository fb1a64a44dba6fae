"""Forms with PHP-style nested keys: `message[add][0][text]=...`, as PHP's http_build_query writes them.

What PHP does and forms do not settle is settled here: a key that comes twice has its last value; so has a key that is a
value in one place and a group in another; `a[]` takes the number after the highest; a key with unpaired brackets is a
plain name.
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

_LONGEST_NUMBER = 9
_Numbers = dict[int, int]
"""By a group's identity, the number that its next nameless part gets."""


def parse_form(raw: bytes) -> Payload:
    """Return the nested groups of a form, all values str, percent-encoding undone exactly once.

    Numeric keys stay dict keys ("0", "1"). Raises BadRequest for more than `MAX_KEYS` keys, a key deeper than
    `MAX_DEPTH`, and bytes that are no UTF-8.
    """
    pairs = raw.replace(b"+", b" ").split(b"&", MAX_KEYS)
    if len(pairs) > MAX_KEYS:
        raise BadRequest("too_many_keys")
    payload: Payload = {}
    numbers: _Numbers = {}
    for pair in pairs:
        name, _, value = pair.partition(b"=")
        if name:
            # Most names have no other escapes than these: undone here, they cost a third of what they cost below.
            name = name.replace(b"%5B", b"[").replace(b"%5D", b"]")
            _put(payload, _split(_decode(name)), _decode(value), numbers)
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


def _put(payload: Payload, path: list[str], value: str, numbers: _Numbers) -> None:
    group = payload
    for part in path[:-1]:
        name = _name(group, part, numbers)
        inner = group.get(name)
        if not isinstance(inner, dict):
            inner = group[name] = {}
        group = inner
    group[_name(group, path[-1], numbers)] = value


def _name(group: Payload, part: str, numbers: _Numbers) -> str:
    """Return a part's name, the next number for an empty one.

    That number is kept: looked for, it would let a body of crafted numbers take seconds.
    """
    following = numbers.get(id(group), 0)
    name = part or str(following)
    if name.isascii() and name.isdecimal() and len(name) <= _LONGEST_NUMBER:
        numbers[id(group)] = max(following, int(name) + 1)
    return name
