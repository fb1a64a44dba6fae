"""What `dealtalk doctor` looks at in a CRM of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.agent.profile import check_against
from dealtalk.crm.custom.options import Ability
from dealtalk.errors import DealtalkError
from dealtalk_cli.custom.receiver import CHECK_IT, open_receiver
from dealtalk_cli.errors import Trouble
from dealtalk_cli.findings import Finding, ok, problem, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dealtalk.agent.profile import Profile
    from dealtalk.connections import Connection
    from dealtalk.deals import DealSchema
    from dealtalk_cli.custom.receiver import Receiver
    from dealtalk_cli.stack import Stack

AGAIN = "Run dealtalk connect for this CRM again."


def live_schema(connection: Connection, profile: Profile, stack: Stack) -> DealSchema:  # noqa: ARG001 (all is one answer)
    """Return what may be chosen in the CRM. Raises Trouble and DealtalkError."""
    return open_receiver(connection, stack).schema()


def examine(connection: Connection, profile: Profile | None, stack: Stack, *, fix: bool) -> Iterator[Finding]:  # noqa: ARG001 (nothing there is ours to repair)
    """Yield what is found: the receiver first, and nothing after it where it does not answer."""
    try:
        receiver = open_receiver(connection, stack)
        told = receiver.abilities()
    except (Trouble, DealtalkError) as error:
        sentence, advice = (error.sentence, error.advice) if isinstance(error, Trouble) else (str(error), CHECK_IT)
        yield problem("token", sentence, advice)
        return
    yield ok("token", f"the receiver at {receiver.options.callback_base} takes events")
    yield from _abilities(receiver, told)
    yield from _webhook(connection)
    yield from _names(receiver, profile)


def _abilities(receiver: Receiver, told: list[str]) -> Iterator[Finding]:
    known = sorted(each.value for each in receiver.options.supports)
    if known == told:
        yield ok("receiver", f"takes {', '.join(told) or 'replies only'}")
    else:
        sentence = f"says that it takes {', '.join(told) or 'replies only'}; the connection has {', '.join(known)}"
        yield warning("receiver", sentence, AGAIN)
    if Ability.DEAL_CHANGES not in receiver.options.supports:
        yield warning(
            "deals",
            "deals are not used, and people are called by person_needed only: the receiver takes no deal_changes",
        )
    if Ability.EVENT_STATUS not in receiver.options.supports:
        yield warning("replies", "where an answer gets lost, nobody can say whether a reply arrived: no event_status")


def _webhook(connection: Connection) -> Iterator[Finding]:
    if not connection.options.get("token_sha256"):
        yield problem("webhook", "no token is set: every message is refused", AGAIN)
        return
    signed = "token and signature" if connection.signing_secret else "token"
    yield ok("webhook", f"opens to the address's key with {signed}")


def _names(receiver: Receiver, profile: Profile | None) -> Iterator[Finding]:
    if profile is None:
        return
    try:
        schema = receiver.schema()
    except Trouble as trouble:
        yield problem("names", trouble.sentence, trouble.advice)
        return
    if not schema.pipelines:
        yield warning("names", "what may be chosen is not known: no message told it yet")
        return
    missing = check_against(profile, schema)
    for sentence in missing:
        yield problem("names", sentence, f"Correct {receiver.connection.profile} or the CRM.")
    if not missing:
        yield ok("names", "all that the profile names exist")
