"""A strict simulator of HubSpot: several portals with one private app each, in one process.

    with HubspotSimulator([russian_portal]) as sim:
        base = sim.account_url("oknamaster")      # stands for https://api.hubapi.com
        token = sim.token("oknamaster")
        sim.subscribe("oknamaster", "https://.../hubspot/<key>")
        thread, deal = sim.open_chat("oknamaster")
        sim.customer_says("oknamaster", thread, "Здравствуйте")

It is built from the vendor's published facts. What these leave open is a switch of `portal.Settings`.
"""

from local.simulators.hubspot.defaults import english_portal, russian_portal
from local.simulators.hubspot.simulator import HubspotSimulator

__all__ = ["HubspotSimulator", "english_portal", "russian_portal"]
