"""One account of RetailCRM: calls at a measured pace, and what a refusal means for who connects it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dealtalk.crm.http import Http, checked_base
from dealtalk.crm.retailcrm.api import API_KEY, BOT_TOKEN, MG, Host, MgApi, V5Api, objects
from dealtalk.crm.retailcrm.errors import NOT_FOUND, Refused
from dealtalk.crm.retailcrm.schema import read_schema
from dealtalk.errors import DealtalkError, NeedsAttention, RateLimited
from dealtalk_cli.connecting.pace import Pace
from dealtalk_cli.errors import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dealtalk.crm.retailcrm.options import RetailcrmOptions
    from dealtalk.deals import DealSchema
    from dealtalk.ports import Clock

SECONDS_PER_CALL = 30.0
CALLS_PER_SECOND = 5
KNOWN_HOSTS = ("retailcrm.ru", "retailcrm.pro", "retailcrm.es", "simla.com", "simla.io", "ecomlogic.com")
"""Below which the chats' host is expected; another one has to be confirmed."""

NEEDED = (
    "order_read",
    "order_write",
    "customer_read",
    "customer_write",
    "reference_read",
    "custom_fields_read",
    "user_read",
    "task_read",
    "task_write",
    "integration_read",
    "integration_write",
)
"""Rights of the API key, as the CRM's settings name them."""

KEY_PAGE = "Settings → Integration → API access keys"


class GivenKeys:
    """Keys that are being tried out."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def read(self, name: str, *, fresh: bool = False) -> Mapping[str, str]:  # noqa: ARG002 (as `Secrets`)
        """Return the keys."""
        return self._values


@dataclass(frozen=True, slots=True)
class About:
    """What an account says of itself. `scopes` None: it does not say what the key may."""

    timezone: str
    currency: str | None
    scopes: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Module:
    """Our registered module. `key` is the client id, which is the connection's key."""

    key: str
    active: bool


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of the account's chats; `limit` None: it names none."""

    id: str
    type: str
    limit: int | None


class RetailcrmAccount:
    """An account and its API; methods raise Trouble whose advice is for who connects the account."""

    def __init__(self, api_base: str, api_key: str, clock: Clock) -> None:
        self.api_base = api_base
        self.host = urlsplit(api_base).netloc + urlsplit(api_base).path
        http = Http(api_base, seconds_left=lambda: SECONDS_PER_CALL, before_call=Pace(clock, CALLS_PER_SECOND).wait)
        self._host = Host(http, GivenKeys({API_KEY: api_key}), "", API_KEY, "X-API-KEY")
        self.v5 = V5Api(self._host)

    def about(self) -> About:
        """Return who the account is, which proves the key."""
        with self.doing("the API key"):
            said = self._host.get("/api/credentials")
            settings = self.v5.get("/settings", "settings")
        scopes = said.get("scopes") if isinstance(said, dict) else None
        return About(
            timezone=_setting(settings, "timezone") or "Europe/Moscow",
            currency=_setting(settings, "default_currency"),
            scopes=frozenset(map(str, scopes)) if isinstance(scopes, list) else None,
        )

    def schema(self, options: RetailcrmOptions) -> DealSchema:
        """Return order types with statuses, fields and people."""
        with self.doing("to show statuses, fields and people"):
            return read_schema(self.v5, options)

    def chat_user(self, name: str) -> str:
        """Return the chats' id of the person with this name. Raises Trouble."""
        with self.doing("to show people"):
            people = list(self.v5.rows("/users", "users"))
        wanted = name.split()
        for row in people:
            if [str(row[part]) for part in ("firstName", "lastName") if row.get(part)] == wanted and row.get(
                "mgUserId"
            ):
                return str(row["mgUserId"])
        raise Trouble(f"the account has no person {name} who works in chats", "Write the name as the CRM shows it.")

    def module(self, code: str) -> Module | None:
        """Return our module, None where it is not registered."""
        with self.doing("to show integration modules"):
            try:
                row = self.v5.get(f"/integration-modules/{code}", "integrationModule")
            except Refused as refusal:
                if refusal.status != NOT_FOUND:
                    raise
                return None
        return Module(str(row.get("clientId") or ""), bool(row.get("active", True)) and not row.get("freeze"))

    def register(self, code: str, name: str, key: str, callback: str) -> tuple[str, str]:
        """Register our module with a chat bot and return the MG host and the bot's token.

        `callback`: the address, without the key, that is told when the module is switched on or off.
        Follows POST /api/v5/integration-modules/{code}/edit.
        """
        module = {
            "code": code,
            "integrationCode": code,
            "name": name,
            "active": True,
            "clientId": key,
            "baseUrl": callback,
            "actions": {"activity": f"/{key}"},
            "integrations": {"mgBot": {"refreshToken": False}},
        }
        with self.doing("the module's registration"):
            answer = self.v5.post(f"/integration-modules/{code}/edit", integrationModule=module)
        info = answer.get("info")
        given = info.get("mgBot") if isinstance(info, dict) else None
        if not isinstance(given, dict) or not given.get("endpointUrl") or not given.get("token"):
            raise Trouble("the CRM gave no chat bot to the module", "Switch chats on in the account, then try again.")
        return self._trusted(str(given["endpointUrl"])), str(given["token"])

    def _trusted(self, mg_url: str) -> str:
        """Return the MG host's address where it is one of the vendor's, or on this machine with a simulator."""
        own, mg = urlsplit(self.api_base).hostname or "", urlsplit(mg_url).hostname or ""
        known = any(mg == name or mg.endswith(f".{name}") for name in KNOWN_HOSTS) or mg == own
        try:
            address = checked_base(mg_url)
        except ValueError:
            known, address = False, ""
        if not known:
            raise Trouble("the CRM named a host for chats that is none of the vendor's", f"It is {mg}: ask the vendor.")
        return address

    @contextmanager
    def doing(self, doing: str) -> Iterator[None]:
        """Turn a failed call into Trouble."""
        try:
            yield
        except RateLimited:
            raise Trouble(f"{self.host} takes no more calls at the moment", "Run the command again soon.") from None
        except NeedsAttention as error:
            raise Trouble(f"{self.host}: {error}", f"Check the address and the key ({KEY_PAGE}).") from None
        except Refused as error:
            words = "; ".join(f"{each.place}: {each.text}" for each in error.complaints[:3]) or error.detail
            raise Trouble(f"{self.host} refused {doing} ({error.status})", words) from None
        except DealtalkError as error:
            raise Trouble(f"{self.host}: {error}", "Check the address.") from None


