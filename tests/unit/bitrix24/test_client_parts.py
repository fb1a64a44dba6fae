"""Parts of the adapter that need no portal: options, a batch's commands, values, refusals."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest

from dealtalk.crm.bitrix24.api import Command
from dealtalk.crm.bitrix24.errors import Refused, failure
from dealtalk.crm.bitrix24.fields import field_schema, read_value, write_value
from dealtalk.crm.bitrix24.options import FlagFormat, bitrix_options
from dealtalk.deals import FieldKind
from dealtalk.errors import ChangeRefused, CrmUnavailable, NeedsAttention, OutcomeUnknown, RateLimited


def test_options_come_from_the_table_and_from_the_command_line() -> None:
    """As numbers, as texts, as flags."""
    options = bitrix_options({"bot_id": Decimal(975), "owner_leads": "false", "message_limit": "1000"})

    assert (options.bot_id, options.owner_leads, options.limit("telegrambot")) == ("975", False, 1000)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"bot_id": "x"},
        {"bot_id": "1", "unheard_of": "1"},
        {"bot_id": "1", "tags_field": "TAGS"},
        {"bot_id": "1", "handover": "shout"},
        {"bot_id": "1", "oauth_base": "https://evil.test"},
        {"bot_id": "1", "oauth_base": "http://127.0.0.1.evil.test"},
        {"bot_id": "1", "message_limit": "5"},
    ],
)
def test_an_unusable_option_needs_attention(given: dict[str, Any]) -> None:
    """The app's secret travels to no stranger's server."""
    with pytest.raises(NeedsAttention):
        bitrix_options(given)


def test_a_command_is_encoded_once() -> None:
    """Whatever a text holds; references to earlier results stay references."""
    fields = {"UF_CRM_1": "50% & «Уфа» + [b]", "UF_CRM_2": ["а", "б"], "UF_CRM_3": []}
    command = str(Command("crm.item.update", {"id": "$result[deal][item][id]", "fields": fields}))
    method, _, query = command.partition("?")

    assert method == "crm.item.update"
    assert dict(parse_qsl(query, keep_blank_values=True)) == {
        "id": "$result[deal][item][id]",
        "fields[UF_CRM_1]": "50% & «Уфа» + [b]",
        "fields[UF_CRM_2][0]": "а",
        "fields[UF_CRM_2][1]": "б",
        "fields[UF_CRM_3]": "",
    }
    assert "id=$result[deal][item][id]" in query


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("date", "2026-11-20T00:00:00+03:00", date(2026, 11, 20)),
        ("datetime", "2026-11-20T18:30:00+03:00", datetime(2026, 11, 20, 15, 30, tzinfo=UTC)),
        ("boolean", "0", False),
        ("boolean", "Y", True),
        ("money", "1500.50|RUB", Decimal("1500.50")),
        ("double", "сто", None),
        ("date", "скоро", None),
        ("string", "", None),
    ],
)
def test_a_value_is_read_as_what_it_is(kind: str, raw: str, value: object) -> None:
    """A date is the portal's own day; what cannot be read is left out."""
    assert read_value(field_schema("UF_CRM_1", {"type": kind, "title": "Поле"}), raw) == value


def test_options_are_read_and_written_by_their_numbers() -> None:
    """An option that is gone is left out."""
    row = {"type": "enumeration", "title": "Опции", "isMultiple": True, "items": [{"ID": "7", "VALUE": "Отлив"}]}
    field = field_schema("UF_CRM_1", row)

    assert field.kind is FieldKind.MULTISELECT
    assert read_value(field, [7, 8]) == ("Отлив",)
    assert write_value(field, ("отлив",), currency="RUB", flags=FlagFormat.LETTERS) == [7]
    with pytest.raises(ChangeRefused):
        write_value(field, ("Монтаж",), currency="RUB", flags=FlagFormat.LETTERS)


@pytest.mark.parametrize(("flags", "written"), [(FlagFormat.LETTERS, "Y"), (FlagFormat.DIGITS, "1")])
def test_yes_is_written_as_the_connection_says(flags: FlagFormat, written: str) -> None:
    """The vendor's pages show both."""
    field = field_schema("UF_CRM_1", {"type": "boolean", "title": "Монтаж"})

    assert write_value(field, True, currency="RUB", flags=flags) == written


@pytest.mark.parametrize(
    ("status", "body", "acts", "kind"),
    [
        (503, {"error": "QUERY_LIMIT_EXCEEDED"}, False, RateLimited),
        (429, {"error": "OPERATION_TIME_LIMIT"}, True, RateLimited),
        (503, {"error": "OVERLOAD_LIMIT"}, False, RateLimited),
        (401, {"error": "expired_token"}, False, NeedsAttention),
        (403, {"error": "insufficient_scope"}, True, NeedsAttention),
        (403, {"error": "ACCESS_DENIED", "error_description": "only on commercial plans"}, False, NeedsAttention),
        (403, {}, False, NeedsAttention),
        (403, {"error": "ACCESS_DENIED"}, True, Refused),
        (400, {"error": "", "error_description": "Not found"}, False, Refused),
        (500, {"error": "PORTAL_DELETED"}, True, NeedsAttention),
        (500, {"error": "INTERNAL_SERVER_ERROR"}, True, OutcomeUnknown),
        (502, {}, False, CrmUnavailable),
    ],
)
def test_a_refusal_means_what_the_vendor_documents(
    status: int, body: dict[str, Any], acts: bool, kind: type[Exception]
) -> None:
    """A limit waits, a dead token calls the integrator, a refusal is final, a fault of theirs may have acted."""
    assert type(failure(status, body, acts=acts, pause=1.5, cooldown=300)) is kind
