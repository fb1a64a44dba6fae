"""The parts of a deployed stack, opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dealtalk.clock import SystemClock
from dealtalk.connection_store import ConnectionStore
from dealtalk.conversation.dynamodb import DynamoTable
from dealtalk.crm.secrets import SecretsManager
from dealtalk_cli.directory import Directory
from dealtalk_cli.profiles import ProfileBucket
from dealtalk_cli.secret_store import SecretStore

if TYPE_CHECKING:
    from dealtalk.conversation.table import Table
    from dealtalk.crm.secrets import Secrets
    from dealtalk.ports import Clock
    from dealtalk_cli.place import Place


@dataclass(frozen=True, slots=True)
class Stack:
    """What commands work with. `secrets` reads as the functions do, `secret_store` writes."""

    place: Place
    clock: Clock
    table: Table
    directory: Directory
    connections: ConnectionStore
    secrets: Secrets
    secret_store: SecretStore
    profiles: ProfileBucket


def open_stack(place: Place, clock: Clock | None = None) -> Stack:
    """Return the stack's parts. Raises Trouble."""
    clock = clock or SystemClock()
    secrets = place.client("secretsmanager")
    table = DynamoTable(place.client("dynamodb"), place.table, pause=clock.sleep)
    return Stack(
        place=place,
        clock=clock,
        table=table,
        directory=Directory(table, clock),
        connections=ConnectionStore(table, clock),
        secrets=SecretsManager(secrets, clock),
        secret_store=SecretStore(secrets),
        profiles=ProfileBucket(place, clock),
    )
