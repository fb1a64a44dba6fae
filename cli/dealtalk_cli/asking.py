"""Asking the person at the terminal, and reading secrets from where they are kept."""

from __future__ import annotations

import getpass
import os
import re
import sys
from pathlib import Path

from dealtalk_cli.errors import Trouble

MAX_SECRET = 65_536
_SECRET = re.compile(r"[\x21-\x7e]+")


class Asking:
    """Asks where standard input is a terminal; elsewhere what is missing is an error that names its option."""

    def __init__(self, *, yes: bool) -> None:
        self._yes = yes
        self._agreed = False

    def text(self, question: str, option: str) -> str:
        """Return what is typed. Raises Trouble."""
        self._needs_terminal(option)
        return _typed(f"{question}: ")

    def secret(self, question: str, option: str) -> str:
        """Return what is typed, unseen. Raises Trouble."""
        self._needs_terminal(option)
        try:
            typed = getpass.getpass(f"{question} (not shown): ")
        except EOFError:
            raise Trouble("the input ended") from None
        return clean_secret(typed, option)

    def agree(self, question: str) -> None:
        """Go on only where the person agrees, once per run. Raises Trouble."""
        if self._yes or self._agreed:
            return
        self._needs_terminal("--yes")
        if _typed(f"{question} [y/N] ").lower() not in {"y", "yes", "д", "да"}:
            raise Trouble("nothing was changed: you did not agree")
        self._agreed = True

    @staticmethod
    def _needs_terminal(option: str) -> None:
        if not sys.stdin.isatty():
            raise Trouble(f"{option} is missing, and standard input is no terminal to ask at")


def secret_from(file: str | None, variable: str, option: str) -> str | None:
    """Return the secret in the file ("-": standard input) or in the environment's variable; None where neither is.

    Raises Trouble.
    """
    if file is None:
        given = os.environ.get(variable)
        return clean_secret(given, variable) if given else None
    try:
        raw = sys.stdin.read(MAX_SECRET) if file == "-" else _read(Path(file))
    except (OSError, UnicodeDecodeError) as error:
        raise Trouble(f"{option} cannot be read: {_why(error)}") from None
    return clean_secret(raw, option)


def clean_secret(raw: str, source: str) -> str:
    """Return the secret without the space around it. Raises Trouble where it cannot be one."""
    secret = raw.strip()
    if not secret:
        raise Trouble(f"{source} is empty")
    if not _SECRET.fullmatch(secret):
        raise Trouble(f"{source} holds spaces, line breaks or letters that no token has", "Copy the token anew.")
    return secret


def _read(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.read(MAX_SECRET)


def _typed(question: str) -> str:
    print(question, end="", file=sys.stderr, flush=True)
    try:
        return input().strip()
    except EOFError:
        raise Trouble("the input ended") from None


def _why(error: OSError | UnicodeDecodeError) -> str:
    return "it is no text" if isinstance(error, UnicodeDecodeError) else (error.strerror or type(error).__name__)
