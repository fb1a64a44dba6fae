"""A simulator as a process: what `python -m local.simulators.<crm>` does for every CRM.

When it is ready it prints one JSON line {"base_url", "control_url", "accounts"} and writes the same, with the tokens
and the pid, to the state file. It ends at SIGINT or SIGTERM.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from local.simulators.simulation import Simulation


S = TypeVar("S", bound="Simulation[Any]")


def serve(
    crm: str,
    make: Callable[[Sequence[Callable[..., Any]], argparse.Namespace], S],
    factories: Mapping[str, Callable[..., Any]],
    token: Callable[[S, str], str],
) -> None:
    """Serve the accounts that the command line names until a signal comes.

    `make` builds the simulator from account factories and the options; `token` gives an account's access to a client.
    """
    options = _options(crm, tuple(factories))
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    specs = [spec.partition(":") for spec in options.account or factories]
    chosen = [partial(factories[kind], **({"subdomain": name} if name else {})) for kind, _, name in specs]
    with make(chosen, options) as sim:
        accounts = [{"subdomain": one.subdomain, "id": one.id, "base_url": one.base_url} for one in sim.accounts()]
        ready = {"base_url": sim.base_url, "control_url": sim.control_url, "accounts": accounts}
        if options.state_file:
            with_tokens = [one | {"token": token(sim, str(one["subdomain"]))} for one in accounts]
            state = ready | {"pid": os.getpid(), "accounts": with_tokens}
            options.state_file.write_text(json.dumps(state, indent=2), "utf-8")
        print(json.dumps(ready), flush=True)
        stop.wait()


def _options(crm: str, kinds: tuple[str, ...]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m local.simulators.{crm}", description=f"A strict {crm}.")
    parser.add_argument("--port", type=int, default=0, help="loopback port, 0 chooses a free one")
    parser.add_argument("--state-file", type=Path, help="where to write addresses and tokens when ready")
    parser.add_argument("--time-factor", type=float, default=1.0, help="divides the vendor's own long waits")
    parser.add_argument(
        "--account", action="append", metavar="KIND[:SUBDOMAIN]", help=f"{' or '.join(kinds)}; repeatable"
    )
    return parser.parse_args()
