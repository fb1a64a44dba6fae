"""From a body's bytes to a payload: a form or JSON, whatever the content type claims.

CRMs post forms as JSON and JSON as forms, and some name no content type. What the body begins with decides: no form's
key begins with a brace or a bracket.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from dealtalk.ingress.forms import MAX_DEPTH, MAX_KEYS, parse_form
from dealtalk.ingress.http import BadRequest

if TYPE_CHECKING:
    from dealtalk.ingress.events import Payload

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def decode_body(raw: bytes) -> Payload:
    """Return the payload of a body, its numbers as str in both formats.

    Raises BadRequest where it is neither a JSON object nor a form, where it is too deep or too wide, and where it is
    not UTF-8: a text that cannot be read cannot be answered.
    """
    raw = raw.removeprefix(_BYTE_ORDER_MARK).strip()
    if raw.startswith((b"{", b"[")):
        return _parse_json(raw)
    if b"=" not in raw:
        raise BadRequest("neither_form_nor_json")
    return parse_form(raw)


def decode_list(raw: bytes) -> Payload:
    """Return the elements of a JSON array as `{"events": [...]}`, its numbers as str. Raises BadRequest."""
    value = _json_value(raw.removeprefix(_BYTE_ORDER_MARK).strip())
    if not isinstance(value, list):
        raise BadRequest("no_json_array")
    payload: Payload = {"events": value}
    _measure(payload)
    return payload


def _parse_json(raw: bytes) -> Payload:
    value = _json_value(raw)
    if not isinstance(value, dict):
        raise BadRequest("no_json_object")
    _measure(value)
    return value


def _json_value(raw: bytes) -> Any:  # noqa: ANN401 (any JSON)
    try:
        # Numbers stay text: no id loses digits, and no number is long enough to cost anything.
        return json.loads(raw.decode(), strict=False, parse_int=str, parse_float=str, parse_constant=_refuse)
    except UnicodeDecodeError:
        raise BadRequest("utf8") from None
    except RecursionError:
        raise BadRequest("too_deep") from None
    except ValueError:
        raise BadRequest("json") from None


def _refuse(_constant: str) -> NoReturn:
    """Refuse NaN and the infinities, which are not JSON."""
    raise BadRequest("json")


def _measure(payload: Payload) -> None:
    """Raise BadRequest where the document is deeper or has more keys and elements than a form may have."""
    keys = 0
    level: list[Any] = [payload]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for group in level:
            keys += len(group)
            if keys > MAX_KEYS:
                raise BadRequest("too_many_keys")
            values = group.values() if isinstance(group, dict) else group
            inner += [value for value in values if isinstance(value, (dict, list))]
        if not inner:
            return
        level = inner
    raise BadRequest("too_deep")
