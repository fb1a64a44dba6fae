"""What is printed where."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from dealtalk_cli.voice import Voice, never_fail_on_letters, printable

if TYPE_CHECKING:
    import pytest


def test_with_json_the_steps_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """A script reads standard output whole."""
    voice = Voice(as_json=True)
    voice.done("profile read")
    voice.warn("no bot")
    voice.result({"name": "Анна"})
    captured = capsys.readouterr()
    assert captured.out == '{\n  "name": "Анна"\n}\n'
    assert captured.err == "✓ profile read\n! no bot\n"
    assert (voice.done_steps, voice.warnings) == (["profile read"], ["no bot"])


def test_for_people_there_is_no_json(capsys: pytest.CaptureFixture[str]) -> None:
    """They have read it line by line."""
    Voice(as_json=False).result({"name": "Анна"})
    assert capsys.readouterr().out == ""


def test_names_from_a_crm_cannot_command_the_terminal() -> None:
    """Escape sequences, carriage returns and the like become spaces."""
    assert printable("Okna\x1b[2J\rUfa\u202e") == "Okna [2J Ufa "


def test_a_terminal_without_cyrillic_gets_question_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Better than a stack trace."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    never_fail_on_letters()
    Voice(as_json=False).done("Окна")
    assert raw.getvalue() == b"? ????\n"
