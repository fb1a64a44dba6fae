"""What the responder and the recovery work with: composed once per process, faked in tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from dealtalk.agent.profile import Profile
    from dealtalk.connection_store import ConnectionStore
    from dealtalk.connections import Connection
    from dealtalk.conversation.table import Table
    from dealtalk.crm.schema_cache import SchemaCache
    from dealtalk.messages import Chat
    from dealtalk.ports import Clock, Crm, Doorbell, Model
    from dealtalk.watch import Watch


class Profiles(Protocol):
    """Finds a bot's profile by its name."""

    def get(self, name: str) -> Profile:
        """Return the profile. Raises NeedsAttention where it is missing or not usable, Retryable."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """The ports and stores.

    `open_crm` is given the chat and the seconds that are left for calls; `open_model` reads the profile. `slots` is how
    many workers one account may take; 0: nobody is counted.
    """

    table: Table
    connections: ConnectionStore
    doorbell: Doorbell
    clock: Clock
    profiles: Profiles
    schemas: SchemaCache
    open_crm: Callable[[Connection, Chat, Callable[[], float]], Crm]
    open_model: Callable[[Profile], Model]
    watch: Watch
    endpoint: tuple[str, str] = ("", "")
    slots: int = 0

    def endpoint_of(self, profile: Profile) -> tuple[str, str]:
        """Return base URL and name of the profile's model; `endpoint` is the deployment's own."""
        base_url, model = self.endpoint
        return profile.model.base_url or base_url, profile.model.name or model
