"""Run the simulator as a process: `python -m local.simulators.amocrm --port 0 --state-file FILE` (see `running`)."""

from __future__ import annotations

from local.simulators.amocrm.control import FACTORIES
from local.simulators.amocrm.simulator import AmocrmSimulator
from local.simulators.running import serve

if __name__ == "__main__":
    serve(
        "amocrm",
        lambda accounts, options: AmocrmSimulator(accounts, time_factor=options.time_factor, port=options.port),
        FACTORIES,
        lambda sim, account: sim.token(account),
    )
