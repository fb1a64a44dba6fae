"""Run the simulator as a process: `python -m local.simulators.custom --port 0 --state-file FILE` (see `running`)."""

from __future__ import annotations

from local.simulators.custom.company import FACTORIES
from local.simulators.custom.simulator import CustomSimulator
from local.simulators.running import serve

if __name__ == "__main__":
    serve(
        "custom",
        lambda companies, options: CustomSimulator(companies, time_factor=options.time_factor, port=options.port),
        FACTORIES,
        lambda sim, account: sim.token(account),
    )
