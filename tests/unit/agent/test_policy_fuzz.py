"""Whatever a model writes: nothing outside the allow-lists is changed, and no id comes from outside the schema."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dealtalk.agent.policy import MAX_NOTE, MAX_TASK
from dealtalk.agent.tools import ADD_NOTE, CREATE_TASK, HAND_OVER, UPDATE_DEAL, PlannedAct, parse_call
from dealtalk.deals import AddNote, AddTag, AddTask, Assign, MoveStage, RemoveTag, SetField, SetPrice
from dealtalk.ports import ToolCall
from tests.unit.agent.accounts import NOW, SCHEMA, deal
from tests.unit.agent.test_policy import BOT

NAMES = [
    *(field.name for field in SCHEMA.fields),
    *(field.id for field in SCHEMA.fields),
    *(person.name for person in SCHEMA.people),
    *(stage.name for pipeline in SCHEMA.pipelines for stage in pipeline.stages),
    *(f"{pipeline.name} / {stage.name}" for pipeline in SCHEMA.pipelines for stage in pipeline.stages),
    *(stage.id for pipeline in SCHEMA.pipelines for stage in pipeline.stages),
    *("ии", "риск", "нет ответа", "vip", "REHAU", "Отлив", "2026-11-21T10:00", "2026-12-01", "https://a.b/c", "3", "0"),
]
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30), st.sampled_from(NAMES))
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
KEYS = [
    "stage",
    "fields",
    "price",
    "add_tags",
    "remove_tags",
    "responsible",
    "text",
    "due_at",
    "person",
    "reason",
    "summary",
]
ARGUMENTS = st.dictionaries(st.sampled_from([*KEYS, "deal_id", "id", "pipeline"]), JSON, max_size=6)
FIELD_ARGUMENTS = st.dictionaries(st.sampled_from([field.name for field in SCHEMA.fields]), JSON, max_size=6).map(
    lambda fields: {"fields": fields}
)
TEXTS = st.one_of(ARGUMENTS.map(json.dumps), FIELD_ARGUMENTS.map(json.dumps), st.text(max_size=60))
TOOLS = st.sampled_from([UPDATE_DEAL, ADD_NOTE, CREATE_TASK, HAND_OVER, "delete_deal", ""])
DEALS = st.sampled_from(
    [
        deal(),
        deal(stage_id="12", tags=("Нет ответа",), fields={"f1": "окна"}),
        deal(pipeline_id="p2", stage_id="20"),
        deal(stage_id="unknown"),
    ]
)
GRAPH = {("p1", "11"): {("p1", "12"), ("p2", "23")}, ("p1", "12"): {("p1", "13"), ("p1", "143")}}
WRITABLE = {field.id for field in SCHEMA.fields} - {"f13", "f15", "f16", "f17"}


def plan(name: str, arguments: str, present: Any) -> PlannedAct:
    """Return what a call comes to."""
    return parse_call(ToolCall("c", name, arguments), profile=BOT, schema=SCHEMA, deal=present, now=NOW)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=TOOLS, arguments=TEXTS, present=DEALS)
def test_no_change_leaves_the_allow_lists(name: str, arguments: str, present: Any) -> None:
    """Every update is one that the profile names, with an id of the live schema."""
    act = plan(name, arguments, present)
    for update in act.updates:
        match update:
            case MoveStage(pipeline_id, stage_id):
                assert (pipeline_id, stage_id) in GRAPH[present.pipeline_id, present.stage_id]
            case SetField(field_id, value):
                assert field_id in WRITABLE
                assert not (field_id == "f1" and "f1" in present.fields)
                assert value != ""
            case SetPrice(price):
                assert 0 <= price <= 100_000
            case AddTag(tag):
                assert tag in {"ии", "риск"}
            case RemoveTag(tag):
                assert tag == "Нет ответа"
            case Assign(person_id):
                assert person_id == "u1"


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=TOOLS, arguments=TEXTS, present=DEALS)
def test_additions_stay_within_their_limits(name: str, arguments: str, present: Any) -> None:
    """Notes and tasks are of bounded length, tasks for allowed people at an allowed time, markers the caller's."""
    act = plan(name, arguments, present)
    for addition in act.additions:
        assert addition.marker == ""
        if isinstance(addition, AddNote):
            assert 0 < len(addition.text) <= MAX_NOTE
        if isinstance(addition, AddTask):
            assert 0 < len(addition.text) <= MAX_TASK
            assert addition.person_id in {None, "u1"}
            assert NOW < addition.due_at <= NOW + timedelta(days=7)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=TOOLS, arguments=TEXTS, present=DEALS)
def test_no_refusal_shows_an_id(name: str, arguments: str, present: Any) -> None:
    """What the model is told holds names only: neither the deal's id nor the contact's."""
    told = " ".join(plan(name, arguments, present).refusals)
    assert "4711" not in told.replace(arguments, "") or "4711" in arguments
    assert "9001" not in told or "9001" in arguments
