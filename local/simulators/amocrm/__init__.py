"""A strict simulator of amoCRM (amocrm.ru) and Kommo (kommo.com), several accounts in one process."""

from local.simulators.amocrm.clock import ManualClock, SystemClock
from local.simulators.amocrm.defaults import english_account, russian_account
from local.simulators.amocrm.faults import FaultKind
from local.simulators.amocrm.problems import Problem
from local.simulators.amocrm.settings import AccountSettings, Plan, Platform
from local.simulators.amocrm.simulator import AmocrmSimulator

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
