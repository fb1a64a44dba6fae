"""Events for a webhook made from a seed: genuine ones, mutated, and bodies of nothing in particular."""

from __future__ import annotations

import base64
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote_plus

from tests.unit.ingress.fakes import KEY, post

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.security.webhooks import Target

EVENTS = Path(__file__).parents[2] / "events"
PLANTED = ("pl4nted", "Приметный", "5550123")
ODD: tuple[str, ...] = (
    *("", " ", "\x00", "\ud800", "👍🏽", "\u202e", "9" * 400, "-1", "1e999", "NaN", "null", "true", "[]", "{}", "%"),
    *("&", "=", "[", "]", "[[", "a[b", "+", ";", "<b>", "${x}", "' OR 1=1", "CONN#amocrm#x", "../..", "я" * 3000),
    *("%zz", "https://stranger.example/pl4nted", "+7 917 5550123 pl4nted", "Олег Приметный"),
    *("\r\nHost: x", "\ufeff", "0" * 40),
)
METHODS = ["POST"] * 40 + ["GET", "HEAD", "PUT", "DELETE", "post", "PATCH", "", "ПОСТ"]
KEYS = [KEY] * 12 + [f"{KEY}/", f"/{KEY}", KEY.upper(), "", "pl4nted", "/", "\x00", "x" * 300]
PIECES = (b"", b"%", b"[", b"]", b"&", b"{", b'"', b"\\", b"\xff")
DEEPEST = 5


class Mutator:
    """Makes events for one CRM's webhook; the same seed makes the same events."""

    def __init__(self, crm: str, target: Target, seed: int) -> None:
        self._random = random.Random(f"{crm} {seed}")  # noqa: S311 (repeatable, not secret)
        self._target = target
        files = sorted((EVENTS / f"{crm}_webhook").glob("*.json"))
        events = [json.loads(path.read_text(encoding="utf-8")) for path in files]
        self._real = [event for event in events if event.get("body")]
        self._makers: list[Callable[[], bytes]] = [self._mutated] * 8 + [self._cut] * 3 + [self._nothing]

    def event(self) -> Any:
        """Return the next event; most carry what a genuine delivery of their body would, so that they get further."""
        pick, body = self._random, self._random.choice(self._makers)()
        plain = pick.random() < 0.2
        event = dict(pick.choice(self._real)) if self._real and pick.random() < 0.5 else post(body)
        delivered = dict(self._target.delivered(body)) if pick.random() < 0.9 else {}
        context = {"http": {**event["requestContext"]["http"], "method": pick.choice(METHODS)}}
        event |= {
            "body": body.decode("utf-8", "replace") if plain else base64.b64encode(body).decode(),
            "isBase64Encoded": not plain,
            "pathParameters": {"connection": pick.choice(KEYS)},
            "requestContext": context,
            **delivered,
        }
        if pick.random() < 0.05:
            event[pick.choice(list(event))] = self._value(0)
        return event

    def _genuine(self) -> bytes:
        """Return a real event's body, or a new message of the right account."""
        pick = self._random
        if not self._real or pick.random() < 0.6:
            make = pick.choice(self._target.bodies)
            return make(f"f{pick.getrandbits(60)}", f"{PLANTED[0]} +7 917 {PLANTED[2]}")
        event = pick.choice(self._real)
        return base64.b64decode(event["body"]) if event.get("isBase64Encoded") else bytes(event["body"], "utf-8")

    def _mutated(self) -> bytes:
        body = self._genuine()
        try:
            document = json.loads(body)
        except ValueError:
            return self._form(body)
        if not isinstance(document, dict | list):
            return self._form(body)
        return self._document(document)

    def _form(self, body: bytes) -> bytes:
        pick, pairs = self._random, parse_qsl(body.decode(), keep_blank_values=True)
        for _ in range(pick.randrange(6) if pairs else 0):
            at = pick.randrange(len(pairs))
            name, value = pairs[at]
            match pick.randrange(5):
                case 0:
                    pairs[at] = (name, pick.choice(ODD))
                case 1:
                    pairs[at] = (self._key(), value)
                case 2:
                    pairs.insert(at, (name, pick.choice(ODD)))
                case 3 if len(pairs) > 1:
                    del pairs[at]
                case _:
                    pairs.append((self._key(), pick.choice(ODD)))
        return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs).encode()

    def _key(self) -> str:
        pick = self._random
        parts = [pick.choice(self._target.words) for _ in range(pick.choice([1, 2, 3, 4, 4, 4, 5, 12]))]
        return parts[0] + "".join(f"[{part}]" for part in parts[1:])

    def _document(self, document: Any) -> bytes:
        pick = self._random
        for _ in range(pick.randrange(5)):
            inner = pick.choice(list(_containers(document)))
            if isinstance(inner, dict):
                known = list(inner) if inner and pick.random() < 0.5 else self._target.words
                inner[pick.choice(known)] = self._value(0)
            elif inner and pick.random() < 0.7:
                inner[pick.randrange(len(inner))] = self._value(0)
            else:
                inner.append(self._value(0))
        return json.dumps(document, ensure_ascii=pick.random() < 0.5).encode("utf-8", "surrogatepass")

    def _value(self, depth: int) -> Any:
        pick = self._random
        kind = pick.randrange(9 if depth < DEEPEST else 6)
        match kind:
            case 0 | 1:
                return pick.choice(ODD)
            case 2:
                return pick.choice([0, -1, 10**21, 2**63, 1e300, 0.1])
            case 3:
                return pick.choice([None, True, False])
            case 4 | 5:
                return pick.choice(self._target.words)
            case 6:
                return [self._value(depth + 1) for _ in range(pick.randrange(4))]
            case _:
                return {pick.choice(self._target.words): self._value(depth + 1) for _ in range(pick.randrange(5))}

    def _cut(self) -> bytes:
        """Return a mutated body with pieces cut out and put in."""
        pick, body = self._random, bytearray(self._mutated())
        for _ in range(pick.randrange(1, 6)):
            at = pick.randrange(len(body) + 1)
            body[at : at + pick.randrange(20)] = pick.choice(PIECES)
        return bytes(body)

    def _nothing(self) -> bytes:
        pick = self._random
        if pick.random() < 0.03:
            return pick.choice([b"[", b"{", b"a", b"%"]) * pick.choice([1_000, 100_000, 1_100_000])
        return pick.randbytes(pick.randrange(300))


def _containers(value: Any) -> Any:
    """Yield a document's dicts and lists, itself first."""
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _containers(inner)


def _quoted(text: str) -> str:
    return quote_plus(text.encode("utf-8", "surrogatepass"), safe="[]")
