"""One account of amoCRM or Kommo: calls at a measured pace, and what a refusal means for who connects it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dealtalk.crm.amocrm.api import Api
from dealtalk.crm.amocrm.errors import Refused, ScopeMissing
from dealtalk.crm.amocrm.schema import read_schema
from dealtalk.crm.http import BearerHttp, Http
from dealtalk.crm.oauth import InvalidGrant
from dealtalk.errors import DealtalkError, NeedsAttention
from dealtalk_cli.connecting.pace import Pace
from dealtalk_cli.errors import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dealtalk.crm.http import Answer, Params
    from dealtalk.crm.oauth import TokenSource
    from dealtalk.deals import DealSchema
    from dealtalk.ports import Clock

SECONDS_PER_CALL = 30.0
CALLS_PER_SECOND = 5
"""The account takes 7 a second, and the bot needs some of them."""

WAITS = (1.5, 3.0, 6.0)
"""Seconds after "too many requests", which acted on nothing."""

PRODUCTS = {"amocrm.ru": "amoCRM", "kommo.com": "Kommo"}


class PacedHttp(BearerHttp):
    """Calls at a pace, waits after "too many requests", and remembers the last status (0: no answer came)."""

    def __init__(self, http: Http, tokens: TokenSource, clock: Clock) -> None:
        super().__init__(http, tokens)
        self._clock = clock
        self._pace = Pace(clock, CALLS_PER_SECOND)
        self.last_status = 0

    def get(self, path: str, *, params: Params | None = None) -> Answer:
        """See `BearerHttp.get`."""
        return self._paced(lambda: BearerHttp.get(self, path, params=params))

    def write(self, method: str, path: str, *, payload: object) -> Answer:
        """See `BearerHttp.write`."""
        return self._paced(lambda: BearerHttp.write(self, method, path, payload=payload))

    def _paced(self, call: Callable[[], Answer]) -> Answer:
        for wait in (*WAITS, None):
            self.last_status = 0
            self._pace.wait()
            answer = call()
            self.last_status = answer.status
            if answer.status != HTTPStatus.TOO_MANY_REQUESTS or wait is None:
                break
            self._clock.sleep(wait)
        return answer


@dataclass(frozen=True, slots=True)
class About:
    """What an account says of itself."""

    id: str
    name: str
    subdomain: str


class AmocrmAccount:
    """An account and its API; methods raise Trouble whose advice is for who connects the account."""

    def __init__(self, api_base: str, platform: str, tokens: TokenSource, clock: Clock) -> None:
        self.product = PRODUCTS[platform]
        self.host = urlsplit(api_base).netloc + urlsplit(api_base).path
        http = Http(api_base, seconds_left=lambda: SECONDS_PER_CALL)
        self._http = PacedHttp(http, tokens, clock)
        self.api = Api(self._http, host=self.host, account="", cooldown=0)

    def about(self) -> About:
        """Return who the account is, which proves the token."""
        with self.doing("the token", what="token"):
            body = self.api.get("/api/v4/account") or {}
        if not body.get("id") or not body.get("subdomain"):
            raise Trouble(
                f"{self.host} answered, but not as {self.product}'s API does", "Check --subdomain and --platform."
            )
        return About(str(body["id"]), str(body.get("name") or ""), str(body["subdomain"]).lower())

    def schema(self, *, contact_fields: bool) -> DealSchema:
        """Return pipelines, fields and people."""
        with self.doing("to show pipelines, fields and people", what="admin"):
            return read_schema(self.api, contact_fields=contact_fields)

    @contextmanager
    def doing(self, doing: str, *, what: str = "") -> Iterator[None]:
        """Turn a failed call into Trouble; `what` chooses the advice: token, admin, webhook."""
        try:
            yield
        except InvalidGrant:
            raise Trouble(f"{self.product} refused the authorization code or the refresh token", NEW_CODE) from None
        except ScopeMissing:
            raise Trouble(f"{self.product} refused {doing}: the integration lacks the right", SCOPES) from None
        except DealtalkError as error:
            raise self._explained(doing, self._http.last_status, error, what) from None

    def _explained(self, doing: str, status: int, error: DealtalkError, what: str) -> Trouble:
        refused = f"{self.product} refused {doing} ({status})"
        match status:
            case HTTPStatus.UNAUTHORIZED:
                return Trouble(f"{self.product} refused the token (401)", NEW_ACCESS.format(host=self.host))
            case HTTPStatus.PAYMENT_REQUIRED:
                return Trouble(refused, PLAN if what == "webhook" else "The account is not paid for.")
            case HTTPStatus.FORBIDDEN if isinstance(error, NeedsAttention):
                return Trouble(
                    f"{refused}: the account takes calls from listed IP addresses only",
                    "Take this machine and the functions off that list's reach: switch the IP list off, or give the "
                    "functions a fixed address.",
                )
            case HTTPStatus.FORBIDDEN:
                return Trouble(refused, BLOCKED if what == "token" else ADMIN)
            case HTTPStatus.TOO_MANY_REQUESTS:
                return Trouble(refused, "Too many calls at the moment; run the command again in a minute.")
            case HTTPStatus.NOT_FOUND if what == "token":
                return Trouble(f"{self.host} has no such account (404)", "Check --subdomain and --platform.")
        if isinstance(error, Refused):
            return Trouble(refused, _words(error))
        return Trouble(f"{self.host}: {error}", "" if status else "Check --subdomain and --platform.")


def _words(refused: Refused) -> str:
    named = "; ".join(f"{each.path}: {each.detail or each.code}" for each in refused.complaints[:3])
    return named or refused.detail


NEW_ACCESS = (
    "Check that it was made in the account at {host}, has not ended, and that its integration is switched on; else "
    "make a new long-lived token (Integrations, your integration, Keys and scopes) and connect again."
)
NEW_CODE = (
    "A code is good for 20 minutes and for one use, and client id, secret and redirect URI must be exactly the "
    "integration's: open the integration, copy a new code, and connect again."
)
SCOPES = "Open the integration, tick the missing right, and make a new token."
PLAN = "Webhooks need amoCRM's extended or professional plan, or Kommo's Advanced, Pro or Enterprise."
ADMIN = "The token must belong to an administrator. If it does, the account is blocked for a while: wait ten minutes."
BLOCKED = "The token's user lacks rights, or the account is blocked for a while after too many calls."
