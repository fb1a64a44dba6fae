"""Asking and reading secrets."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from dealtalk_cli.asking import Asking, clean_secret, secret_from
from dealtalk_cli.errors import Trouble

if TYPE_CHECKING:
    from pathlib import Path


class Terminal(io.StringIO):
    """Somebody types."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


def test_a_question_goes_to_standard_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output is the result's."""
    monkeypatch.setattr(sys, "stdin", Terminal(" oknaufa \n"))
    assert Asking(yes=False).text("Subdomain", "--subdomain") == "oknaufa"
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "Subdomain: ")


@pytest.mark.parametrize("answer", ["", "n", "no", "maybe"])
def test_only_a_yes_goes_on(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """Enter alone means no."""
    monkeypatch.setattr(sys, "stdin", Terminal(f"{answer}\n"))
    with pytest.raises(Trouble, match="nothing was changed"):
        Asking(yes=False).agree("Go on?")


def test_a_yes_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps of one command may need it."""
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    asking = Asking(yes=False)
    asking.agree("Go on?")
    asking.agree("And on?")
    assert sys.stdin.read() == ""


def test_the_end_of_the_input_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """No stack trace."""
    monkeypatch.setattr(sys, "stdin", Terminal(""))
    with pytest.raises(Trouble, match="the input ended"):
        Asking(yes=False).text("Subdomain", "--subdomain")


def test_a_file_comes_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said on the command line counts."""
    monkeypatch.setenv("A_TOKEN", "from-environment")
    file = tmp_path / "token"
    file.write_text(" from-file\n", encoding="utf-8")
    assert secret_from(str(file), "A_TOKEN", "--token-file") == "from-file"
    assert secret_from(None, "A_TOKEN", "--token-file") == "from-environment"
    monkeypatch.delenv("A_TOKEN")
    assert secret_from(None, "A_TOKEN", "--token-file") is None


def test_a_secret_may_come_by_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """From another program, by a pipe."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("piped\n"))
    assert secret_from("-", "A_TOKEN", "--token-file") == "piped"


@pytest.mark.parametrize("raw", ["", "  \n", "two words", "first\nsecond", "токен", "a\x00b"])
def test_what_cannot_be_a_secret_is_refused_and_not_quoted(raw: str) -> None:
    """A header cannot carry it, and an error must not."""
    with pytest.raises(Trouble) as told:
        clean_secret(raw, "--token-file")
    assert raw.strip() == "" or raw.strip() not in str(told.value)


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    """It names the option."""
    file = tmp_path / "token"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Trouble, match="--token-file cannot be read: it is no text"):
        secret_from(str(file), "A_TOKEN", "--token-file")
