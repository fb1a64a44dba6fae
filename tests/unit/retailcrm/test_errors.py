"""What the refusals of both APIs mean."""

from __future__ import annotations

from typing import Any

import pytest

from dealtalk.crm.http import Answer
from dealtalk.crm.retailcrm.errors import Complaint, Refused, failure
from dealtalk.errors import CrmUnavailable, DealtalkError, NeedsAttention, OutcomeUnknown, RateLimited


def of(status: int, body: Any = None, *, acts: bool = False) -> DealtalkError:
    """Return what an answer means."""
    return failure(Answer(status, body), acts=acts, pause=2.0)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("acts", [True, False])
def test_too_often_is_a_rate_limit_with_our_pause(status: int, acts: bool) -> None:
    """Nothing was done, whatever was asked for."""
    error = of(status, {"success": False}, acts=acts)
    assert isinstance(error, RateLimited)
    assert error.after == 2.0


def test_a_server_s_fault_leaves_a_change_s_outcome_open() -> None:
    """A read can be repeated, a change must be asked about."""
    assert isinstance(of(500, acts=True), OutcomeUnknown)
    assert type(of(502)) is CrmUnavailable


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (403, {"success": False, "errorMsg": 'Wrong "apiKey" value.'}, "API key"),
        (403, {"success": False, "errorMsg": '"apiKey" is missing.'}, "API key"),
        (403, {"success": False, "errorMsg": "Access denied."}, "lacks a right"),
        (401, {"errors": ["Unauthorized"]}, "no more"),
        (400, {"success": False, "errorMsg": "Account does not exist."}, "no RetailCRM account"),
        (404, None, "no RetailCRM account"),
        (200, None, "no RetailCRM account"),
    ],
)
def test_what_only_the_integrator_can_mend_says_what_it_is(status: int, body: Any, words: str) -> None:
    """A key, a right, a module, an address that is nobody's (a page instead of JSON)."""
    error = of(status, body)
    assert isinstance(error, NeedsAttention)
    assert words in str(error)


def test_a_refusal_keeps_places_and_texts_and_quotes_nothing() -> None:
    """The vendor's words may quote a customer: they stay in attributes."""
    error = of(400, {"success": False, "errorMsg": "Order is not loaded", "errors": {"status": "no Иван", "a": ["b"]}})
    assert isinstance(error, Refused)
    assert error.complaints == (Complaint("status", "no Иван"), Complaint("a", "b"))
    assert "Иван" not in str(error)


@pytest.mark.parametrize("errors", [None, 5, "x", [], [5], {"a": 5}, {"a": {"b": "c"}}])
def test_errors_of_another_shape_are_no_crash(errors: Any) -> None:
    """The refusal is still one."""
    assert isinstance(of(400, {"errors": errors}), Refused)


def test_an_answer_that_says_no_success_is_a_refusal() -> None:
    """Some refusals come with 200."""
    assert isinstance(of(200, {"success": False, "errorMsg": "x"}), Refused)
