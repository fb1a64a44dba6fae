"""One portal of HubSpot: calls at a measured pace, and what a refusal means for who connects it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dealtalk.crm.http import BearerHttp, Http
from dealtalk.crm.hubspot.api import Api, rows
from dealtalk.crm.hubspot.errors import Refused, ScopeMissing
from dealtalk.crm.hubspot.schema import read_fields, read_schema
from dealtalk.errors import DealtalkError, NeedsAttention, RateLimited
from dealtalk_cli.connecting.pace import Pace
from dealtalk_cli.errors import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dealtalk.crm.oauth import TokenSource
    from dealtalk.deals import DealSchema
    from dealtalk.ports import Clock

SECONDS_PER_CALL = 30.0
CALLS_PER_SECOND = 5
READS = {
    "conversations.read": ("/conversations/v3/conversations/channels", ()),
    "crm.objects.contacts.read": ("/crm/v3/objects/contacts", (("limit", 1),)),
    "crm.objects.deals.read": ("/crm/v3/objects/deals", (("limit", 1),)),
}
"""What shows that a scope was given; those for writing show when something is written."""

WRITES = ("conversations.write", "crm.objects.deals.write")
APP_PAGE = "Settings → Integrations → Private apps, your app"
NEW_ACCESS = f"Copy the token anew ({APP_PAGE}, Auth) and connect again."
SCOPES = f"{APP_PAGE}, Scopes: docs/crm/hubspot.md lists them. Changing them keeps the token."


@dataclass(frozen=True, slots=True)
class About:
    """What a portal says of itself."""

    id: str
    time_zone: str
    currency: str | None


@dataclass(frozen=True, slots=True)
class User:
    """A person: `id` is the user's, by which threads know them."""

    id: str
    name: str
    email: str


class HubspotPortal:
    """A portal and its API; methods raise Trouble whose advice is for who connects it."""

    def __init__(self, api_base: str, tokens: TokenSource, clock: Clock) -> None:
        http = Http(api_base, seconds_left=lambda: SECONDS_PER_CALL, before_call=Pace(clock, CALLS_PER_SECOND).wait)
        self.api = Api(BearerHttp(http, tokens), clock, time_zone="UTC")

    def about(self) -> About:
        """Return which portal the token belongs to, which proves it. Follows GET /account-info/v3/details."""
        with self.doing("the token"):
            body = self.api.get("/account-info/v3/details")
        if not body.get("portalId"):
            raise Trouble("the address answered, but not as HubSpot's API does", "Check --api-base.")
        return About(str(body["portalId"]), str(body.get("timeZone") or "UTC"), body.get("companyCurrency"))

    def schema(self) -> DealSchema:
        """Return pipelines, properties and owners."""
        with self.doing("to show pipelines, properties and owners"):
            return read_schema(self.api, read_fields(self.api))

    def users(self) -> list[User]:
        """Return the active people."""
        with self.doing("to show owners"):
            pages = [page for page, _ in self.api.pages("/crm/v3/owners", (("limit", 500), ("archived", "false")))]
        return [
            User(
                str(row["userId"]),
                f"{row.get('firstName') or ''} {row.get('lastName') or ''}".strip(),
                str(row.get("email") or "").lower(),
            )
            for page in pages
            for row in page
            if row.get("userId")
        ]

    def user(self, wanted: str, option: str) -> User:
        """Return the person with this user id, mail address or name. Raises Trouble."""
        people = self.users()
        text = wanted.strip().lower()
        found = [each for each in people if text in {each.id, each.email, each.name.lower()}]
        if len(found) != 1:
            known = ", ".join(f"{each.name or each.email} ({each.id})" for each in people[:10])
            raise Trouble(f"{option} names {'nobody' if not found else 'several people'}", f"There are: {known}.")
        return found[0]

    def missing_scopes(self) -> list[str]:
        """Return the scopes for reading that the app was not given."""
        missing = []
        for scope, (path, params) in READS.items():
            with self.doing(f"to try the scope {scope}"):
                try:
                    self.api.get(path, params)
                except ScopeMissing:
                    missing.append(scope)
        return missing

    def channels(self) -> list[str]:
        """Return the names of the inbox's channels."""
        with self.doing("to show channels"):
            body = self.api.get("/conversations/v3/conversations/channels")
        return [str(row.get("name") or row.get("id")) for row in rows(body)]

    @contextmanager
    def doing(self, doing: str) -> Iterator[None]:
        """Turn a failed call into Trouble."""
        try:
            yield
        except ScopeMissing:
            raise Trouble(f"HubSpot refused {doing}: the app lacks a scope", SCOPES) from None
        except NeedsAttention as error:
            raise Trouble(str(error), NEW_ACCESS) from None
        except RateLimited:
            raise Trouble("HubSpot takes no more calls at the moment", "Run the command again in a minute.") from None
        except Refused as error:
            words = "; ".join(each.message for each in error.complaints[:3]) or error.message
            raise Trouble(f"HubSpot refused {doing} ({error.status})", words) from None
        except DealtalkError as error:
            raise Trouble(f"HubSpot: {error}") from None
