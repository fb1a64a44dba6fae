"""A strict simulator of Bitrix24: portals with CRM, open lines and chat bots, several in one process.

    with BitrixSimulator([russian_portal]) as sim:
        base = sim.account_url("okna")            # stands for https://okna.bitrix24.ru
        hook = sim.webhook("okna")                # an incoming webhook: user and secret
        chat, deal = sim.open_chat("okna")
        sim.customer_says("okna", chat, "Здравствуйте")

It is built from the vendor's published facts. What these leave open is a switch of `PortalSettings`. With a
`ManualClock` nothing is due until `sim.advance(seconds)`; `sim.settle()` waits for the deliveries under way.
"""

from local.simulators.bitrix24.defaults import russian_portal
from local.simulators.bitrix24.settings import PortalSettings
from local.simulators.bitrix24.simulator import BitrixSimulator

__all__ = ["BitrixSimulator", "PortalSettings", "russian_portal"]
