"""Run the simulator as a process: `python -m local.simulators.custom --port 0 --state-file FILE`.

When it is ready it prints one JSON line {"base_url", "control_url", "accounts"} and writes the same, with the tokens
and the pid, to FILE. It ends at SIGINT or SIGTERM.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import threading
from functools import partial
from pathlib import Path

from local.simulators.custom.company import russian_company
from local.simulators.custom.simulator import CustomSimulator


def main() -> None:
    """Serve until a signal comes."""
    options = _options()
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    factories = [partial(russian_company, subdomain=name) for name in options.account or ["oknamaster"]]
    with CustomSimulator(factories, time_factor=options.time_factor, port=options.port) as sim:
        accounts = [
            {"subdomain": one.subdomain, "id": one.subdomain, "base_url": one.base_url} for one in sim.accounts()
        ]
        ready = {"base_url": sim.base_url, "control_url": sim.control_url, "accounts": accounts}
        if options.state_file:
            with_tokens = [one | {"token": sim.token(one["subdomain"])} for one in accounts]
            state = ready | {"pid": os.getpid(), "accounts": with_tokens}
            options.state_file.write_text(json.dumps(state, indent=2), "utf-8")
        print(json.dumps(ready), flush=True)
        stop.wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.simulators.custom", description="A CRM of one's own.")
    parser.add_argument("--port", type=int, default=0, help="loopback port, 0 chooses a free one")
    parser.add_argument("--state-file", type=Path, help="where to write addresses and tokens when ready")
    parser.add_argument("--time-factor", type=float, default=1.0, help="divides the wait before a message comes again")
    parser.add_argument("--account", action="append", metavar="SUBDOMAIN", help="repeatable, default: oknamaster")
    return parser.parse_args()


if __name__ == "__main__":
    main()
