"""A strict simulator of amoCRM (amocrm.ru) and Kommo (kommo.com), several accounts in one process.

    with AmocrmSimulator([russian_account]) as sim:
        base = sim.account_url("oknamaster")      # stands for https://oknamaster.amocrm.ru
        token = sim.token("oknamaster")           # long-lived, an administrator's
        chat, lead = sim.open_chat("oknamaster")
        sim.customer_says("oknamaster", chat, "Здравствуйте")

It is built from the vendor's published facts. What these leave open is a switch of `AccountSettings`. With a
`ManualClock` nothing is due until `sim.advance(seconds)`; `sim.settle()` waits for the deliveries under way.
"""

from local.simulators.amocrm.defaults import english_account, russian_account
from local.simulators.amocrm.problems import Problem
from local.simulators.amocrm.settings import AccountSettings, Plan, Platform
from local.simulators.amocrm.simulator import AmocrmSimulator
from local.simulators.clock import ManualClock, SystemClock
from local.simulators.faults import FaultKind

__all__ = [
    "AccountSettings",
    "AmocrmSimulator",
    "FaultKind",
    "ManualClock",
    "Plan",
    "Platform",
    "Problem",
    "SystemClock",
    "english_account",
    "russian_account",
]
