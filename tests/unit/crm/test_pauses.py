"""Pauses after "too many requests"."""

from __future__ import annotations

from dealtalk.crm.pauses import Pauses


def test_pauses_grow_to_a_limit_and_a_success_resets_them() -> None:
    """Per host: one account's trouble is not another's."""
    pauses = Pauses()
    grown = [pauses.next("a") for _ in range(7)]
    other = pauses.next("b")
    pauses.reset("a")

    assert grown == [1.5, 3.0, 6.0, 12.0, 24.0, 30.0, 30.0]
    assert (other, pauses.next("a")) == (1.5, 1.5)
