"""The tools that a model is offered, and how its calls are read."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from dealtalk.agent.outcome import describe, result_text
from dealtalk.agent.tools import Handoff, PlannedAct, build_tools, needs_fresh_schema, parse_call
from dealtalk.deals import (
    AddNote,
    AddTag,
    AddTask,
    Assign,
    ChangeResult,
    Deal,
    MoveStage,
    RemoveTag,
    SetField,
    SetPrice,
)
from dealtalk.ports import ToolCall
from tests.unit.agent.accounts import NOW, SCHEMA, deal, profile
from tests.unit.agent.test_policy import BOT


def properties(present: Deal | None) -> dict[str, Any]:
    """Return the properties of update_deal as offered on this deal."""
    tool = next(tool for tool in build_tools(BOT, SCHEMA, present) if tool.name == "update_deal")
    return dict(tool.parameters["properties"])


def parsed(name: str, arguments: str, present: Deal | None = None) -> PlannedAct:
    """Return what a call comes to on a new deal."""
    return parse_call(ToolCall("c1", name, arguments), profile=BOT, schema=SCHEMA, deal=present or deal(), now=NOW)


def objects(schema: object) -> list[dict[str, Any]]:
    """Return all object schemas within a JSON schema."""
    if isinstance(schema, dict):
        own = [schema] if schema.get("type") == "object" else []
        return own + [found for value in schema.values() for found in objects(value)]
    return [found for value in schema for found in objects(value)] if isinstance(schema, list) else []


def test_the_verbs_are_few_and_closed() -> None:
    """Four verbs, no unknown keys in any of their objects."""
    tools = build_tools(BOT, SCHEMA, deal())
    assert [tool.name for tool in tools] == ["update_deal", "add_note", "create_task", "hand_over"]
    for tool in tools:
        assert all(found["additionalProperties"] is False for found in objects(dict(tool.parameters)))


def test_no_tool_shows_an_id() -> None:
    """Ids of deal, contact, account, stage, field and person are bound by the code."""
    shown = json.dumps([dict(tool.parameters) for tool in build_tools(BOT, SCHEMA, deal())], ensure_ascii=False)
    ids = {"4711", "9001", "p1", "p2", "u1", "u2", *(field.id for field in SCHEMA.fields)}
    assert not [known for known in ids if f'"{known}"' in shown]
    assert "_id" not in shown


def test_only_reachable_stages_are_offered() -> None:
    """The graph from the present stage, by the shortest name that means one stage."""
    assert properties(deal())["stage"]["enum"] == ["Квалификация", "Поддержка / Срочно"]
    assert properties(deal(stage_id="12"))["stage"]["enum"] == ["Замер", "Закрыто и не реализовано"]
    assert "stage" not in properties(deal(stage_id="14"))


def test_fields_carry_their_types_limits_and_live_options() -> None:
    """The model sees what the CRM accepts right now."""
    fields = properties(deal())["fields"]["properties"]
    assert fields["Количество"] == {"type": "number", "minimum": 1, "maximum": 500}
    assert fields["Профиль"] == {"type": "string", "enum": ["REHAU", "VEKA", "KBE"]}
    assert fields["Опции"]["items"] == {"type": "string", "enum": ["Подоконник", "Отлив", "Монтаж"]}
    assert fields["Город"]["enum"] == ["Уфа", "Казань"]
    assert fields["Нужен монтаж"] == {"type": "boolean"}


def test_what_cannot_be_written_is_not_offered() -> None:
    """Unsupported, read-only, ambiguous, missing and already filled fields stay out, tags on the deal too."""
    offered = properties(deal(fields={"f1": "окна", "f2": Decimal(2)}, tags=("ии",), price=Decimal(7)))
    fields = offered["fields"]["properties"]
    assert {"Реквизиты", "utm_source", "Двойное", "Новое поле", "Товар"}.isdisjoint(fields)
    assert "Количество" in fields
    assert offered["add_tags"]["items"]["enum"] == ["риск"]
    assert "price" not in offered
    assert offered["responsible"]["enum"] == ["Олег"]


def test_a_profile_that_allows_nothing_offers_a_note_and_a_person() -> None:
    """Reading bots exist."""
    assert [tool.name for tool in build_tools(profile(), SCHEMA, deal())] == ["add_note", "hand_over"]


def test_without_a_deal_only_a_person_can_be_asked_for() -> None:
    """A chat that has no deal is answered all the same."""
    assert [tool.name for tool in build_tools(BOT, SCHEMA, None)] == ["hand_over"]
    act = parse_call(ToolCall("c", "add_note", '{"text": "x"}'), profile=BOT, schema=SCHEMA, deal=None, now=NOW)
    assert act.additions == ()
    assert "There is no tool" in act.refusals[0]


def test_a_call_becomes_changes() -> None:
    """Names in, ids out."""
    act = parsed("update_deal", '{"stage": "Квалификация", "fields": {"Количество": 3}, "add_tags": ["ии"]}')
    assert act == PlannedAct("c1", "update_deal", (MoveStage("p1", "12"), SetField("f2", Decimal(3)), AddTag("ии")))


def test_a_handoff_is_read_and_never_refused() -> None:
    """A wish for a person gets through even when it is badly written."""
    assert parsed("hand_over", '{"reason": "жалоба", "summary": "ждёт", "x": 1}').handoff == Handoff("жалоба", "ждёт")
    assert parsed("hand_over", "{}").handoff == Handoff("The bot asks for a person.", "")
    long = parsed("hand_over", json.dumps({"reason": "ж" * 900, "summary": 5})).handoff
    assert long is not None
    assert len(long.reason) == 300


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("update_deal", "{", "not valid JSON"),
        ("update_deal", "[1]", "must be one JSON object"),
        ("update_deal", '{"price": NaN}', "not valid JSON"),
        ("update_deal", '{"price": 1e99999999999999999999}', "not valid JSON"),
        ("update_deal", '{"price": 1, "price": 2}', "name a key twice"),
        ("update_deal", "[" * 100_000, "longer than"),
        ("update_deal", "[" * 20_000, "not valid JSON"),
        ("update_deal", "{}", "without anything to do"),
        ("update_deal", '{"deal_id": 5}', 'update_deal has no "deal_id"'),
        ("update_deal", '{"stages": "Замер"}', 'did you mean "stage"'),
        ("updatedeal", "{}", 'did you mean "update_deal"'),
        ("add_note", '{"note": "x"}', 'add_note has no "note"'),
        ("create_task", "{}", "without anything to do"),
        ("create_task", '{"text": "x"}', "due_at must be a date"),
    ],
)
def test_a_call_that_cannot_be_read_is_refused_in_words(name: str, arguments: str, told: str) -> None:
    """The model can correct itself; nothing is guessed."""
    act = parsed(name, arguments)
    assert (act.updates, act.additions, act.handoff) == ((), (), None)
    assert told in act.refusals[0]


def test_a_deal_in_an_unknown_stage_needs_a_fresh_schema() -> None:
    """A stage made since the schema was read is noticed before tools are built."""
    assert needs_fresh_schema(SCHEMA, deal(stage_id="99"))
    assert not needs_fresh_schema(SCHEMA, deal())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (MoveStage("p2", "23"), "stage: Поддержка / Срочно"),
        (SetField("f2", Decimal("3.50")), "Количество: 3.5"),
        (SetField("f5", ("Отлив", "Монтаж")), "Опции: Отлив, Монтаж"),
        (SetPrice(Decimal(1000)), "price: 1000"),
        (AddTag("ии"), "tag added: ии"),
        (RemoveTag("ии"), "tag removed: ии"),
        (Assign("u1"), "responsible: Олег"),
        (AddNote("тайна", "m"), "note written"),
        (AddTask("Позвонить", NOW, "m"), "task: Позвонить (due 2026-11-20T09:30+00:00)"),
    ],
)
def test_a_change_is_told_by_names(change: Any, words: str) -> None:
    """Neither a model nor a person ever reads an id."""
    assert describe(change, SCHEMA) == words


@pytest.mark.parametrize(("applied", "told"), [(True, True), (False, False)])
def test_a_handoff_is_told_as_done_only_where_the_crm_took_it(*, applied: bool, told: bool) -> None:
    """The bot never says "passed on" when nothing was."""
    act = PlannedAct("c", "hand_over", handoff=Handoff("r", "s"))
    text = result_text(act, [ChangeResult(AddNote("n", "m"), applied=applied)], SCHEMA)
    assert ("a person was asked for" in json.loads(text)["done"]) is told


def test_a_result_says_what_is_done_and_what_is_not() -> None:
    """The reply is composed from this, so a failure must stand in it."""
    act = PlannedAct("c", "update_deal", refusals=('The tag "vip" may not be added',))
    results = [
        ChangeResult(SetField("f3", "Уфа"), applied=True, old="Казань"),
        ChangeResult(SetPrice(Decimal(5)), applied=False, refusal="the CRM refused it"),
        ChangeResult(AddTag("ии"), applied=False),
    ]
    assert json.loads(result_text(act, results, SCHEMA)) == {
        "done": ["Город: Уфа (was Казань)"],
        "not_done": [
            "price: 5: the CRM refused it",
            "tag added: ии: the CRM does not show it",
            'The tag "vip" may not be added',
        ],
    }
