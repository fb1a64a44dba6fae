"""The mark by which a note or task is found again."""

from __future__ import annotations

import pytest

from dealtalk.crm.markers import ends_with_mark, holds_mark, mark, marked, without_marks


def test_a_marked_text_ends_with_its_own_mark_only() -> None:
    """The text stands first, the mark alone on the last line."""
    text = marked("Three windows", "m1")

    assert text.splitlines() == ["Three windows", mark("m1")]
    assert ends_with_mark(f"{text}\n\n", "m1")
    assert not ends_with_mark(text, "m2")


@pytest.mark.parametrize("text", ["a #dt:m1", "#dt:m11", "x#dt:m1"])
def test_a_mark_is_a_whole_line(text: str) -> None:
    """A longer mark, or one within a line, is another."""
    assert not holds_mark(text, "m1")
    assert not ends_with_mark(text, "m1")


def test_a_mark_among_other_lines_is_held_and_does_not_end_the_text() -> None:
    """Where notes share one field, later ones stand below."""
    text = marked("First", "m1") + "\n\n" + marked("Second", "m2")

    assert holds_mark(text, "m1")
    assert not ends_with_mark(text, "m1")


def test_a_forged_mark_is_taken_out_of_a_text() -> None:
    """What the model writes cannot pass for a later step's note."""
    assert without_marks("a\n  #dt:m2\nb") == "a\nb"
