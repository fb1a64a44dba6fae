"""The mark by which a note or task of a journal step is found again, where the CRM keeps no id of ours for it.

It is `#dt:` and the step's own mark, on a line of its own under the text: the smallest thing that a person can overlook
and a search can find.
"""

from __future__ import annotations

MARK = "#dt:"


def marked(text: str, marker: str) -> str:
    """Return the text with the marker's line."""
    return f"{text}\n{mark(marker)}"


def mark(marker: str) -> str:
    """Return the marker's line alone."""
    return MARK + marker


def ends_with_mark(text: str, marker: str) -> bool:
    """Return whether the text's last line is the marker's."""
    return text.rstrip().rsplit("\n", 1)[-1].strip() == mark(marker)


def holds_mark(text: str, marker: str) -> bool:
    """Return whether one of the text's lines is the marker's."""
    return any(line.strip() == mark(marker) for line in text.splitlines())


def without_marks(text: str) -> str:
    """Return the text without lines that look like a marker: where notes share one field, none may be forged."""
    return "\n".join(line for line in text.splitlines() if not line.strip().startswith(MARK))
