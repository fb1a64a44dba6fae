"""A strict simulator of RetailCRM (Simla): API v5 of the CRM and the MG Bot API of its chats, several accounts.

    with RetailcrmSimulator([russian_account]) as sim:
        base = sim.account_url("oknamaster")      # stands for https://oknamaster.retailcrm.ru
        key = sim.api_key("oknamaster")           # an API key with all rights
        chat, order = sim.open_chat("oknamaster")
        sim.customer_says("oknamaster", chat, "Здравствуйте")

The bot's token and the MG host are given by module registration, as the vendor does it. It is built from the vendor's
published facts; what these leave open is a switch of `AccountSettings`. Nobody is called: the MG Bot API knows no
webhook, its messages are read.
"""

from local.simulators.clock import ManualClock, SystemClock
from local.simulators.faults import FaultKind
from local.simulators.retailcrm.defaults import english_account, russian_account
from local.simulators.retailcrm.problems import Problem
from local.simulators.retailcrm.settings import AccountSettings
from local.simulators.retailcrm.simulator import RetailcrmSimulator

__all__ = [
    "AccountSettings",
    "FaultKind",
    "ManualClock",
    "Problem",
    "RetailcrmSimulator",
    "SystemClock",
    "english_account",
    "russian_account",
]
