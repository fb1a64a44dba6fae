"""Whose is a widget_request, and where may its bot be continued."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dealtalk.connections import Connection, connection_id
from dealtalk.crm.amocrm import widget
from dealtalk.crm.amocrm.waiting import WaitingBots, return_path
from dealtalk.ingress.body import decode_body
from dealtalk.ingress.http import Request, read_request
from events import amocrm
from local.simulators.amocrm import widgets
from tests.fakes.clock import FakeClock
from tests.fakes.table import MemoryTable

SECRET = "the integration's secret key"
CONNECTION = Connection(
    crm="amocrm",
    id=connection_id("key"),
    account="31337",
    api_base="https://oknaufa.amocrm.ru",
    secret="s",
    profile="p",
    signing_secret=SECRET,
    options={"subdomain": "oknaufa", "accepted_subdomains": ["okna"]},
)
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PATH = "/api/v4/salesbot/77/continue/9001"
CLAIMS = {
    "account_id": 31337,
    "client_uuid": "b1f7",
    "entity_id": 500,
    "entity_type": 2,
    "exp": int(NOW.timestamp()) + 600,
}


def body(url: str = f"https://oknaufa.amocrm.ru{PATH}", secret: str = SECRET, **claims: Any) -> dict[str, Any]:
    """Return a request's body; None leaves a claim out."""
    values = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    data = {"message": "Сколько стоит?", "lead": "500"}
    return {"token": widgets.signed(values, secret, "HS512"), "data": data, "return_url": url}


def is_ours(posted: dict[str, Any], connection: Connection = CONNECTION) -> bool:
    """Return whether the request is believed."""
    return widget.authenticate(connection, Request("POST", "key", {}, b""), posted, NOW)


@pytest.mark.parametrize("write", [widgets.as_json, widgets.as_form, widgets.as_form_with_json])
def test_every_shape_of_body_is_read(write: Any) -> None:
    """JSON by the vendor's pages, a form from live accounts, and `data` as one JSON text."""
    table, clock = MemoryTable(), FakeClock(NOW)
    payload = decode_body(write(body()))
    assert is_ours(payload)
    events = widget.parse(CONNECTION, payload, NOW)
    assert (events.messages, dict(events.ignored)) == ((), {})
    widget.keeper(table, clock)(CONNECTION, payload, events)
    assert WaitingBots(table, clock, CONNECTION).take("500", timedelta(minutes=5)) == PATH


@pytest.mark.parametrize("claim", ["client_uuid", "client_uid"])
def test_the_integration_may_be_named_in_two_ways(claim: str) -> None:
    """The SDK says the first, Kommo's pages the second; without either the token is not the bot's."""
    named: dict[str, Any] = {"client_uuid": None, claim: "b1f7"}
    assert is_ours(body(**named))
    assert not is_ours(body(client_uuid=None))


def test_a_token_of_another_integration_is_refused_where_ours_is_known() -> None:
    """Its secret would be another too; this is the second lock."""
    ours = replace(CONNECTION, options={**CONNECTION.options, "client_uuid": "b1f7"})
    assert is_ours(body(), ours)
    assert not is_ours(body(client_uuid="another"), ours)


@pytest.mark.parametrize(
    "posted",
    [
        body(account_id=4711),
        body(account_id=None),
        body(secret="another"),
        body(exp=int(NOW.timestamp()) - 120),
        {**body(), "token": ""},
        {**body(), "token": ["a"]},
        {"return_url": "x"},
    ],
)
def test_who_cannot_prove_the_account_is_refused(posted: dict[str, Any]) -> None:
    """Whatever else the body says."""
    assert not is_ours(posted)


