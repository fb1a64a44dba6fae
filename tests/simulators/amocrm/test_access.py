"""Who may call: tokens, OAuth, rights, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from local.simulators.amocrm import oauth

if TYPE_CHECKING:
    from local.simulators.amocrm import AmocrmSimulator, ManualClock
    from tests.simulators.amocrm.conftest import Client

DAY = 86_400


def consent(client: Client) -> dict[str, str]:
    """Return the form that exchanges a fresh authorization code."""
    one = oauth.add_integration(client.account, "Dealtalk")
    return {
        "client_id": one.client_id,
        "client_secret": one.client_secret,
        "redirect_uri": one.redirect_uri,
        "grant_type": "authorization_code",
        "code": oauth.authorization_code(client.account, one.client_id),
    }


def refresh_with(form: dict[str, str], token: str) -> dict[str, str]:
    """Return the form that uses a refresh token."""
    return {**form, "grant_type": "refresh_token", "refresh_token": token}


def test_a_long_lived_token_opens_the_account(amo: Client) -> None:
    """A valid bearer token is all that a call needs."""
    answer = amo.get("/api/v4/account")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/hal+json"
    assert answer.json()["subdomain"] == "oknamaster"


@pytest.mark.parametrize("header", ["", "Bearer wrong", "Basic {token}", "Bearer"])
def test_a_call_without_a_valid_bearer_token_is_401(amo: Client, header: str) -> None:
    """Nothing but a known token after the word Bearer passes."""
    answer = amo.get("/api/v4/account", headers={"Authorization": header.format(token=amo.token)})
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 401


def test_a_token_of_another_account_is_401(amo: Client, kommo: Client) -> None:
    """Tokens belong to one account."""
    assert amo.get("/api/v4/account", token=kommo.token).status_code == 401


def test_an_unknown_account_is_401(sim: AmocrmSimulator) -> None:
    """A subdomain that does not exist is code 101."""
    answer = requests.get(sim.account_url("nobody") + "/api/v4/account", timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (401, 101)


def test_the_account_may_be_named_by_the_host_header(amo: Client) -> None:
    """The first label of Host is the account, as on the real service."""
    headers = {"Host": "oknamaster.amocrm.ru", "Authorization": f"Bearer {amo.token}"}
    answer = requests.get(amo.sim.base_url + "/api/v4/account", headers=headers, timeout=5)
    assert answer.json()["id"] == amo.account.id


def test_a_token_dies_at_its_time(amo: Client, clock: ManualClock) -> None:
    """A one-day token is refused after a day."""
    token = amo.sim.token(amo.name, seconds=DAY)
    clock.advance(DAY - 1)
    assert amo.get("/api/v4/account", token=token).status_code == 200
    clock.advance(1)
    assert amo.get("/api/v4/account", token=token).status_code == 401


def test_a_deactivated_integration_is_401(amo: Client) -> None:
    """Switching the integration off kills its tokens."""
    next(iter(amo.account.integrations.values())).active = False
    assert amo.get("/api/v4/account").status_code == 401


def test_an_unpaid_account_is_402(amo: Client) -> None:
    """An account that is not paid answers 402."""
    amo.sim.switch(amo.name, paid=False)
    assert amo.get("/api/v4/leads/1").status_code == 402


def test_an_address_outside_the_white_list_is_403_with_code_113(amo: Client) -> None:
    """The list of allowed addresses refuses with its own code."""
    amo.sim.switch(amo.name, ip_whitelist=["203.0.113.7"])
    answer = amo.get("/api/v4/account")
    assert (answer.status_code, answer.json()["code"]) == (403, 113)
    assert amo.get("/api/v4/account", headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v4/users", None),
        ("GET", "/api/v4/webhooks", None),
        ("POST", "/api/v4/webhooks", {"destination": "https://example.test/", "settings": ["add_lead"]}),
        ("DELETE", "/api/v4/webhooks", {"destination": "https://example.test/"}),
        ("POST", "/api/v4/leads/custom_fields", [{"name": "A", "type": "text"}]),
    ],
)
def test_what_needs_an_administrator_is_403_for_others(amo: Client, method: str, path: str, body: Any) -> None:
    """Users, webhooks and new fields are the administrator's."""
    token = amo.sim.token(amo.name, user_id=amo.user_id("Олег"))
    assert amo.call(method, path, json=body, token=token).status_code == 403


def test_an_administrators_token_may_act_as_another_user(amo: Client) -> None:
    """X-Context-User-ID lends another user's rights; an unknown one is refused."""
    oleg = {"X-Context-User-ID": str(amo.user_id("Олег"))}
    assert amo.get("/api/v4/account", headers=oleg).json()["current_user_id"] == amo.user_id("Олег")
    assert amo.get("/api/v4/users", headers=oleg).status_code == 403
    assert amo.get("/api/v4/account", headers={"X-Context-User-ID": "1"}).status_code == 403


