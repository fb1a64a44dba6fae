"""Where a text may be cut without tearing a character as people see it.

Covers what occurs in chats: combining marks, emoji with joiners, skin tones, flags, keycaps, Hangul syllables, CR LF. A
part of the rules of https://unicode.org/reports/tr29/, since Python's standard library has none of them.
"""

from __future__ import annotations

import unicodedata

_JOINER = "\u200d"
_LEADING_JAMO = range(0x1100, 0x1160)
_LATER_JAMO = range(0x1160, 0x1200)
_SYLLABLES = range(0xAC00, 0xD7A4)
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_TAGS = range(0xE0020, 0xE0080)
_LOW_SURROGATES = range(0xDC00, 0xE000)


def may_cut(text: str, index: int) -> bool:
    """Return whether the text may be cut before its character `index`."""
    if index <= 0 or index >= len(text):
        return True
    before, after = text[index - 1], text[index]
    if ord(after) in _FLAG_LETTERS:
        return _flag_letters_before(text, index) % 2 == 0
    return not (
        _extends(after) or before == _JOINER or _same_syllable(ord(before), ord(after)) or before + after == "\r\n"
    )


def _extends(character: str) -> bool:
    code = ord(character)
    return (
        unicodedata.category(character) in {"Mn", "Me", "Mc"}
        or character in "\u200c\u200d"
        or any(code in extenders for extenders in (_SKIN_TONES, _TAGS, _LOW_SURROGATES))
    )


def _same_syllable(before: int, after: int) -> bool:
    starts = before in _LEADING_JAMO
    return after in _LATER_JAMO or (starts and (after in _LEADING_JAMO or after in _SYLLABLES))


def _flag_letters_before(text: str, index: int) -> int:
    count = 0
    while index - count > 0 and ord(text[index - count - 1]) in _FLAG_LETTERS:
        count += 1
    return count


def whole_before(text: str, limit: int) -> int:
    """Return the last place at or before `limit` where the text may be cut, 0 where there is none."""
    index = min(limit, len(text))
    while index > 0 and not may_cut(text, index):
        index -= 1
    return index


def cut_before(text: str, limit: int) -> int:
    """Return where to cut at or before `limit`: between words, else between characters, else at `limit` itself."""
    if limit >= len(text):
        return len(text)
    whole = whole_before(text, limit)
    index = whole
    while index > 0 and not (text[index].isspace() and may_cut(text, index)):
        index -= 1
    return index or whole or max(limit, 1)
