"""The webhooks that are attacked: one module per CRM beside this one, each with its `TARGET`.

Whoever adds a CRM adds one module here; fuzzing and the tests that hold for every webhook then include it.
"""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dealtalk.connections import Connection
    from dealtalk.ingress.events import Inbound

DOCUMENTED = frozenset({200, 400, 401, 405, 413})


def nothing_more(_body: bytes) -> Mapping[str, Any]:
    """Return that a delivery is its body alone."""
    return {}


@dataclass(frozen=True, slots=True)
class Target:
    """What an attacker may know of one CRM's webhook.

    `connection` is the one that tests.unit.ingress.fakes.KEY opens, the account of events/<crm>_webhook; `stranger` is
    another account's. `bodies` make genuine bodies of a customer's message from a message id and a text, one for each
    encoding that the webhook takes. `delivered` returns what else a genuine delivery of a body carries, as keys of the
    Lambda event: headers, query, path, signed at NOW of those fakes where time counts. `words` are names and values
    that bodies of this CRM know. `webhook` holds further arguments of `Webhook`. `statuses` are all that the webhook
    may answer while it can store.
    """

    connection: Connection
    stranger: Connection
    inbound: Inbound
    bodies: tuple[Callable[[str, str], bytes], ...]
    words: tuple[str, ...]
    delivered: Callable[[bytes], Mapping[str, Any]] = nothing_more
    webhook: Mapping[str, Any] = field(default_factory=dict)
    statuses: frozenset[int] = DOCUMENTED


TARGETS: dict[str, Target] = {
    module.name: import_module(f"{__name__}.{module.name}").TARGET for module in pkgutil.iter_modules(__path__)
}
