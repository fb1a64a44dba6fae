"""Forms with PHP-style nested keys."""

from __future__ import annotations

from urllib.parse import quote_plus, urlencode

import pytest

from dealtalk.ingress.forms import MAX_DEPTH, MAX_KEYS, parse_form
from dealtalk.ingress.http import BadRequest
from tests.unit.ingress.fakes import message_form


def test_nested_keys_become_groups() -> None:
    """Numbers stay keys of a dict."""
    form = b"message[add][0][text]=a&message[add][1][text]=b"
    assert parse_form(form) == {"message": {"add": {"0": {"text": "a"}, "1": {"text": "b"}}}}


def test_percent_encoded_brackets_nest_too() -> None:
    """PHP's http_build_query encodes the brackets; some senders write them in lower case."""
    assert parse_form(b"a%5Bb%5D%5bc%5d=1") == {"a": {"b": {"c": "1"}}}


@pytest.mark.parametrize(
    "text", ["a & b = c", "1+1=2", "100%", "%26", "%2526", "50%25", "a;b", "[b]жирный[/b]", "<b>&amp;</b>", "%5B", "\n"]
)
def test_a_text_is_decoded_exactly_once(text: str) -> None:
    """Decoding twice would break `&`, `+` and `%` in what customers write."""
    assert parse_form(f"text={quote_plus(text)}".encode()) == {"text": text}


def test_an_escape_in_a_key_is_decoded_exactly_once() -> None:
    """A key whose own text is an escape stays that text."""
    assert parse_form(b"%255Ba%255D=1") == {"%5Ba%5D": "1"}


def test_plus_is_a_space() -> None:
    """As in every form."""
    assert parse_form(b"a+b=c+d") == {"a b": "c d"}


def test_blank_values_are_kept() -> None:
    """A picture's message has an empty text, not none."""
    assert parse_form(b"text=&flag") == {"text": "", "flag": ""}


def test_a_key_that_comes_twice_has_its_last_value() -> None:
    """As in PHP."""
    assert parse_form(b"a[b]=1&a[b]=2") == {"a": {"b": "2"}}


def test_empty_brackets_append() -> None:
    """`a[]` takes the next free number."""
    assert parse_form(b"a[]=x&a[]=y") == {"a": {"0": "x", "1": "y"}}


def test_empty_brackets_skip_numbers_that_are_taken() -> None:
    """Appending never replaces what has a number already."""
    assert parse_form(b"a[1]=x&a[]=y&a[]=z") == {"a": {"1": "x", "2": "y", "3": "z"}}


def test_appended_groups_are_separate() -> None:
    """Each `a[]` in front of another level opens a group of its own."""
    assert parse_form(b"a[][x]=1&a[][x]=2") == {"a": {"0": {"x": "1"}, "1": {"x": "2"}}}


def test_a_value_that_becomes_a_group_is_replaced() -> None:
    """The last word counts, also between a value and a group."""
    assert parse_form(b"attachment=&attachment[type]=voice") == {"attachment": {"type": "voice"}}


def test_a_group_that_becomes_a_value_is_replaced() -> None:
    """The last word counts, also between a group and a value."""
    assert parse_form(b"a[b]=1&a=2") == {"a": "2"}


@pytest.mark.parametrize("key", ["a[b", "a]b", "a[b]c", "[a]", "[", "]", "a[b]]", "a[[b]]", "a[b][c"])
def test_a_key_with_unpaired_brackets_is_a_plain_name(key: str) -> None:
    """Nothing is guessed into a group."""
    assert parse_form(f"{key}=1".encode()) == {key: "1"}


def test_empty_parts_and_nameless_values_are_skipped() -> None:
    """They say nothing."""
    assert parse_form(b"&&a=1&=x&") == {"a": "1"}


def test_a_burst_of_a_hundred_messages_is_read() -> None:
    """The cap on keys is far from what a CRM posts."""
    pairs: dict[str, str] = {}
    for number in range(100):
        pairs |= message_form(
            number, attachment__type="", attachment__link="", attachment__file_name="", message_type="text"
        )
    assert len(parse_form(urlencode(pairs).encode())["message"]["add"]) == 100


def test_as_many_keys_as_allowed_are_read() -> None:
    """The cap is inclusive."""
    assert len(parse_form(b"&".join(b"a%d=1" % number for number in range(MAX_KEYS)))) == MAX_KEYS


@pytest.mark.parametrize("part", [b"a=1", b"", b"a[]=1", b"a[b]=1"])
def test_ten_thousand_keys_are_refused(part: bytes) -> None:
    """Whatever they are, repeated or empty."""
    with pytest.raises(BadRequest, match="too_many_keys"):
        parse_form(b"&".join([part] * 10_000))


def test_a_key_of_the_allowed_depth_is_read() -> None:
    """The cap is inclusive."""
    assert parse_form(b"a" + b"[b]" * (MAX_DEPTH - 1) + b"=1")


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 50, 100_000])
def test_a_deeper_key_is_refused(depth: int) -> None:
    """However deep, without recursion."""
    with pytest.raises(BadRequest, match="too_deep"):
        parse_form(b"a" + b"[b]" * (depth - 1) + b"=1")


@pytest.mark.parametrize("form", [b"text=%FF", b"text=\xd0", b"%C0%AF=1", b"text=%ED%A0%80", b"a[%FF]=1"])
def test_broken_utf8_is_refused(form: bytes) -> None:
    """A text that cannot be read cannot be answered, and a guess would be stored as the customer's word."""
    with pytest.raises(BadRequest, match="utf8"):
        parse_form(form)


@pytest.mark.parametrize("text", ["%", "%zz", "100 %", "%f"])
def test_a_percent_sign_that_escapes_nothing_stays(text: str) -> None:
    """Sloppy senders do not lose their text."""
    assert parse_form(f"text={text}".encode()) == {"text": text}
