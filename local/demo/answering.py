"""Which model answers: the one that options or environment name, else the stand-in."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.demo.children import child

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OPENAI = "https://api.openai.com/v1"
DEFAULT_MODEL = "gpt-5-mini"
LOCAL_KEY = "local"
"""Sent where nobody named a key: local servers ask for none."""


@dataclass(frozen=True, slots=True)
class Answering:
    """An OpenAI-compatible endpoint and the model's name there."""

    base_url: str
    model: str
    is_stand_in: bool = False
    api_key: str = field(default=LOCAL_KEY, repr=False)

    @property
    def said_plainly(self) -> str:
        """What the screen says about who answers."""
        if self.is_stand_in:
            return (
                f"Answers come from the stand-in {self.model}: a few rules, not an AI. Judge the plumbing by it, "
                "not the wording. Set OPENAI_API_KEY (and OPENAI_BASE_URL, DEALTALK_MODEL) for a real model."
            )
        return f"Answers come from the model {self.model} at {self.base_url}."


def named(base_url: str | None, model: str | None, env: Mapping[str, str]) -> Answering | None:
    """Return the model that the options name, else the one of the environment; None: nobody named one.

    OPENAI_API_KEY or OPENAI_BASE_URL choose a real model, DEALTALK_MODEL its name.
    """
    key = env.get("OPENAI_API_KEY", "")
    if base_url is None and (key or env.get("OPENAI_BASE_URL")):
        base_url = env.get("OPENAI_BASE_URL") or OPENAI
    if base_url is None:
        return None
    chosen = model or env.get("DEALTALK_MODEL") or DEFAULT_MODEL
    return Answering(base_url.rstrip("/"), chosen, api_key=key or LOCAL_KEY)


@contextmanager
def answering(chosen: Answering | None) -> Iterator[Answering]:
    """Yield the model that was chosen; where none was, run the stand-in until the block ends. Raises ChildError."""
    if chosen is not None:
        yield chosen
        return
    with child("model", "local.model", "--port", "0", "--ready-file", "{ready}") as ready:
        yield Answering(ready["base_url"], ready["model"], is_stand_in=True)
