"""The connection's options, and what amoCRM's refusals mean."""

from __future__ import annotations

from typing import Any

import pytest

from dealtalk.crm.amocrm.errors import Complaint, Refused, ScopeMissing, Unpaid, failure
from dealtalk.crm.amocrm.options import History, SalesbotRun, Way, amocrm_options
from dealtalk.crm.http import Answer
from dealtalk.crm.option_values import TakeoverSource, digits
from dealtalk.errors import CrmUnavailable, NeedsAttention, OutcomeUnknown, RateLimited


def test_each_platform_has_its_own_defaults() -> None:
    """Kommo sends by talks first, amocrm.ru by Salesbot alone."""
    amocrm, kommo = amocrm_options({}), amocrm_options({"platform": "kommo.com"})

    assert amocrm.send_order == (Way.SALESBOT,)
    assert (kommo.send_order, kommo.poll_with) == ((Way.TALKS, Way.SALESBOT), History.TALKS)
    assert amocrm.takeover_source is TakeoverSource.AUTO


def test_every_default_can_be_overridden() -> None:
    """As stored JSON, where numbers may be texts or decimals."""
    options = amocrm_options(
        {
            "platform": "kommo.com",
            "send_order": ["salesbot"],
            "salesbot_run": "v4",
            "reply_field_id": 55,
            "bot_id": "66",
            "poll_with": "events",
            "message_limit": "500",
            "bot_user_ids": [1, "2"],
            "contact_fields": "0",
            "as_robot": False,
        }
    )

    assert (options.send_order, options.salesbot_run) == ((Way.SALESBOT,), SalesbotRun.V4)
    assert (options.reply_field_id, options.bot_id, options.message_limit) == ("55", "66", 500)
    assert (options.bot_user_ids, options.contact_fields, options.as_robot) == (("1", "2"), False, False)


def test_what_the_webhook_s_side_reads_is_no_unknown_option() -> None:
    """One dictionary serves both halves of the adapter."""
    assert amocrm_options({"subdomain": "okna", "accepted_subdomains": ["okna2"]}).platform == "amocrm.ru"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"platform": "bitrix24"}, "platform"),
        ({"send_ordr": ["talks"]}, "send_ordr"),
        ({"send_order": ["pigeon"]}, "send_order"),
        ({"send_order": []}, "send_order"),
        ({"send_order": 5}, "send_order"),
        ({"bot_id": "../1"}, "bot_id"),
        ({"message_limit": 0}, "message_limit"),
        ({"message_limit": True}, "message_limit"),
        ({"contact_fields": "perhaps"}, "contact_fields"),
        ({"channel_limits": {"waba": "long"}}, "channel_limits"),
    ],
)
def test_a_bad_option_is_named(options: dict[str, Any], named: str) -> None:
    """The integrator reads which key is wrong; a typing error is not ignored."""
    with pytest.raises(NeedsAttention, match=named):
        amocrm_options(options)


@pytest.mark.parametrize("value", ["", "-1", "1.0", "1/2", "٣", "१", " 1", "1" * 21, None, True])
def test_only_plain_digits_are_an_id(value: object) -> None:
    """Other scripts' digits are digits to Python, and not to a URL."""
    with pytest.raises(ValueError, match="not an id"):
        digits(value)


@pytest.mark.parametrize(
    ("status", "body", "acts", "error"),
    [
        (401, {}, True, NeedsAttention),
        (402, {}, True, Unpaid),
        (403, {"title": "Invalid scope"}, True, ScopeMissing),
        (403, {"detail": "Invalid Scope"}, False, ScopeMissing),
        (403, {"code": 113}, False, NeedsAttention),
        (403, {"response": {"error_code": "113"}}, False, NeedsAttention),
        (403, {"detail": "Account is blocked"}, False, RateLimited),
        (403, None, False, RateLimited),
        (403, "<html>", False, RateLimited),
        (429, {}, True, RateLimited),
        (500, {}, False, CrmUnavailable),
        (504, {}, True, OutcomeUnknown),
        (400, {}, True, Refused),
        (404, {}, False, Refused),
        (422, {}, True, Refused),
        (405, {}, True, Refused),
    ],
)
def test_a_status_means_one_of_the_families(status: int, body: Any, acts: bool, error: type[Exception]) -> None:
    """The vendor's table, with what a 403 can be told apart by."""
    assert type(failure(Answer(status, body), acts=acts, pause=2, cooldown=300)) is error


def test_the_pauses_are_told_with_the_error() -> None:
    """429: the short one; a ban: the configured one."""
    limited = failure(Answer(429, {}), acts=True, pause=2, cooldown=300)
    banned = failure(Answer(403, {}), acts=True, pause=2, cooldown=300)

    assert isinstance(limited, RateLimited)
    assert isinstance(banned, RateLimited)
    assert (limited.after, banned.after) == (2, 300)


def test_validation_errors_keep_their_paths_and_stay_out_of_the_message() -> None:
    """The vendor's words may quote input: attributes, not text."""
    error = {"code": "NotSupportedChoice", "path": "custom_fields_values.0.field_id", "detail": "Bad «текст клиента»"}
    body = {"validation-errors": [{"request_id": "0", "errors": [error, "junk"]}, None], "detail": "failed"}

    refused = failure(Answer(400, body), acts=True, pause=2, cooldown=300)

    assert isinstance(refused, Refused)
    assert refused.complaints == (
        Complaint("custom_fields_values.0.field_id", "NotSupportedChoice", "Bad «текст клиента»"),
    )
    assert "клиента" not in str(refused)


@pytest.mark.parametrize("errors", [None, "x", {}, [None], [{"errors": "x"}], [{"errors": [1]}]])
def test_a_malformed_list_of_errors_is_no_crash(errors: Any) -> None:
    """Whatever stands there, the refusal is one."""
    assert isinstance(failure(Answer(400, {"validation-errors": errors}), acts=True, pause=2, cooldown=1), Refused)
