"""What `make up` runs in the background: everything but the scripted dialogue, until SIGTERM."""

from __future__ import annotations

import argparse
import os
import sys
import threading

from local.demo.__main__ import TROUBLES
from local.demo.answering import named
from local.demo.crms import DEFAULT, names
from local.demo.page import page
from local.demo.published import published
from local.demo.signals import end_at_sigterm
from local.demo.watcher import Watcher
from local.demo.world import open_world
from local.stack.progress import say


def main() -> int:
    """Serve until SIGTERM; .local/stack.json is there while it is ready."""
    parser = argparse.ArgumentParser(prog="python -m local.demo.serve", description=__doc__)
    parser.add_argument("--model-base-url", help="base URL of an OpenAI-compatible endpoint")
    parser.add_argument("--model", help="the model's name there")
    parser.add_argument("--auth", action="store_true", help="enforce the functions' roles")
    parser.add_argument("--crm", choices=names(), default=DEFAULT, help="the CRM that is simulated")
    options = parser.parse_args()
    end_at_sigterm()
    chosen = named(options.model_base_url, options.model, os.environ)
    try:
        with open_world(chosen, crm=options.crm, auth=options.auth) as world, page(Watcher(world)) as address:
            say(f"The page: {address}")
            with published(world, address, in_background=True):
                threading.Event().wait()
    except TROUBLES as trouble:
        say(str(trouble))
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
