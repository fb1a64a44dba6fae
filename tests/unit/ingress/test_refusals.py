"""What a webhook may be composed with besides: refusals that are told, facts that are kept, larger bodies."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from dealtalk.conversation.table import TableBusy
from dealtalk.crm.amocrm import inbound
from dealtalk.ingress.events import ParsedEvents, Refusal
from dealtalk.ingress.http import MAX_BODY
from tests.unit.ingress.fakes import ACCOUNT, compose, message_form, post

MESSAGE = ACCOUNT | message_form()
REFUSAL = Refusal(422, {"detail": "text is required"})
REFUSING = SimpleNamespace(
    authenticate=lambda *_: True, parse=lambda *_: ParsedEvents(ignored={"unusable_message": 1}, refusal=REFUSAL)
)


def test_a_sender_is_told_what_to_correct() -> None:
    """Status and document are the adapter's; nothing is stored, and the log says only that it was so."""
    rig = compose(inbound=REFUSING)
    answer = rig.webhook.handle(post(MESSAGE), None)
    assert (answer["statusCode"], json.loads(answer["body"])) == (422, {"detail": "text is required"})
    assert answer["headers"]["content-type"] == "application/json"
    assert rig.intake.messages == []
    assert "text is required" not in rig.log.getvalue()


def test_a_stranger_is_told_nothing_of_it() -> None:
    """Only whose body is believed learns what is wrong with it."""
    strange = SimpleNamespace(authenticate=lambda *_: False, parse=REFUSING.parse)
    assert compose(inbound=strange).status(post(MESSAGE)) == 401


def test_what_is_kept_is_kept_before_the_message_is_stored() -> None:
    """The turn that the message causes must find it."""
    order: list[str] = []

    def keep(connection: Any, payload: Any, events: Any) -> None:  # noqa: ARG001 (only the order matters)
        order.append(f"kept, {len(rig.intake.messages)} stored")

    rig = compose(inbound=inbound, keep=keep)
    assert rig.status(post(MESSAGE)) == 200
    assert order == ["kept, 0 stored"]


def test_what_could_not_be_kept_makes_the_sender_try_again() -> None:
    """And the message is not stored without it."""

    def keep(*_: object) -> None:
        msg = "busy"
        raise TableBusy(msg)

    rig = compose(keep=keep)
    assert rig.status(post(MESSAGE)) == 500
    assert rig.intake.messages == []


def test_a_webhook_whose_bodies_carry_files_takes_larger_ones() -> None:
    """Up to its own limit."""
    large = ACCOUNT | message_form(more="x" * MAX_BODY)
    assert compose().status(post(large)) == 413
    assert compose(max_body=2 * MAX_BODY).status(post(large)) == 200
    assert compose(max_body=2 * MAX_BODY).status(post(ACCOUNT | message_form(more="x" * 2 * MAX_BODY))) == 413
