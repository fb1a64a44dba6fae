"""Random webhooks of every CRM: real events, mutated, and bodies of nothing in particular, with words planted in them.

`make fuzz` (`python -m tests.security.fuzz --bodies 100000`) prints the seed, how many bodies of each CRM got which
status, and ends with 1 where one got a status that is not documented, where an exception came out, where a log or
metric told a planted word, or where something was stored that cannot be stored. The same seed makes the same bodies.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.security.mutating import PLANTED, Mutator
from tests.security.webhooks import TARGETS
from tests.unit.ingress.fakes import KEY, ComposedWebhook, KnownConnections, compose

if TYPE_CHECKING:
    from collections.abc import Callable

    from dealtalk.messages import InboundMessage
    from tests.security.webhooks import Target

PER_WEBHOOK = 500


@dataclass
class Findings:
    """What became of the bodies, and what should not have."""

    statuses: Counter[int] = field(default_factory=Counter)
    stored: int = 0
    wrong: list[str] = field(default_factory=list)


def fuzz(crm: str, bodies: int, seed: int, *, progress: Callable[[int], None] = lambda _: None) -> Findings:
    """Post so many events to webhooks of fakes with the real logger and metrics, and return what was found."""
    target, found = TARGETS[crm], Findings()
    mutator = Mutator(crm, target, seed)
    for start in range(0, bodies, PER_WEBHOOK):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            rig = webhook(crm, target)
            for number in range(start, min(start + PER_WEBHOOK, bodies)):
                _one(rig, mutator.event(), number, target, found)
        told = rig.log.getvalue() + printed.getvalue()
        found.wrong += [f"bodies from {start}: {word!r} was told" for word in PLANTED if _tells(told, word)]
        found.wrong += [f"bodies from {start}: the key was told"] * (KEY in told)
        found.stored += len(rig.intake.messages)
        found.wrong += [f"bodies from {start}: {why}" for m in rig.intake.messages if (why := _unfit(m, target))]
        progress(start + PER_WEBHOOK)
    return found


def webhook(crm: str, target: Target) -> ComposedWebhook:
    """Return a CRM's webhook over fakes, with the real logger and the real metrics."""
    known = KnownConnections({KEY: target.connection})
    return compose(known, crm=crm, inbound=target.inbound, **target.webhook)


def _one(rig: ComposedWebhook, event: Any, number: int, target: Target, found: Findings) -> None:
    try:
        status = rig.status(event)
    except Exception as error:  # noqa: BLE001 (an exception is what is looked for)
        found.wrong.append(f"body {number}: {type(error).__name__} came out")
        return
    found.statuses[status] += 1
    if status not in target.statuses:
        found.wrong.append(f"body {number}: status {status}")


def _tells(told: str, word: str) -> bool:
    return word in told or json.dumps(word)[1:-1] in told


def _unfit(message: InboundMessage, target: Target) -> str | None:
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
    if message.conversation.account != target.connection.account:
        return "another account's message was kept"
    return None


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.security.fuzz", description=__doc__)
    parser.add_argument("--bodies", type=int, default=100_000, help="for each CRM")
    parser.add_argument("--seed", type=int, default=None, help="default: another one each time")
    parser.add_argument("--crm", action="append", choices=sorted(TARGETS), help="default: all; may be given again")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if given.seed is None else given.seed
    return max(_run(crm, given.bodies, seed) for crm in given.crm or sorted(TARGETS))


def _run(crm: str, bodies: int, seed: int) -> int:
    sys.stdout.write(f"{crm}: {bodies} bodies, seed {seed}\n")
    began = time.monotonic()
    found = fuzz(crm, bodies, seed, progress=lambda done: _say(done, bodies))
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
