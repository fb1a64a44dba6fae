"""Run the simulator as a process: `python -m local.simulators.retailcrm --port 0 --state-file FILE` (see `running`)."""

from __future__ import annotations

from local.simulators.retailcrm.control import FACTORIES
from local.simulators.retailcrm.simulator import RetailcrmSimulator
from local.simulators.running import serve

if __name__ == "__main__":
    serve(
        "retailcrm",
        lambda accounts, options: RetailcrmSimulator(accounts, port=options.port),
        FACTORIES,
        lambda sim, account: sim.api_key(account),
    )
