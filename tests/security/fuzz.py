"""Random webhooks: real events, mutated, and bodies of nothing in particular, all with words planted in them.

`make fuzz` (`python -m tests.security.fuzz --bodies 100000`) prints the seed, how many bodies got which status, and
ends with 1 where one got a status that is not documented, where an exception came out, where a log or metric told a
planted word, or where something was stored that cannot be stored. The same seed makes the same bodies.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import io
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote_plus

from tests.unit.ingress.fakes import ACCOUNT, KEY, ComposedWebhook, compose, connection, message_form

if TYPE_CHECKING:
    from collections.abc import Callable

    from dealtalk.messages import InboundMessage

EVENTS = Path(__file__).parents[2] / "events" / "amocrm_webhook"
DOCUMENTED = {200, 400, 401, 405, 413}
PER_WEBHOOK = 500
PLANTED = ("pl4nted", "Приметный", "5550123")
WORDS = [
    *("account", "id", "subdomain", "message", "outgoing_message", "unsorted", "leads", "add", "update", "delete"),
    *("0", "1", "99", "-1", "", "chat_id", "talk_id", "contact_id", "text", "created_at", "type", "author", "name"),
    *("attachment", "link", "file_name", "message_type", "element_id", "entity_type", "source_data", "origin"),
]
ODD = [
    *(
        "",
        " ",
        "\x00",
        "\ud800",
        "👍🏽",
        "\u202e",
        "9" * 400,
        "-1",
        "1e999",
        "NaN",
        "null",
        "true",
        "[]",
        "{}",
        "%",
        "%zz",
    ),
    *("&", "=", "[", "]", "[[", "a[b", "+", ";", "<b>", "${x}", "' OR 1=1", "CONN#amocrm#x", "../..", "я" * 3000),
    *(
        "https://stranger.example/pl4nted",
        "+7 917 5550123 pl4nted",
        "Олег Приметный",
        "\r\nHost: x",
        "\ufeff",
        "0" * 40,
    ),
]
METHODS = ["POST"] * 40 + ["GET", "HEAD", "PUT", "DELETE", "post", "PATCH", "", "ПОСТ"]
KEYS = [KEY] * 12 + [f"{KEY}/", f"/{KEY}", KEY.upper(), "", "pl4nted", "/", "\x00", "x" * 300]


@dataclass
class Findings:
    """What became of the bodies, and what should not have."""

    statuses: Counter[int] = field(default_factory=Counter)
    stored: int = 0
    wrong: list[str] = field(default_factory=list)


class Fuzzer:
    """Makes events from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 (repeatable, not secret)
        files = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(EVENTS.glob("*.json"))]
        self._real = [event for event in files if event.get("body")]
        self._makers: list[Callable[[], bytes]] = (
            [self._form] * 4 + [self._json] * 4 + [self._cut] * 3 + [self._nothing]
        )

    def event(self) -> Any:
        """Return the next event."""
        pick = self._random
        event = dict(pick.choice(self._real))
        body = pick.choice(self._makers)()
        plain = pick.random() < 0.2
        event |= {
            "body": body.decode("utf-8", "replace") if plain else base64.b64encode(body).decode(),
            "isBase64Encoded": not plain,
            "pathParameters": {"connection": pick.choice(KEYS)},
            "requestContext": {"http": {"method": pick.choice(METHODS)}},
        }
        if pick.random() < 0.05:
            name = pick.choice(list(event))
            event[name] = self._value(0)
        return event

    def _pairs(self) -> list[tuple[str, str]]:
        """Return a form's pairs: a real event's, or a message of our own, now of the right account, now of another."""
        pick = self._random
        if pick.random() < 0.5:
            return [*ACCOUNT.items(), *message_form(text=f"{PLANTED[0]} {pick.random()}").items()]
        event = pick.choice(self._real)
        raw = base64.b64decode(event["body"]) if event.get("isBase64Encoded") else event["body"].encode()
        return parse_qsl(raw.decode(), keep_blank_values=True) or list(ACCOUNT.items())

    def _form(self) -> bytes:
        pick, pairs = self._random, self._pairs()
        for _ in range(pick.randrange(6)):
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
        parts = [pick.choice(WORDS) for _ in range(pick.choice([1, 2, 3, 4, 4, 4, 5, 12]))]
        return parts[0] + "".join(f"[{part}]" for part in parts[1:])

    def _json(self) -> bytes:
        pick = self._random
        payload: dict[str, Any] = {"account": {"id": "31337000", "subdomain": "oknaufa"}}
        message = {"id": f"j{pick.random()}", "chat_id": "c", "text": PLANTED[0], "author": {"name": PLANTED[1]}}
        payload["message"] = {"add": [message]}
        for _ in range(pick.randrange(5)):
            target = pick.choice([payload, message, payload["account"]])
            if isinstance(target, dict):
                target[pick.choice(WORDS)] = self._value(0)
        return json.dumps(payload, ensure_ascii=pick.random() < 0.5).encode("utf-8", "surrogatepass")

    def _value(self, depth: int) -> Any:
        pick = self._random
        kind = pick.randrange(9 if depth < 5 else 6)
        match kind:
            case 0 | 1:
                return pick.choice(ODD)
            case 2:
                return pick.choice([0, -1, 10**21, 2**63, 1e300, 0.1])
            case 3:
                return pick.choice([None, True, False])
            case 4 | 5:
                return pick.choice(WORDS)
            case 6:
                return [self._value(depth + 1) for _ in range(pick.randrange(4))]
            case _:
                return {pick.choice(WORDS): self._value(depth + 1) for _ in range(pick.randrange(5))}

    def _cut(self) -> bytes:
        """Return a good body with pieces cut out and put in."""
        pick = self._random
        body = bytearray(self._form() if pick.random() < 0.5 else self._json())
        for _ in range(pick.randrange(1, 6)):
            at = pick.randrange(len(body) + 1)
            body[at : at + pick.randrange(20)] = pick.choice([b"", b"%", b"[", b"]", b"&", b"{", b'"', b"\\", b"\xff"])
        return bytes(body)

    def _nothing(self) -> bytes:
        pick = self._random
        if pick.random() < 0.03:
            return pick.choice([b"[", b"{", b"a", b"%"]) * pick.choice([1_000, 100_000, 1_100_000])
        return pick.randbytes(pick.randrange(300))