class ChatBot:
    """Our bot at the account's MG host."""

    def __init__(self, mg_url: str, token: str, clock: Clock, account: RetailcrmAccount) -> None:
        http = Http(mg_url, seconds_left=lambda: SECONDS_PER_CALL, before_call=Pace(clock, CALLS_PER_SECOND).wait)
        self._host = Host(http, GivenKeys({BOT_TOKEN: token}), "", BOT_TOKEN, "X-Bot-Token")
        self.mg = MgApi(self._host)
        self._account = account

    def introduce(self, name: str) -> None:
        """Give the bot its name, and the role with which it may have a dialog. Follows PATCH /my/info."""
        with self._account.doing("the bot's name"):
            self._host.write("PATCH", f"{MG}/my/info", {"name": name, "roles": ["responsible"]})

    def own_id(self) -> str:
        """Return the bot's id, which proves the token. Raises Trouble where the host does not know it."""
        with self._account.doing("the bot"):
            rows = self.mg.rows("/bots", [("self", 1), ("limit", 100)])
        mine = next((row for row in rows if row.get("is_self", True) and row.get("id")), None)
        if mine is None:
            raise Trouble("the chats do not know the bot", "Connect again.")
        return str(mine["id"])

    def channels(self) -> list[Channel]:
        """Return the active channels with what one message may hold."""
        with self._account.doing("to show channels"):
            rows = self.mg.rows("/channels", [("active", 1), ("limit", 100)])
        return [_channel(row) for row in objects(rows) if row.get("id") and row.get("is_active", True)]


def _channel(row: dict[str, Any]) -> Channel:
    settings = row.get("settings")
    text = settings.get("text") if isinstance(settings, dict) else None
    limit = text.get("max_chars_count") if isinstance(text, dict) else None
    return Channel(
        str(row["id"]), str(row.get("type") or "custom"), limit if isinstance(limit, int) and limit else None
    )


def _setting(settings: Any, name: str) -> str | None:  # noqa: ANN401 (any JSON)
    found = settings.get(name) if isinstance(settings, dict) else None
    value = found.get("value") if isinstance(found, dict) else None
    return str(value) if value else None
