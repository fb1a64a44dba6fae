"""From a body's bytes to a payload."""

from __future__ import annotations

import json

import pytest

from dealtalk.ingress.body import decode_body
from dealtalk.ingress.forms import MAX_DEPTH, MAX_KEYS
from dealtalk.ingress.http import BadRequest


def nested(depth: int) -> bytes:
    """Return a JSON object of `depth` levels."""
    return b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)


def test_a_form_is_told_by_its_beginning() -> None:
    """No content type is needed, and none is believed."""
    assert decode_body(b"a[b]=1") == {"a": {"b": "1"}}


@pytest.mark.parametrize("raw", [b'{"a": {"b": "1"}}', b'\xef\xbb\xbf {"a": {"b": "1"}}\n', b'\n\t{"a": {"b": "1"}}'])
def test_json_is_told_by_its_beginning(raw: bytes) -> None:
    """White space and a byte order mark in front do not matter."""
    assert decode_body(raw) == {"a": {"b": "1"}}


def test_json_numbers_become_text_as_in_forms() -> None:
    """Adapters read one kind of id, and no digit of it is lost."""
    assert decode_body(b'{"id": 31337000, "big": 12345678901234567890, "f": 1.50}') == {
        "id": "31337000",
        "big": "12345678901234567890",
        "f": "1.50",
    }


def test_a_number_of_a_hundred_thousand_digits_is_read_as_text() -> None:
    """No number costs more than its characters."""
    assert decode_body(b'{"id": ' + b"9" * 100_000 + b"}") == {"id": "9" * 100_000}


@pytest.mark.parametrize("raw", [b"[]", b'[{"account": {}}]', b"[1]"])
def test_a_json_list_at_the_top_is_refused(raw: bytes) -> None:
    """A webhook's document is an object."""
    with pytest.raises(BadRequest, match="no_json_object"):
        decode_body(raw)


@pytest.mark.parametrize("raw", [b"", b"   ", b'"text"', b"null", b"123", b"garbage", "мусор".encode()])
def test_a_body_that_is_neither_form_nor_json_is_refused(raw: bytes) -> None:
    """What has neither a brace in front nor a pair in it has nothing to say."""
    with pytest.raises(BadRequest, match="neither_form_nor_json"):
        decode_body(raw)


@pytest.mark.parametrize(
    "raw", [b'{"a": NaN}', b'{"a": Infinity}', b'{"a": -Infinity}', b'{"a": 1', b"{'a': 1}", b"{}{}"]
)
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    """Python's own additions to JSON are none."""
    with pytest.raises(BadRequest, match="json"):
        decode_body(raw)


def test_broken_utf8_in_json_is_refused() -> None:
    """As in a form."""
    with pytest.raises(BadRequest, match="utf8"):
        decode_body(b'{"text": "\xff"}')


def test_a_key_that_comes_twice_in_json_has_its_last_value() -> None:
    """As in a form."""
    assert decode_body(b'{"a": 1, "a": 2}') == {"a": "2"}


def test_raw_control_characters_in_a_json_text_are_no_reason_to_refuse() -> None:
    """A message with one is still a customer's message; what is stored is cleaned later."""
    assert decode_body(b'{"text": "a\x00b\nc"}') == {"text": "a\x00b\nc"}


def test_json_of_the_allowed_depth_is_read() -> None:
    """The cap is inclusive."""
    assert decode_body(nested(MAX_DEPTH))


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 50, 900, 5_000, 100_000])
def test_deeper_json_is_refused(depth: int) -> None:
    """However deep: neither a RecursionError nor a crash gets out."""
    with pytest.raises(BadRequest, match="too_deep"):
        decode_body(nested(depth))


def test_deep_lists_count_as_levels() -> None:
    """Depth is depth, in lists too."""
    with pytest.raises(BadRequest, match="too_deep"):
        decode_body(b'{"a": ' + b"[" * 50 + b"]" * 50 + b"}")


@pytest.mark.parametrize("wide", [dict.fromkeys(map(str, range(10_000)), 1), {"a": [1] * 10_000}, {"a": [[]] * 10_000}])
def test_ten_thousand_json_keys_or_elements_are_refused(wide: object) -> None:
    """JSON may be as wide as a form, not wider."""
    with pytest.raises(BadRequest, match="too_many_keys"):
        decode_body(json.dumps(wide).encode())


def test_as_many_json_keys_as_allowed_are_read() -> None:
    """The cap is inclusive."""
    assert len(decode_body(json.dumps(dict.fromkeys(map(str, range(MAX_KEYS)), 1)).encode())) == MAX_KEYS
