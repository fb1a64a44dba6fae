"""Finds values for the offered fields in a customer's words, driven by the fields' types, options and descriptions."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_NUMBER = re.compile(r"(?<![\w.,:/+\-])\d{1,6}(?:[.,]\d{1,2})?(?![\d:/]|[.\-]\d)")
_NUMBER_WORDS = {
    **dict(
        zip(
            ["один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять", "десять"],
            range(1, 11),
            strict=True,
        )
    ),
    **dict(
        zip(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], range(1, 11), strict=True)
    ),
}
_COUNTED = ("количество", "сколько", "штук", "quantity", "count", "number", "many", "pieces", "qty", "guests")
_PLACES = ("город", "city", "town", "место", "place")
_SAME = {"пластик": "пвх", "пластиковые": "пвх", "пластиковых": "пвх", "окон": "окна", "bike": "bicycle"}
_PHONE = re.compile(r"\+?\d[\d\s()\-]{8,17}\d")
_MAIL = re.compile(r"[\w.+\-]+@[\w\-]+\.[\w.\-]+\w")
_LINK = re.compile(r"https?://\S+")
_EXAMPLES = re.compile(r"(?:например|e\.g\.|for example)[:,]?\s*(.+)", re.IGNORECASE)
_TIME = re.compile(r"\b([01]?\d|2[0-3])[:.]([0-5]\d)\b|\b(1[0-2]|[1-9])\s*(am|pm)\b", re.IGNORECASE)
_DAYS = (
    ("monday", "понедельник"),
    ("tuesday", "вторник"),
    ("wednesday", "среда", "среду"),
    ("thursday", "четверг"),
    ("friday", "пятница", "пятницу"),
    ("saturday", "суббота", "субботу"),
    ("sunday", "воскресенье"),
)
_NEAR_DAYS = {"today": 0, "сегодня": 0, "tomorrow": 1, "завтра": 1, "послезавтра": 2}
_SHORT_ANSWER = 80
_NO_COUNT = re.compile(r"\s*(км|km|%|руб|₽|\$|€|мин|час|min|hour|pm|am)\b|\s*[%₽$€]", re.IGNORECASE)
_STEM = 4


def words(text: str) -> list[str]:
    """Return the words of a text in lower case, each in the one form that the rules know."""
    found = [word.lower().replace("ё", "е") for word in _WORD.findall(text)]
    return [_SAME.get(word, word) for word in found]


def alike(one: str, other: str) -> bool:
    """Return whether two words are equal up to their ending."""
    if one == other:
        return True
    shorter = min(len(one), len(other))
    return shorter >= _STEM and one[: max(3, shorter - 1)] == other[: max(3, shorter - 1)]


def mentions(text: str, wanted: Iterable[str]) -> int:
    """Return how many of the wanted words stand in the text."""
    said = words(text)
    return sum(any(alike(word, want) for word in said) for want in wanted)


class Finder:
    """Looks through one conversation. `asked` is the bot's last message: a short answer to it counts."""

    def __init__(self, texts: Sequence[str], new: Sequence[str], asked: str, now: datetime | None) -> None:
        self.texts = [text for text in texts if text]
        self.new = [text for text in new if text]
        self.asked = asked
        self.now = now
        self._used: set[tuple[int, int]] = set()

    def find(self, name: str, shape: dict[str, Any], known: str, others: int) -> Any:
        """Return a value for the field, None where there is none; `others` counts the other fields of its type."""
        texts = self.new if known else self.texts
        described = f"{name} {shape.get('description', '')}"
        if "enum" in shape:
            return self._option(texts, shape["enum"])
        kind = shape.get("type")
        if kind == "array":
            return self._list(texts, shape.get("items", {}))
        if kind == "number":
            return self._number(texts, name, described, others)
        if kind == "boolean":
            return True if mentions(" ".join(texts), words(name)) else None
        return self._text(texts, name, described, known)

    def _option(self, texts: Sequence[str], options: Sequence[str]) -> str | None:
        scored = [(mentions(" ".join(texts), set(words(option))), -index) for index, option in enumerate(options)]
        best = max(scored, default=(0, 0))
        return options[-best[1]] if best[0] else None

    def _list(self, texts: Sequence[str], items: dict[str, Any]) -> list[str] | None:
        text = "\n".join(texts)
        if "enum" in items:
            found = [option for option in items["enum"] if mentions(text, set(words(option)))]
        else:
            found = [match.strip() for match in (*_MAIL.findall(text), *_PHONE.findall(text))]
        return found or None

    def _number(self, texts: Sequence[str], name: str, described: str, others: int) -> float | int | None:
        wanted = set(words(described))
        counts = any(alike(word, counted) for word in wanted for counted in _COUNTED)
        best: tuple[int, tuple[int, int], float] | None = None
        for place, text in enumerate(texts):
            for position, end, value in _numbers(text):
                near = text[max(0, position - 15) : position] if others else ""
                score = mentions(
                    f"{near} {text[end : end + 25].split(',')[0]}", wanted | set(_COUNTED if counts else ())
                )
                if (
                    (place, position) not in self._used
                    and not _NO_COUNT.match(text, end)
                    and (best is None or score > best[0])
                ):
                    best = (score, (place, position), value)
        alone = others == 0 and (counts or self._was_asked(name))
        if best is None or not (best[0] or alone):
            return None
        self._used.add(best[1])
        return int(best[2]) if best[2] == int(best[2]) else best[2]

    def _text(self, texts: Sequence[str], name: str, described: str, known: str) -> str | None:
        if "YYYY-MM-DD" in described:
            return self._moment(known, with_time="HH:MM" in described)
        if "link" in described.lower().split():
            return next((match.group() for text in texts if (match := _LINK.search(text))), None)
        examples = _EXAMPLES.search(described)
        phrases = [phrase.strip(" .") for phrase in examples[1].split(",")] if examples else []
        joined = "\n".join(texts)
        scored = [(mentions(joined, set(words(phrase))), -index) for index, phrase in enumerate(phrases)]
        best = max(scored, default=(0, 0))
        if best[0]:
            return phrases[-best[1]]
        if any(alike(word, place) for word in words(name) for place in _PLACES):
            return self._place(texts)
        answer = self.new[-1] if self.new else ""
        if self._was_asked(name) and len(answer) <= _SHORT_ANSWER and "?" not in answer and words(answer):
            return answer
        return None

    def _place(self, texts: Sequence[str]) -> str | None:
        for text in reversed(texts):
            match = re.search(r"(?:\b(?:in|from|город)\s+|\b(?:г\.|в|из)\s*)([A-ZА-ЯЁ][^\W\d_]+(?:-[^\W\d_]+)*)", text)
            if match:
                return match[1]
            segments = [segment.strip() for segment in re.split(r"[,;\n]", text)]
            for index, segment in enumerate(segments):
                if (index or len(segments) > 1) and re.fullmatch(
                    r"[A-ZА-ЯЁ][^\W\d_]+([ \-][A-ZА-ЯЁ][^\W\d_]+)?", segment
                ):
                    return segment
        return None

    def _moment(self, known: str, *, with_time: bool) -> str | None:
        fresh = "\n".join(self.new)
        if self.now is None or not (_day(fresh, self.now) or _TIME.search(fresh)):
            return None
        newest_first = [*reversed(self.texts)]
        now = self.now
        days = (day for text in newest_first if (day := _day(text, now)))
        day = next(days, known[:10] or None)
        if day is None or not with_time:
            return day
        times = (clock for text in newest_first if (clock := _clock(text)))
        clock = next(times, known[11:16] or None)
        return f"{day}T{clock}" if clock else None

    def _was_asked(self, name: str) -> bool:
        return "?" in self.asked and name.lower() in self.asked.lower()


def _numbers(text: str) -> Iterable[tuple[int, int, float]]:
    for match in _NUMBER.finditer(text):
        yield match.start(), match.end(), float(match.group().replace(",", "."))
    for match in _WORD.finditer(text):
        if match.group().lower() in _NUMBER_WORDS:
            yield match.start(), match.end(), float(_NUMBER_WORDS[match.group().lower()])


def _day(text: str, now: datetime) -> str | None:
    written = re.search(r"\b\d{4}-\d\d-\d\d\b", text)
    if written:
        return written.group()
    for word in reversed(words(text)):
        if word in _NEAR_DAYS:
            return (now + timedelta(days=_NEAR_DAYS[word])).date().isoformat()
        for weekday, names in enumerate(_DAYS):
            if word in names:
                ahead = (weekday - now.weekday() - 1) % 7 + 1
                return (now + timedelta(days=ahead)).date().isoformat()
    return None


def _clock(text: str) -> str | None:
    found = list(_TIME.finditer(text))
    if not found:
        return None
    hour, minute, short_hour, half = found[-1].groups()
    if hour is not None:
        return f"{int(hour):02}:{minute}"
    return f"{int(short_hour) % 12 + (12 if half.lower() == 'pm' else 0):02}:00"
