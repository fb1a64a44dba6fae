"""docs/openapi-custom.yaml describes what is taken and what is sent. `make openapi` has schemathesis try it, too."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from dealtalk.crm.custom import inbound
from dealtalk.crm.custom.options import Ability
from dealtalk.deals import AddNote, AddTag, AddTask, Assign, MoveStage, RemoveTag, SetField, SetPrice
from dealtalk.errors import OutcomeUnknown
from dealtalk.ingress.body import decode_body
from events import custom
from tests.contract.crm.custom_world import CustomWorld, custom_world
from tests.contract.crm.suite import value_for
from tests.openapi.schema import document, problems
from tests.security.webhooks.custom import TARGET

if TYPE_CHECKING:
    from dealtalk.deals import DealUpdate

CASES = {name: case for name, case in custom.custom_webhook().items() if "token" not in name}
EVENTS = {
    "new_messages": ("NewMessages", "NewMessagesTaken"),
    "deal_changes": ("DealChanges", "DealChangesDone"),
    "deal_request": ("DealRequest", "DealTold"),
    "schema_request": ("SchemaRequest", "SchemaTold"),
    "event_status": ("EventStatus", "EventsTaken"),
    "person_needed": ("PersonNeeded", None),
    "test_request": ("TestRequest", "Supports"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_document_and_the_webhook_agree_on_each_event(name: str) -> None:
    """What the one takes, the other takes."""
    body = json.loads(CASES[name]["body"])
    taken = inbound.parse(TARGET.connection, decode_body(json.dumps(body).encode()), custom.SIGNED_AT).refusal is None
    found = list(problems(body, "Message"))
    assert taken is (found == []), found


def converse(world: CustomWorld) -> None:
    """Let everything be sent that can be."""
    since, schema, deal = world.now(), world.crm.read_schema(), world.crm.read_deal(world.deal_id)
    fields = [SetField(field.id, value_for(field)) for field in schema.fields if not field.read_only]
    moved: list[DealUpdate] = [MoveStage("sales", "qualification"), SetPrice(Decimal("18900.5")), Assign("u2")]
    world.crm.update_deal(deal, [*moved, *fields, AddTag("a"), RemoveTag("b")], schema)
    world.crm.add(world.deal_id, AddNote("note", "m1"))
    world.crm.add(world.deal_id, AddTask("task", since + timedelta(hours=1), "m2"))
    world.crm.send(world.chat, world.deal_id, "Здравствуйте")
    world.lose_answer("send")
    with pytest.raises(OutcomeUnknown):
        world.crm.send(world.chat, world.deal_id, "ещё")
    world.crm.was_sent(world.chat, world.deal_id, "ещё", since)
    world.crm.leave_to_person(world.chat)
    world.crm._channel.callback.post("test_request", "0" * 32, {})


@pytest.fixture(scope="module")
def calls() -> list[tuple[dict[str, Any], Any]]:
    """Return everything that was sent in a conversation, with its answers."""
    for world in custom_world():
        converse(world)
        return [(call.body, call.answer) for call in world.simulator.calls("okna")]
    raise AssertionError


@pytest.mark.parametrize("kind", EVENTS)
def test_each_event_and_its_answer_are_described(kind: str, calls: list[tuple[dict[str, Any], Any]]) -> None:
    """No field more, none less."""
    event, answer = EVENTS[kind]
    found = [(sent, got) for sent, got in calls if sent["event_type"] == kind]
    assert found
    for sent, got in found:
        assert list(problems(sent, event)) == []
        assert answer is None or list(problems(got, answer)) == []


def test_every_event_and_ability_stands_in_the_document() -> None:
    """A new one must be described."""
    schemas = document()["components"]["schemas"]
    kinds = (schema.get("properties", {}).get("event_type") for schema in schemas.values())
    described = {kind["const"] for kind in kinds if kind}
    assert described == set(EVENTS)
    assert set(schemas["Supports"]["properties"]["supports"]["items"]["enum"]) == {each.value for each in Ability}


def test_the_limits_stand_in_the_document() -> None:
    """What is promised is what is kept."""
    text = json.dumps(document())
    assert inbound.MAX_BODY == 5 * 1024 * 1024
    assert "5 MiB" in text