def _quoted(text: str) -> str:
    return quote_plus(text.encode("utf-8", "surrogatepass"), safe="[]")


def fuzz(bodies: int, seed: int, *, progress: Callable[[int], None] = lambda _: None) -> Findings:
    """Post so many events to webhooks of fakes with the real logger and metrics, and return what was found."""
    fuzzer, found = Fuzzer(seed), Findings()
    for start in range(0, bodies, PER_WEBHOOK):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            rig = compose()
            for number in range(start, min(start + PER_WEBHOOK, bodies)):
                _one(rig, fuzzer.event(), number, found)
        told = rig.log.getvalue() + printed.getvalue()
        found.wrong += [f"bodies from {start}: {word!r} was told" for word in PLANTED if _tells(told, word)]
        found.wrong += [f"bodies from {start}: the key was told"] * (KEY in told)
        found.stored += len(rig.intake.messages)
        found.wrong += [f"bodies from {start}: {why}" for m in rig.intake.messages if (why := _unfit(m))]
        progress(start + PER_WEBHOOK)
    return found


def _one(rig: ComposedWebhook, event: Any, number: int, found: Findings) -> None:
    try:
        status = rig.status(event)
    except Exception as error:  # noqa: BLE001 (an exception is what is looked for)
        found.wrong.append(f"body {number}: {type(error).__name__} came out")
        return
    found.statuses[status] += 1
    if status not in DOCUMENTED:
        found.wrong.append(f"body {number}: status {status}")


def _tells(told: str, word: str) -> bool:
    return word in told or json.dumps(word)[1:-1] in told


def _unfit(message: InboundMessage) -> str | None:
    """Return why a message could not be stored, or should not have been."""
    texts = [message.id, message.text, message.chat.chat_id, message.author_name or "", message.chat.channel or ""]
    for attachment in message.attachments:
        texts += [attachment.url or "", attachment.file_name or ""]
        if attachment.url and "stranger" in attachment.url:
            return "a stranger's link was kept"
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return "half a character was kept"
    if any(letter < " " and letter not in "\n\t" for text in texts for letter in text):
        return "a control character was kept"
    if len(message.text) > 20_000 or not 0 < len(message.id) <= 128 or message.sent_at.tzinfo is None:
        return "a text, an id or a time is out of its measure"
    if message.conversation.account != connection().account:
        return "another account's message was kept"
    return None


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.security.fuzz", description=__doc__)
    parser.add_argument("--bodies", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=None, help="default: another one each time")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if given.seed is None else given.seed
    sys.stdout.write(f"{given.bodies} bodies, seed {seed}\n")
    began = time.monotonic()
    found = fuzz(given.bodies, seed, progress=lambda done: _say(done, given.bodies))
    took = time.monotonic() - began
    for status, count in sorted(found.statuses.items()):
        sys.stdout.write(f"{status:>6} {count:>9}\n")
    sys.stdout.write(f"stored {found.stored:>9}\nwrong  {len(found.wrong):>9}\n{took:.0f} s\n")
    for line in found.wrong[:20]:
        sys.stdout.write(f"{line}\n")
    return 1 if found.wrong or not found.stored else 0


def _say(done: int, bodies: int) -> None:
    if done % 20_000 == 0 and done < bodies:
        sys.stdout.write(f"{done} ...\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
