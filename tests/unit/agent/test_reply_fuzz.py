"""Splitting and cleaning for any text at all."""

from __future__ import annotations

import re
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from dealtalk.agent.reply import clean_reply, split_reply
from tests.unit.agent.accounts import profile

BOT = profile("reply: {max_characters: 60}")
MARKUP = ["**", "[x](http://evil.com)", "<b>", "https://evil.com/a ", "evil.com", "&amp;", "[url=x]", "`", "_"]
WHOLE = ["👨‍👩‍👧", "🇷🇺", "👍🏽", "e\u0301", "한", "\u1112\u1161", "1️⃣"]
PIECES = st.sampled_from(["Привет. ", "слово ", "a", "! ", "\n", "  ", "⟦", "\x00", "\u202e", "…", *MARKUP, *WHOLE])
TEXTS = st.lists(PIECES | st.text(max_size=6), max_size=25).map("".join)


def compact(text: str) -> str:
    """Return a text without white space."""
    return "".join(text.split())


@settings(deadline=None, max_examples=300)
@given(text=TEXTS, limit=st.integers(1, 60))
def test_parts_are_full_of_all_the_text_and_fit(text: str, limit: int) -> None:
    """No empty part, none too long, nothing but white space lost, the order kept."""
    parts = split_reply(text, limit)
    assert all(0 < len(part) <= limit for part in parts)
    assert all(part.strip() for part in parts)
    assert compact("".join(parts)) == compact(text)


@settings(deadline=None, max_examples=300)
@given(characters=st.lists(st.sampled_from([*WHOLE, "a", "ё", "."]), min_size=1, max_size=30), limit=st.integers(8, 30))
def test_no_part_begins_inside_a_character(characters: list[str], limit: int) -> None:
    """A family, a flag or an accented letter is never torn in two."""
    text = "".join(characters)
    parts = split_reply(text, limit)
    ends = [sum(map(len, parts[:count])) for count in range(1, len(parts))]
    whole = {sum(map(len, characters[:count])) for count in range(len(characters))}
    assert "".join(parts) == text
    assert set(ends) <= whole


@settings(deadline=None, max_examples=300)
@given(text=TEXTS)
def test_a_clean_reply_is_short_plain_and_links_nowhere(text: str) -> None:
    """Whatever the model wrote."""
    shown = clean_reply(text, BOT)
    assert len(shown) <= 60
    assert shown == shown.strip()
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} and c != "\n" for c in shown)
    assert not re.search(r"evil\.com(?![a-z0-9@])", shown, re.IGNORECASE) or "@" in shown
    assert not {"⟦", "⟧", "\u202e"} & set(shown)


@settings(deadline=None, max_examples=200)
@given(text=TEXTS)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    """An echo compared with the cleaned text is equal to it."""
    once = clean_reply(text, BOT)
    assert clean_reply(once, BOT) == once
