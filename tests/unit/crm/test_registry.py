"""From a connection to its adapter."""

from __future__ import annotations

import sys
from typing import Any, cast

import pytest

from dealtalk.connections import Connection
from dealtalk.crm.registry import Opening, open_crm
from dealtalk.errors import NeedsAttention

NOTHING = cast("Any", None)


def opening() -> Opening:
    """Return what an adapter is opened with; nothing of it is used yet."""
    return Opening(NOTHING, NOTHING, NOTHING, lambda: 60.0)


def test_an_unknown_crm_needs_attention() -> None:
    """The integrator reads which one is meant."""
    with pytest.raises(NeedsAttention, match="abacus"):
        open_crm(Connection("abacus", "c", "1", "https://x.test", "s", "p"), opening())


def test_opening_a_connection_calls_nobody() -> None:
    """The adapter is made without a request, a secret or a table."""
    crm = open_crm(Connection("amocrm", "c", "1", "https://okna.amocrm.ru", "s", "p"), opening())

    assert crm.reply_limit == 1000
    assert "dealtalk.crm.amocrm.client" in sys.modules


def test_an_unsafe_address_needs_attention() -> None:
    """A stored address without https is the integrator's matter, not a crash."""
    with pytest.raises(NeedsAttention):
        open_crm(Connection("amocrm", "c", "1", "http://okna.amocrm.ru", "s", "p"), opening())
