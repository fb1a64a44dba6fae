"""What the stand-in can be told to do wrong, or to say, for the next requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """One request's fate, taken from a queue; each field left alone means "as usual".

    `status` answers with this HTTP status and, where given, `retry_after`; `hang` never answers while the server lives;
    `delay` waits that many seconds before it answers; `drip` sends the answer's bytes with that many seconds between
    them; `drop` closes the connection without an answer; `raw` is sent as the body of a 200; `text` and `tool_calls`
    (pairs of name and arguments as JSON text) are the answer itself; `error` is the body's `error` object.
    """

    status: int | None = None
    retry_after: str | None = None
    hang: bool = False
    delay: float = 0
    drip: float = 0
    drop: bool = False
    raw: str | None = None
    text: str | None = None
    tool_calls: tuple[tuple[str, str], ...] = ()
    error: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Fault:
        """Return the fault that a control request describes. Raises TypeError for an unknown key."""
        calls = tuple((str(name), str(arguments)) for name, arguments in data.pop("tool_calls", ()))
        return cls(**data, tool_calls=calls)

    @property
    def scripted(self) -> bool:
        """Whether the answer itself is given."""
        return self.text is not None or bool(self.tool_calls)
