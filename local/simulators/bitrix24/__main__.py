"""Run the simulator as a process: `python -m local.simulators.bitrix24 --port 0 --state-file FILE`.

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

from local.simulators.bitrix24.control import FACTORIES
from local.simulators.bitrix24.simulator import BitrixSimulator


def main() -> None:
    """Serve until a signal comes."""
    options = _options()
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    specs = [spec.partition(":") for spec in options.account or ["russian"]]
    factories = [partial(FACTORIES[kind], **({"subdomain": name} if name else {})) for kind, _, name in specs]
    with BitrixSimulator(factories, time_factor=options.time_factor, port=options.port) as sim:
        accounts = [
            {"subdomain": one.subdomain, "id": one.member_id, "base_url": one.base_url} for one in sim.accounts()
        ]
        ready = {"base_url": sim.base_url, "control_url": sim.control_url, "accounts": accounts}
        if options.state_file:
            with_tokens = [one | {"token": "/".join(sim.webhook(str(one["subdomain"])))} for one in accounts]
            state = ready | {"pid": os.getpid(), "accounts": with_tokens}
            options.state_file.write_text(json.dumps(state, indent=2), "utf-8")
        print(json.dumps(ready), flush=True)
        stop.wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.simulators.bitrix24", description="A strict Bitrix24.")
    parser.add_argument("--port", type=int, default=0, help="loopback port, 0 chooses a free one")
    parser.add_argument("--state-file", type=Path, help="where to write addresses and tokens when ready")
    parser.add_argument("--time-factor", type=float, default=1.0, help="not used: nothing here waits for hours")
    parser.add_argument("--account", action="append", metavar="KIND[:SUBDOMAIN]", help="russian; repeatable")
    return parser.parse_args()


if __name__ == "__main__":
    main()
