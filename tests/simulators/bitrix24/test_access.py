"""Who may call what, how often, and what a refusal looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from local.simulators.bitrix24 import oauth
from local.simulators.bitrix24.settings import ALL_SCOPES
from tests.simulators.bitrix24.conftest import NAME, Client

if TYPE_CHECKING:
    from local.simulators.bitrix24 import BitrixSimulator


def test_an_incoming_webhook_has_the_scopes_that_it_was_given(client: Client) -> None:
    """A method of another scope is refused."""
    narrow = Client(client.sim, *client.sim.webhook(NAME, scopes=frozenset({"imbot"})))

    assert narrow.get("scope") == ["imbot"]
    assert narrow.refused("crm.item.get", entityTypeId=2, id=1) == (403, "insufficient_scope")


@pytest.mark.parametrize("secret", ["wrong", "x"])
def test_a_wrong_secret_is_refused(client: Client, secret: str) -> None:
    """As wrong credentials, not as a missing page."""
    client.secret = secret

    assert client.refused("scope") == (403, "INVALID_CREDENTIALS")


def test_a_webhook_may_not_ask_what_only_apps_may(client: Client) -> None:
    """The id of the portal is among that."""
    assert client.refused("app.info") == (403, "WRONG_AUTH_TYPE")


def test_an_unknown_method_is_refused(client: Client) -> None:
    """Names are taken exactly."""
    assert client.refused("crm.item.gett") == (404, "ERROR_METHOD_NOT_FOUND")


def test_the_bucket_overflows_and_drains(client: Client) -> None:
    """Above the burst 503, and two a second come back."""
    client.sim.switch(NAME, burst=2)
    assert [client.ask("scope")[0] for _ in range(3)] == [200, 200, 503]

    client.sim.advance(1)

    assert client.ask("scope")[0] == 200


def test_a_method_s_time_is_limited_and_named_in_every_answer(client: Client) -> None:
    """429 until the ten minutes are over."""
    client.sim.switch(NAME, operating_limit=0.15)
    assert client.ask("scope")[1]["time"]["operating"] == pytest.approx(0.1)
    assert client.ask("scope")[0] == 200
    assert client.refused("scope") == (429, "OPERATION_TIME_LIMIT")

    client.sim.advance(601)

    assert client.ask("scope")[0] == 200


def test_a_renamed_portal_answers_with_its_new_address(client: Client) -> None:
    """302, to be followed by who dares."""
    client.sim.switch(NAME, renamed_to="https://new.bitrix24.ru")

    assert client.ask("scope")[0] == 302


def test_a_batch_is_one_request_and_names_what_failed(client: Client) -> None:
    """HTTP 200, lists where maps are empty, results handed on."""
    _, deal = client.sim.open_chat(NAME)
    client.sim.switch(NAME, burst=1)

    done = client.batch(
        deal=("crm.item.get", {"entityTypeId": 2, "id": deal}),
        contact=("crm.item.get", {"entityTypeId": 3, "id": "$result[deal][item][contactId]"}),
        gone=("crm.item.get", {"entityTypeId": 2, "id": 1}),
        nested=("batch", {}),
    )

    assert done["result"]["contact"]["item"]["name"] == "Иван Петров"
    codes = {name: error["error"] for name, error in done["result_error"].items()}
    assert codes == {"gone": "NOT_FOUND", "nested": "ERROR_BATCH_METHOD_NOT_ALLOWED"}
    assert done["result_next"] == []


def test_a_batch_halts_where_it_was_told_to(client: Client) -> None:
    """What follows the failure is not done."""
    done = client.batch(1, gone=("crm.item.get", {"entityTypeId": 2, "id": 1}), after=("scope", {}))

    assert done["result"] == []


def test_a_batch_holds_fifty_commands(client: Client) -> None:
    """Not one more."""
    assert client.refused("batch", cmd={f"c{n}": "scope" for n in range(51)}) == (400, "ERROR_BATCH_LENGTH_EXCEEDED")


def token_request(sim: BitrixSimulator, **given: str) -> tuple[int, dict[str, Any]]:
    """Ask the authorization server."""
    answer = requests.get(f"{sim.account_url(NAME)}/oauth/token/", params=given, timeout=5)
    return answer.status_code, answer.json()


def test_a_refresh_token_works_once(sim: BitrixSimulator) -> None:
    """The pair that it brings is the living one."""
    app = oauth.add_app(sim.account(NAME), ALL_SCOPES)
    first = oauth.install(sim.account(NAME), app)["auth"]
    client = {"client_id": app.client_id, "client_secret": app.client_secret, "grant_type": "refresh_token"}

    status, pair = token_request(sim, refresh_token=first["refresh_token"], **client)

    assert (status, pair["member_id"]) == (200, sim.account(NAME).member_id)
    assert token_request(sim, refresh_token=first["refresh_token"], **client)[1]["error"] == "invalid_grant"
    assert token_request(sim, refresh_token=pair["refresh_token"], **client)[0] == 200
    wrong = client | {"client_secret": "no"}
    assert token_request(sim, refresh_token="x", **wrong) == (
        401,
        {"error": "invalid_client", "error_description": "invalid_client"},
    )


def test_an_app_calls_with_its_token_until_it_expires(sim: BitrixSimulator) -> None:
    """In the body; after an hour it is expired_token."""
    app = oauth.add_app(sim.account(NAME), ALL_SCOPES)
    token = oauth.install(sim.account(NAME), app)["auth"]["access_token"]
    url = f"{sim.account_url(NAME)}/rest/app.info"
    assert requests.post(url, json={"auth": token}, timeout=5).json()["result"]["CODE"] == app.client_id

    sim.advance(3601)

    assert requests.post(url, json={"auth": token}, timeout=5).json()["error"] == "expired_token"
    assert requests.post(url, json={}, timeout=5).json()["error"] == "NO_AUTH_FOUND"
