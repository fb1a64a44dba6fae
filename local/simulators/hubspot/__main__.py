"""Run the simulator as a process: `python -m local.simulators.hubspot --port 0 --state-file FILE` (see `running`)."""

from __future__ import annotations

from local.simulators.hubspot.control import FACTORIES
from local.simulators.hubspot.simulator import HubspotSimulator
from local.simulators.running import serve

if __name__ == "__main__":
    serve(
        "hubspot",
        lambda portals, options: HubspotSimulator(portals, time_factor=options.time_factor, port=options.port),
        FACTORIES,
        lambda sim, account: sim.token(account),
    )
