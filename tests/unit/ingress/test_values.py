"""What may be believed of a single value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dealtalk.ingress.values import clean_text, number_id, one_line, opaque_id, unix_time
from tests.unit.ingress.fakes import NOW


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a\x00b", "ab"),
        ("a\x07\x1b[31mb\x7f\x85", "a[31mb"),
        ("a\tb\nc", "a\tb\nc"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\ud83db", "a\ufffdb"),
    ],
)
def test_control_characters_and_broken_surrogates_are_kept_out(given: str, kept: str) -> None:
    """The table takes no lone surrogate, and no log or CRM is handed a control character."""
    assert clean_text(given) == kept


@pytest.mark.parametrize(
    "text",
    [
        "👨‍👩‍👧 семья",
        "🇷🇺👍🏽",
        "שלום \u200f(ок)\u200e",
        "مرحبا",
        "<b>[b]x[/b]</b>",
        "e\u0301",
        "\u202bRTL\u202c",
        "日本",
    ],
)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    """Emoji, joiners, direction marks, HTML and BB-code are text."""
    assert clean_text(text) == text


@pytest.mark.parametrize("value", [None, True, False, [], {}, ["a"], {"a": "b"}, 1.5])
def test_what_is_no_text_is_an_empty_text(value: object) -> None:
    """A group where a text belongs says nothing."""
    assert clean_text(value) == ""


def test_a_name_is_one_line_and_no_longer_than_its_limit() -> None:
    """Names go into prompts and notes: no line of their own."""
    assert one_line(" Олег \n\n Иванов ", 9) == "Олег Иван"


@pytest.mark.parametrize("value", ["", " \n", None, {}, "\x00"])
def test_a_name_of_nothing_is_none(value: object) -> None:
    """Nothing is not a name."""
    assert one_line(value, 10) is None


@pytest.mark.parametrize(("value", "number"), [("27754599", "27754599"), (27754599, "27754599"), (" 7 ", "7")])
def test_an_id_is_digits(value: object, number: str) -> None:
    """As text or as number."""
    assert number_id(value) == number


@pytest.mark.parametrize(
    "value",
    [
        "",
        "0",
        "000",
        "-1",
        "1.5",
        "1e9",
        "٣",
        "²",
        "12a",
        "1" * 21,
        10**30,
        -5,
        True,
        None,
        [],
        {"0": "1"},
        "1\n2",
        0,
        pytest.param(10**5_000, id="huge"),
    ],
)
def test_what_is_no_id_is_dropped(value: object) -> None:
    """Not of digits, zero, or longer than 20 digits."""
    assert number_id(value) is None


def test_a_vendors_id_is_kept_as_it_is() -> None:
    """Up to 128 printable characters."""
    assert opaque_id("a0ce13c7-4825-4ecc-9dc0-b35c49b86db4") == "a0ce13c7-4825-4ecc-9dc0-b35c49b86db4"
    assert opaque_id("x" * 128) == "x" * 128


@pytest.mark.parametrize("value", ["x" * 129, "x" * 1_000_000, "a\x00b", "a\ud83d", "a\u202eb"])
def test_a_long_or_unprintable_id_is_replaced_by_its_hash(value: str) -> None:
    """The message is still answered, and its repetition is still recognised."""
    replaced = opaque_id(value)
    assert replaced is not None
    assert replaced.startswith("sha256:")
    assert replaced == opaque_id(value)
    assert len(replaced) < 50


@pytest.mark.parametrize("value", ["", "  ", None, [], {}, True])
def test_an_id_of_nothing_is_none(value: object) -> None:
    """Nothing is not an id."""
    assert opaque_id(value) is None


def test_past_times_are_kept() -> None:
    """A message that was sent hours ago must look its age."""
    assert unix_time("1695482791", NOW) == datetime(2023, 9, 23, 15, 26, 31, tzinfo=UTC)


def test_a_clock_that_is_a_little_ahead_is_believed() -> None:
    """Up to five minutes."""
    ahead = NOW + timedelta(minutes=5)
    assert unix_time(str(int(ahead.timestamp())), NOW) == ahead


@pytest.mark.parametrize(
    "value",
    [
        str(int(NOW.timestamp()) + 301),
        "4102444800",
        "99999999999",
        "1795168000000",
        "9" * 5_000,
        pytest.param(10**5_000, id="huge"),
        "1262303999",
        "0",
        "-1",
        "",
        None,
        "вчера",
        "1.5",
        {},
        True,
    ],
)
def test_future_ancient_and_broken_times_become_now(value: object) -> None:
    """More than five minutes ahead, before 2010, milliseconds, garbage."""
    assert unix_time(value, NOW) == NOW
