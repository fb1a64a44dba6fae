"""What may be believed of a single value that a stranger posted: texts, ids, times.

None of these raises, whatever the value is.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from dealtalk.messages import short_hash

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_HALF_PAIRS = re.compile("[\ud800-\udfff]")
_NUMBER = re.compile(r"[0-9]{1,20}", re.ASCII)
_UNIX_SECONDS = re.compile(r"[0-9]{1,11}", re.ASCII)

_MAX_ID = 128
_LARGEST_INT = 10**20
_EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)
_CLOCK_SKEW = timedelta(minutes=5)


def scalar(value: object) -> str:
    """Return a form's or JSON document's scalar as text; empty for anything else, and for true, false and null."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST_INT:
        return str(value)
    return ""


def clean_text(value: object) -> str:
    r"""Return a text without control characters (but \n and \t) and without broken surrogates, which no store takes.

    Line ends become \n. Emoji, joiners and direction marks stay.
    """
    text = scalar(value)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _HALF_PAIRS.sub("\ufffd", _CONTROL.sub("", text))


def one_line(value: object, limit: int) -> str | None:
    """Return a name as one line of at most `limit` characters; None where nothing is left of it."""
    return " ".join(clean_text(value).split())[:limit] or None


def number_id(value: object) -> str | None:
    """Return an id of at most 20 digits; None for all else, and for zero, by which CRMs say "none"."""
    text = scalar(value).strip()
    return text if _NUMBER.fullmatch(text) and text.strip("0") else None


def opaque_id(value: object) -> str | None:
    """Return an id of a form that only the vendor knows; None where it is empty.

    One that is longer than 128 characters or not printable is replaced by its hash, which is as good for telling a
    message from another.
    """
    text = scalar(value).strip()
    if not text:
        return None
    return text if len(text) <= _MAX_ID and text.isprintable() else f"sha256:{short_hash(text)}"


def unix_time(value: object, now: datetime) -> datetime:
    """Return the time of unix seconds; `now` where it is garbage, before 2010 or more than 5 minutes ahead."""
    text = scalar(value).strip()
    if not _UNIX_SECONDS.fullmatch(text):
        return now
    moment = datetime.fromtimestamp(int(text), UTC)
    return moment if _EARLIEST <= moment <= now + _CLOCK_SKEW else now
