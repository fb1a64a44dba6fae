"""A reply as the customer may see it: plain text within its limits, without links that nobody allowed."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dealtalk.agent.graphemes import cut_before, whole_before
from dealtalk.agent.values import without_controls

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dealtalk.agent.profile import Profile

_SENTENCE_END = re.compile(r"[.!?…。！？؟](?:[\"'»”’)\]]*)(?=\s|$)|\n")
_MORE = "…"
_PASSES = 5
_ROOM, _MARKUP = 3, 2000
"""What is cleaned at all of an overlong text: so many times the limit, and so much more for markup."""


_MARKDOWN = (
    (re.compile(r"^[ ]*(?:```|~~~)[^\n]*$\n?", re.MULTILINE), ""),
    (re.compile(r"^[ ]{0,3}#{1,6}[ ]+", re.MULTILINE), ""),
    (re.compile(r"^[ ]{0,3}(?:>[ ]?)+", re.MULTILINE), ""),
    (re.compile(r"^[ ]*(?:[-*_][ ]*){3,}$\n?", re.MULTILINE), ""),
    (re.compile(r"^[ ]*(?:\|[ ]*)?(?::?-{3,}:?[ ]*\|[ ]*)+(?::?-{3,}:?[ ]*)?$\n?", re.MULTILINE), ""),
    (re.compile(r"^[ ]*\|(.+)\|[ ]*$", re.MULTILINE), r"\1"),
    (re.compile(r"^([ ]*)[*+][ ]+", re.MULTILINE), r"\1- "),
    (re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", re.DOTALL), r"\2"),
    (re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]+?)(?<=\S)\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<![\w_/])_(?=[^\s_])([^_\n]+?)(?<=\S)_(?![\w_])"), r"\1"),
    (re.compile(r"~~(?=\S)(.+?)(?<=\S)~~"), r"\1"),
    (re.compile(r"`+([^`\n]+)`+"), r"\1"),
)
_MARKDOWN_LINK = re.compile(r"!?\[([^\[\]\n]*)\]\(\s*<?([^\s<>()]*)>?[^()\n]*\)")
_HTML_LINK = re.compile(r"<a\s[^<>]*?href\s*=\s*[\"']?([^\"'\s<>]*)[^<>]*>(.*?)</a\s*>", re.IGNORECASE | re.DOTALL)
_BB_LINK = re.compile(r"\[url=[\"']?([^\]\"']*)[\"']?\](.*?)\[/url\]", re.IGNORECASE | re.DOTALL)
_HTML_BREAK = re.compile(r"<(?:br|/p|/div|/li|/h[1-6]|/tr)\b[^<>]*>", re.IGNORECASE)
_HTML_HIDDEN = re.compile(r"<(script|style)\b[^<>]*>.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_HTML_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_BB_TAG = re.compile(
    r"\[/?(?:b|i|u|s|url|img|quote|code|list|color|size|font|center|left|right|user|p|\*)(?:=[^\]\n]*)?\]",
    re.IGNORECASE,
)
_TOP_LEVELS = (
    "com|net|org|info|biz|io|ai|app|dev|me|co|shop|store|site|online|xyz|top|club|link|click|live|pro|tv|cc|ly|gg|to|"
    "icu|vip|bet|win|fun|space|website|world|today|life|work|zip|mov|cam|cyou|sbs|bond|buzz|rest|bar|tk|ml|gq|cf|"
    "eu|uk|de|fr|it|es|pl|nl|us|ca|in|cn|ru|su|by|kz|ua|uz|ge|am|az|kg|md|рф|рус|бел|укр|қаз"
)
_URL = re.compile(
    r"(?:[a-z][a-z0-9+.\-]{1,11}://|\bwww\.)[^\s<>\"«»]+"
    r"|(?P<mail>[\w.+\-]{1,64}@[\w.\-]+)"
    rf"|(?<![\w@])(?:[\w\-]{{1,63}}\.){{1,10}}(?:{_TOP_LEVELS})(?![a-z0-9@])(?::\d{{2,5}})?(?:/[^\s<>\"«»]*)?",
    re.IGNORECASE,
)
_TRAILING = ".,;:!?)]}'…"


def clean_reply(text: str, profile: Profile, *, allowed_link_hosts: Iterable[str] = ()) -> str:
    """Return `text` as plain text of at most `reply.max_characters`, cut at a sentence's end where it is longer.

    Markdown, HTML, BB-code and control characters are taken out. Links stay only to hosts that stand in the profile's
    instructions, in `reply.link_hosts` or in `allowed_link_hosts`, and to their subdomains; of the others the link's
    words stay. An empty text: nothing was left to say.
    """
    hosts = {host.lower() for host in (*profile.reply.link_hosts, *allowed_link_hosts)}
    text = text[: _ROOM * profile.reply.max_characters + _MARKUP]
    hosts |= {host for match in _URL.finditer(profile.instructions) if (host := _host(match.group()))}
    for _ in range(_PASSES):
        cleaned = _tidied(_without_links(_without_markup(without_controls(text), hosts), hosts))
        if cleaned == text:
            break
        text = cleaned
    return shortened(text, profile.reply.max_characters)


def _without_markup(text: str, hosts: set[str]) -> str:
    def linked(words: str, url: str) -> str:
        shown = words.strip()
        if not _allowed(url, hosts) or url in shown:
            return shown
        return f"{shown}: {url}" if shown else url

    text = text.replace("⟦", "").replace("⟧", "")
    text = _HTML_HIDDEN.sub("", text)
    text = _HTML_LINK.sub(lambda match: linked(match[2], match[1]), text)
    text = _BB_LINK.sub(lambda match: linked(match[2], match[1]), text)
    text = _MARKDOWN_LINK.sub(lambda match: linked(match[1], match[2]), text)
    text = _HTML_BREAK.sub("\n", text)
    text = _BB_TAG.sub("", _HTML_TAG.sub("", text))
    for pattern, replacement in _MARKDOWN:
        text = pattern.sub(replacement, text)
    return unescape(text)


def _without_links(text: str, hosts: set[str]) -> str:
    def kept(match: re.Match[str]) -> str:
        url = match.group()
        if match["mail"]:
            return url
        link = url.rstrip(_TRAILING)
        return url if _allowed(link, hosts) else url[len(link) :]

    return _URL.sub(kept, text)


def _allowed(url: str, hosts: set[str]) -> bool:
    host = _host(url)
    return host is not None and any(host == known or host.endswith(f".{known}") for known in hosts)


def _host(url: str) -> str | None:
    """Return the host of a web address as it was written, None where it is none or hides one (user info, backslash)."""
    url = url.rstrip(_TRAILING)
    scheme = re.match(r"([a-z][a-z0-9+.\-]*)://", url, re.IGNORECASE)
    if (scheme and scheme[1].lower() not in {"http", "https"}) or "\\" in url:
        return None
    try:
        parts = urlsplit(url if scheme else f"https://{url}")
        host = parts.hostname
    except ValueError:
        return None
    return host.lower().rstrip(".") if host and "@" not in parts.netloc else None


def _tidied(text: str) -> str:
    # Long runs of white space first: what comes below would look at each run from each of its places.
    text = re.sub(r"[ \u00a0]{2,}", " ", text)
    text = re.sub(r"\n{3,}", "\n\n", text)
    text = re.sub(r"[ \u00a0](?=[,;:!?](?:\s|$)|\.(?:\s|$))", "", text)
    text = re.sub(r"\(\s*\)|\[\s*\]", "", text)
    text = re.sub(r"[ \u00a0]{2,}", " ", text)
    text = re.sub(r"[ \u00a0]*\n[ \u00a0]*", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def shortened(text: str, limit: int) -> str:
    """Return `text` cut to `limit` characters: at a sentence's end, else at a word's with an ellipsis."""
    if len(text) <= limit:
        return text
    end = _last_sentence_end(text, limit)
    if end:
        return text[:end].rstrip()
    room = whole_before(text, limit - 1)
    end = cut_before(text, room)
    return text[:end].rstrip() + _MORE


def split_reply(text: str, limit: int) -> tuple[str, ...]:
    """Return the text in parts of at most `limit` characters, in order, without empty ones.

    Cut at a sentence's end, else between words, else between whole characters as people see them; only one such
    character that alone is longer than the limit is cut inside. Nothing but white space at the cuts is lost.
    """
    if limit < 1:
        msg = "a part must hold at least one character"
        raise ValueError(msg)
    rest = text.strip()
    parts = []
    while len(rest) > limit:
        end = _last_sentence_end(rest, limit) or cut_before(rest, limit)
        part = rest[:end].rstrip()
        rest = rest[end:].lstrip()
        if part:
            parts.append(part)
    if rest:
        parts.append(rest)
    return tuple(parts)


def _last_sentence_end(text: str, limit: int) -> int:
    """Return where the last sentence that fits ends, 0 where that would leave less than a third of the room used."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text, 0, limit + 1) if match.end() <= limit]
    ends = [end for end in ends if end >= limit // 3 and whole_before(text, end) == end]
    return ends[-1] if ends else 0
