"""PHP's nested form keys (`filter[type][]`, `message[add][0][id]`), both ways."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_PART = re.compile(r"\[([^\]]*)\]")


def parse_nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the nested dict that PHP makes of form or query pairs; `[]` counts up from 0, keys stay strings."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        head, bracket, rest = key.partition("[")
        path = [head, *_PART.findall(bracket + rest)]
        node = result
        for part in path[:-1]:
            child = node.setdefault(part or str(len(node)), {})
            if not isinstance(child, dict):
                break
            node = child
        else:
            node[path[-1] or str(len(node))] = value
    return result


def flatten(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the pairs by which PHP sends a nested structure: every value a string, None as an empty one."""
    for key, value in data.items():
        yield from _flatten(str(key), value)


def encode_form(data: Mapping[str, Any]) -> bytes:
    """Return the body of an application/x-www-form-urlencoded webhook."""
    return urlencode(list(flatten(data)), errors="replace").encode()


def values_of(value: Any) -> list[str]:
    """Return a filter's values: `filter[x]=1` and `filter[x][]=1` mean the same."""
    if value is None:
        return []
    if isinstance(value, dict):
        return [str(item) for item in value.values() if not isinstance(item, dict)]
    return [str(value)]


def _flatten(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _flatten(f"{key}[{name}]", item)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _flatten(f"{key}[{index}]", item)
    elif isinstance(value, bool):
        yield key, "1" if value else "0"
    else:
        yield key, "" if value is None else str(value)