def test_without_the_integrations_secret_nothing_is_believed() -> None:
    """A connection that was made without it has no waiting bots."""
    assert not is_ours(body(), replace(CONNECTION, signing_secret=None))


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (f"https://oknaufa.amocrm.ru{PATH}", PATH),
        (f"https://oknaufa.amocrm.ru:443{PATH}", PATH),
        (f"https://oknaufa.kommo.com{PATH}", PATH),
        (f"https://okna.amocrm.com{PATH}", PATH),
        ("https://oknaufa.amocrm.ru/api/v4/marketingbot/1/continue/a-B_9", "/api/v4/marketingbot/1/continue/a-B_9"),
        (f"http://oknaufa.kommo.com{PATH}", None),
        (f"https://evil.example{PATH}", None),
        (f"https://oknaufa.amocrm.ru.evil.example{PATH}", None),
        (f"https://evil.amocrm.ru{PATH}", None),
        (f"https://user@oknaufa.kommo.com{PATH}", None),
        (f"https://oknaufa.kommo.com@evil.example{PATH}", None),
        (f"https://oknaufa.kommo.com:444{PATH}", None),
        (f"https://oknaufa.kommo.com\\@evil.example{PATH}", None),
        (f"https://oknaufa.amocrm.ru{PATH}?next=https://evil.example", None),
        (f"https://oknaufa.amocrm.ru{PATH}#x", None),
        (f"https://oknaufa.amocrm.ru{PATH}/../../leads", None),
        ("https://oknaufa.amocrm.ru/api/v4/leads/1", None),
        ("https://oknaufa.amocrm.ru/api/v4/salesbot/1/continue/", None),
        (f"https://oknaufa.amocrm.ru{PATH}\n", None),
        (f"https://oknaufa.аmocrm.ru{PATH}", None),
        (f"//oknaufa.amocrm.ru{PATH}", None),
        (PATH, None),
        ("https://[::1", None),
        ("", None),
        ("https://oknaufa.amocrm.ru" + "/" * 600, None),
    ],
)
def test_a_bot_is_continued_in_the_connected_account_only(url: str, path: str | None) -> None:
    """Only the path is kept, so that the token can travel nowhere else."""
    assert return_path(CONNECTION, url) == path


def test_a_bot_that_leads_elsewhere_is_not_kept() -> None:
    """It is counted, and answered as if nothing were."""
    payload = body("https://evil.example" + PATH)
    events = widget.parse(CONNECTION, payload, NOW)
    assert dict(events.ignored) == {"foreign_return_url": 1}
    table = MemoryTable()
    widget.keeper(table, FakeClock(NOW))(CONNECTION, payload, events)
    assert table.items == {}


@pytest.mark.parametrize("claims", [{"entity_type": 12}, {"entity_id": None}, {"entity_id": 0}, {"entity_type": None}])
def test_a_bot_on_no_lead_is_not_kept(claims: dict[str, Any]) -> None:
    """Customers (12) have no deal; what the token does not name, `data` may not claim."""
    assert dict(widget.parse(CONNECTION, body(**claims), NOW).ignored) == {"no_lead": 1}


def test_a_waiting_bot_is_taken_once_and_not_for_long() -> None:
    """The newest counts; an old one has ended by itself."""
    table, clock = MemoryTable(), FakeClock(NOW)
    waiting, hour = WaitingBots(table, clock, CONNECTION), timedelta(hours=1)
    waiting.keep("500", "/first")
    waiting.keep("500", "/second")
    assert (waiting.take("500", hour), waiting.take("500", hour), waiting.take("501", hour)) == ("/second", None, None)
    waiting.keep("500", "/third")
    clock.forward(minutes=61)
    assert waiting.take("500", hour) is None


@pytest.mark.parametrize("name", ["form", "json", "data_as_text", "elsewhere", "forged", "expired"])
def test_the_events_are_what_they_say(name: str) -> None:
    """The files of events/amocrm_widget, as the function reads them."""
    request = read_request(amocrm.amocrm_widget()[name])
    demo = replace(CONNECTION, account=amocrm.ACCOUNT["id"], signing_secret=amocrm.WIDGET_SECRET)
    payload, now = decode_body(request.body), datetime(2026, 11, 23, tzinfo=UTC)
    assert widget.authenticate(demo, request, payload, now) is (name not in {"forged", "expired"})
    if name in {"form", "json", "data_as_text"}:
        assert dict(widget.parse(demo, payload, now).ignored) == {}


@pytest.mark.parametrize(
    "garbage",
    [
        {},
        {"token": {"a": "b"}, "data": [], "return_url": {}},
        {"token": None, "data": None, "return_url": None},
        {"token": "a.b.c", "return_url": "x" * 10_000},
        {**body(), "return_url": ["https://oknaufa.amocrm.ru"]},
        {**body(), "data": "{" * 10_000},
        body(entity_id={"a": 1}),
        body(entity_id=10**30),
        body(entity_type=[2]),
        body(account_id=31337.5),
    ],
)
def test_no_body_is_an_error(garbage: dict[str, Any]) -> None:
    """Whatever a stranger, or the vendor of tomorrow, posts."""
    is_ours(garbage)
    events = widget.parse(CONNECTION, garbage, NOW)
    widget.keeper(MemoryTable(), FakeClock(NOW))(CONNECTION, garbage, events)
    assert events.messages == ()
