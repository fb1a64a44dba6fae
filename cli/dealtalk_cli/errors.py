"""What the command line says when it cannot go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Trouble(Exception):
    """Something that a person has to know: what is wrong, and what to do about it.

    `details` are its parts where there are several. No text ever holds a token, a secret or a webhook's address.
    """

    def __init__(self, sentence: str, advice: str = "", *, details: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.advice = advice
        self.details = list(details)

    def __str__(self) -> str:
        """Return both as one line."""
        return f"{self.sentence}. {self.advice}" if self.advice else self.sentence
