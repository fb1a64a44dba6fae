"""`python -m local.demo`: the scripted dialogue on the deployed stack, then the page. `--once` ends after the dialogue.

With --once it ends with 0 where the dialogue went as expected, and with 1 and what differed otherwise.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

from local.demo.answering import named
from local.demo.children import ChildError
from local.demo.connecting import ConnectError
from local.demo.control import ControlError
from local.demo.crms import DEFAULT, Dialogue, names
from local.demo.dialogue import BETWEEN_SECONDS, Script
from local.demo.page import page
from local.demo.published import published
from local.demo.screen import Screen
from local.demo.signals import end_at_sigterm
from local.demo.watcher import Watcher
from local.demo.world import open_world
from local.stack.emulator import EmulatorError
from local.stack.environments import ToolMissingError
from local.stack.sam import SamError

LATE = timedelta(seconds=6)
"""How much later than it began a wake-up is known from the log, also on a busy machine."""

TROUBLES = (SamError, EmulatorError, ToolMissingError, ChildError, ConnectError, ControlError)


def main() -> int:
    """Run the demo; 0 when it went as expected."""
    parser = argparse.ArgumentParser(prog="python -m local.demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the scripted dialogue")
    parser.add_argument("--model-base-url", help="base URL of an OpenAI-compatible endpoint")
    parser.add_argument("--model", help="the model's name there")
    parser.add_argument("--crm", choices=names(), default=DEFAULT, help="the CRM that is shown")
    options = parser.parse_args()
    end_at_sigterm()
    try:
        return run(options)
    except TROUBLES as trouble:
        print(trouble, file=sys.stderr)
    except subprocess.CalledProcessError as error:
        print(f"{error.cmd[0]} failed with {error.returncode}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopped; everything that was started has ended.", file=sys.stderr)
        return 0 if not options.once else 1
    return 1


def run(options: argparse.Namespace) -> int:
    """Start everything, play the dialogue, keep the page up until Ctrl-C."""
    began = time.monotonic()
    screen = Screen()
    with ExitStack() as opened:
        model = named(options.model_base_url, options.model, os.environ)
        world = opened.enter_context(open_world(model, crm=options.crm))
        watcher = Watcher(world)
        screen.say(f"Ready after {time.monotonic() - began:.0f} s.\n", "2")
        address = None
        if not options.once:
            address = opened.enter_context(page(watcher))
            opened.enter_context(published(world, address))
        differences = play(watcher, screen)
        if options.once:
            return 1 if differences else 0
        screen.say(f"\nThe page to play with: {address}")
        screen.say(world.answering.said_plainly, "33" if world.answering.is_stand_in else "2")
        screen.say("Ctrl-C stops everything that was started.", "2")
        threading.Event().wait()
    return 0


def play(watcher: Watcher, screen: Screen, between: float = BETWEEN_SECONDS) -> list[str]:
    """Play the scripted dialogue on the screen and return what was not as expected; `between`: its pauses, seconds."""
    account = watcher.world.accounts[0]
    script = Script(watcher, account, between)
    screen.say(f"A customer writes to {account.name} ({account.platform}), seconds since the first message:")

    def tick() -> None:
        # A doorbell is known at its end: what it did must not be told before it.
        if watcher.state(account, script.chat).turn is None:
            screen.show(watcher.story(account, script.chat), datetime.now(UTC) - LATE)

    in_time = script.play(tick)
    script.wait_for_the_log()
    screen.show(watcher.story(account, script.chat), datetime.now(UTC))
    reply = next((line for line in watcher.crm(account, script.chat)["lines"] if line["outgoing"]), None)
    if reply is not None:
        screen.say(f"\nThe customer sees: {reply['text']}")
    differences = [*([] if in_time else ["it took too long"]), *script.differences()]
    if differences:
        screen.say("\nNot as expected:", "31;1")
        for difference in differences:
            screen.say(f"  - {difference}", "31")
    else:
        screen.say(f"As expected: {_in_words(watcher.world.crm.dialogue)}; nothing else changed.", "32")
    return differences


def _in_words(dialogue: Dialogue) -> str:
    tags = f" and {len(dialogue.tags)} tag" if dialogue.tags else ""
    return f"one reply; stage, {len(dialogue.fields)} fields{tags} set; {dialogue.notes} note"


if __name__ == "__main__":
    sys.exit(main())
