"""The receiver of events, tried from here as the responder would: what it answers, and what it understands."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dealtalk.crm.custom.callback import open_callback
from dealtalk.crm.custom.channel import Channel
from dealtalk.crm.custom.deal_store import DealStore
from dealtalk.crm.custom.options import Ability, custom_options, split_callback
from dealtalk.crm.custom.own_deals import OwnDeals
from dealtalk.crm.getcourse.options import NAMES
from dealtalk.crm.registry import Opening
from dealtalk.errors import DealtalkError
from dealtalk_cli.errors import Trouble
from dealtalk_cli.place import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dealtalk.connections import Connection
    from dealtalk.crm.custom.callback import Callback
    from dealtalk.crm.custom.options import CustomOptions
    from dealtalk.crm.secrets import Secrets
    from dealtalk.deals import DealSchema
    from dealtalk_cli.stack import Stack

SECONDS_PER_CALL = 25.0
CHECK_IT = "Check the address, the token and what the receiver answers to test_request (docs/crm/custom.md)."


@dataclass(frozen=True, slots=True)
class Kind:
    """A CRM that is reached by the custom channel: its name, its page, its own options, abilities that mean nothing."""

    crm: str
    page: str
    own_options: frozenset[str] = frozenset()
    not_asked: frozenset[str] = frozenset()


CUSTOM = Kind("custom", "docs/crm/custom.md")
GETCOURSE = Kind("getcourse", "docs/crm/getcourse.md", NAMES, frozenset({"deal_changes", "deal_request"}))
KINDS = {kind.crm: kind for kind in (CUSTOM, GETCOURSE)}


@dataclass(frozen=True, slots=True)
class GivenSecret:
    """A secret that is not stored yet."""

    token: str

    def read(self, name: str, *, fresh: bool = False) -> Mapping[str, str]:  # noqa: ARG002 (the protocol's)
        """See `Secrets`."""
        return {"token": self.token}


@dataclass(frozen=True, slots=True)
class Receiver:
    """A connection's receiver."""

    connection: Connection
    options: CustomOptions
    callback: Callback
    stack: Stack

    def abilities(self) -> list[str]:
        """Return what the receiver says that it understands, by a `test_request`. Raises Trouble."""
        with doing("the receiver was tried and"):
            said = self.callback.post("test_request", uuid.uuid4().hex, {})
        told = said.get("supports")
        if not isinstance(told, list):
            return [Ability.PERSON_NEEDED.value]
        known = {each.value for each in Ability} - KINDS[self.connection.crm].not_asked
        return sorted({str(each) for each in told} & known)

    def schema(self) -> DealSchema:
        """Return what may be chosen: asked for, or told with a message before. Raises Trouble."""
        connection, stack = self.connection, self.stack
        channel = Channel(self.callback, stack.table, stack.clock, connection, self.options)
        store = DealStore(stack.table, stack.clock, connection)
        with doing("what may be chosen cannot be read:"):
            return OwnDeals(self.callback, channel, store, self.options).read_schema()


def open_receiver(connection: Connection, stack: Stack, secrets: Secrets | None = None) -> Receiver:
    """Return the connection's receiver; `secrets` where its token is not stored yet. Raises NeedsAttention."""
    options = custom_options(connection.options, also=KINDS[connection.crm].own_options)
    opening = Opening(stack.table, secrets or stack.secrets, stack.clock, seconds_left=lambda: SECONDS_PER_CALL)
    return Receiver(connection, options, open_callback(connection, opening, options), stack)


def checked_callback(url: str, stack: Stack) -> str:
    """Return a callback URL that the stack can reach. Raises Trouble."""
    try:
        split_callback(url)
    except ValueError:
        raise Trouble(
            "--callback-url is https://host/path, letters, digits and -_./ only, without a query",
            "A secret belongs into the token, not into the address.",
        ) from None
    here, there = (is_loopback(urlsplit(each).hostname or "") for each in (stack.place.api_url, url))
    if there and not here:
        raise Trouble("--callback-url leads to this machine, which the stack cannot reach")
    return url


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Let a failure say what was done. Raises Trouble."""
    try:
        yield
    except DealtalkError as error:
        raise Trouble(f"{what} {error}", CHECK_IT) from None