def test_seven_requests_a_second_pass_and_the_eighth_is_429(amo: Client, clock: ManualClock) -> None:
    """The budget is per second and comes back."""
    amo.sim.switch(amo.name, requests_per_second=7)
    assert [amo.get("/api/v4/account").status_code for _ in range(8)] == [200] * 7 + [429]
    clock.advance(1)
    assert amo.get("/api/v4/account").status_code == 200


def test_the_budget_is_the_accounts_own(amo: Client, kommo: Client) -> None:
    """One account's storm does not slow another."""
    amo.sim.switch(amo.name, requests_per_second=1)
    amo.get("/api/v4/account")
    assert amo.get("/api/v4/account").status_code == 429
    assert kommo.get("/api/v4/account").status_code == 200


def test_repeated_429_end_in_a_ban(amo: Client, clock: ManualClock) -> None:
    """Who goes on over the budget is blocked with 403 for a while, even at a slow pace."""
    amo.sim.switch(amo.name, requests_per_second=1, ban_after=3, ban_seconds=60.0)
    assert [amo.get("/api/v4/account").status_code for _ in range(5)] == [200, 429, 429, 429, 403]
    clock.advance(59)
    refused = amo.get("/api/v4/account")
    assert refused.status_code == 403
    assert "code" not in refused.json()
    clock.advance(1)
    assert amo.get("/api/v4/account").status_code == 200


def test_a_code_is_exchanged_once(amo: Client) -> None:
    """The first exchange gives both tokens, the second is refused."""
    form = consent(amo)
    first = amo.post("/oauth2/access_token", form)
    assert first.json()["expires_in"] == DAY
    assert amo.get("/api/v4/account", token=first.json()["access_token"]).status_code == 200
    again = amo.post("/oauth2/access_token", form)
    assert (again.status_code, again.json()["hint"]) == (400, "Authorization code has been revoked")


def test_a_code_lives_twenty_minutes(amo: Client, clock: ManualClock) -> None:
    """After twenty minutes a code is worth nothing."""
    form = consent(amo)
    clock.advance(20 * 60)
    assert amo.post("/oauth2/access_token", form).json()["hint"] == "Authorization code has expired"


def test_a_refresh_token_is_replaced_and_the_old_one_dead_at_once(amo: Client) -> None:
    """A used refresh token answers 'Token has been revoked'; its successor works."""
    form = consent(amo)
    first = amo.post("/oauth2/access_token", form).json()
    second = amo.post("/oauth2/access_token", refresh_with(form, first["refresh_token"]))
    assert second.status_code == 200
    dead = amo.post("/oauth2/access_token", refresh_with(form, first["refresh_token"]))
    assert dead.status_code == 401
    assert dead.json()["hint"] == "Token has been revoked"
    assert dead.json()["type"].endswith("OAuthProblemJson")
    alive = amo.post("/oauth2/access_token", refresh_with(form, second.json()["refresh_token"]))
    assert alive.status_code == 200


def test_using_a_dead_refresh_token_can_kill_the_whole_grant(amo: Client) -> None:
    """With the switch on, a double use ends the integration until a person consents anew."""
    amo.sim.switch(amo.name, reuse_kills_grant=True)
    form = consent(amo)
    first = amo.post("/oauth2/access_token", form).json()
    second = amo.post("/oauth2/access_token", refresh_with(form, first["refresh_token"])).json()
    amo.post("/oauth2/access_token", refresh_with(form, first["refresh_token"]))
    assert amo.get("/api/v4/account", token=second["access_token"]).status_code == 401
    assert amo.post("/oauth2/access_token", refresh_with(form, second["refresh_token"])).status_code == 401


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"client_secret": "wrong"}, 401),
        ({"client_id": "wrong"}, 401),
        ({"redirect_uri": "https://elsewhere.test/"}, 401),
        ({"grant_type": "password"}, 400),
        ({"client_secret": ""}, 400),
        ({"code": "wrong"}, 400),
    ],
)
def test_a_wrong_oauth_request_is_refused(amo: Client, change: dict[str, str], status: int) -> None:
    """Each parameter is checked; the redirect address must be exact."""
    answer = amo.post("/oauth2/access_token", consent(amo) | change)
    assert (answer.status_code, answer.json()["status"]) == (status, status)


def test_a_refresh_token_tells_where_the_account_lives(amo: Client) -> None:
    """X-Refresh-Token is answered with the account's present address."""
    token = amo.post("/oauth2/access_token", consent(amo)).json()["refresh_token"]
    answer = amo.get("/oauth2/account/current/subdomain", headers={"X-Refresh-Token": token})
    assert answer.json()["domain"] == "oknamaster.amocrm.ru"
