"""Deals: what is written, what is ignored in silence, what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.simulators.bitrix24.conftest import NAME

if TYPE_CHECKING:
    from tests.simulators.bitrix24.conftest import Client


@pytest.fixture
def deal(client: Client) -> int:
    """Return a new deal."""
    _, made = client.sim.open_chat(NAME)
    assert made is not None
    return made


def field(client: Client, title: str) -> str:
    """Return the name of a custom field."""
    return next(each.name for each in client.portal.fields.values() if each.title == title)


def write(client: Client, deal: int, **fields: Any) -> dict[str, Any]:
    """Write fields and return the item that comes back."""
    done = client.get("crm.item.update", entityTypeId=2, id=deal, fields=fields, useOriginalUfNames="Y")
    return dict(done["item"])


def refusal(client: Client, deal: int, **fields: Any) -> tuple[int, str]:
    """Write fields and return the refusal."""
    return client.refused("crm.item.update", entityTypeId=2, id=deal, fields=fields, useOriginalUfNames="Y")


def test_unknown_fields_are_ignored_in_silence(client: Client, deal: int) -> None:
    """So is a field's own name where the other spelling was asked for."""
    name = field(client, "Город")
    assert write(client, deal, UF_CRM_NOWHERE="x", **{name: "Уфа"})[name] == "Уфа"

    client.get("crm.item.update", entityTypeId=2, id=deal, fields={name: "Казань"})

    assert client.get("crm.item.get", entityTypeId=2, id=deal, useOriginalUfNames="Y")["item"][name] == "Уфа"


def test_a_stage_must_be_of_the_pipeline_that_goes_with_it(client: Client, deal: int) -> None:
    """A pipeline without a stage begins with its first."""
    assert refusal(client, deal, stageId="C5:NEW") == (400, "CRM_FIELD_ERROR_VALUE_NOT_VALID")
    assert write(client, deal, categoryId=5, stageId="C5:WON")["stageSemanticId"] == "S"
    assert write(client, deal, categoryId=0)["stageId"] == "NEW"


@pytest.mark.parametrize(
    ("title", "value"),
    [
        ("Профиль", 1),
        ("Опции", 1),
        ("Количество", "три"),
        ("Нужен монтаж", "да"),
        ("Время замера", "завтра"),
        ("Предоплата", "сто"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(client: Client, deal: int, title: str, value: Any) -> None:
    """And nothing else of the same request is written."""
    city = field(client, "Город")

    refused = refusal(client, deal, **{city: "Уфа", field(client, title): value})

    assert refused == (400, "CRM_FIELD_ERROR_VALUE_NOT_VALID")
    assert client.get("crm.item.get", entityTypeId=2, id=deal, useOriginalUfNames="Y")["item"][city] is None


def test_a_date_comes_back_as_midnight_of_the_portal_s_zone(client: Client, deal: int) -> None:
    """In UTC that is the day before."""
    name = field(client, "Дата замера")

    assert write(client, deal, **{name: "2026-11-20"})[name] == "2026-11-20T00:00:00+03:00"


def test_a_deleted_deal_is_not_found(client: Client, deal: int) -> None:
    """400, as the documents say."""
    client.sim.delete_deal(NAME, deal)

    assert client.refused("crm.item.get", entityTypeId=2, id=deal) == (400, "NOT_FOUND")


def test_comments_and_activities_are_listed_newest_first_where_asked(client: Client, deal: int) -> None:
    """By the item that they belong to."""
    for text in ("первый", "второй"):
        client.get("crm.timeline.comment.add", fields={"ENTITY_ID": deal, "ENTITY_TYPE": "deal", "COMMENT": text})
    client.get(
        "crm.activity.todo.add",
        ownerTypeId=2,
        ownerId=deal,
        deadline="2026-11-20T12:00:00+00:00",
        title="Позвонить",
        description="Позвонить #1",
        responsibleId=3,
    )

    newest = {"filter": {"ENTITY_ID": deal, "ENTITY_TYPE": "deal"}, "order": {"ID": "DESC"}}
    assert [row["COMMENT"] for row in client.get("crm.timeline.comment.list", **newest)] == ["второй", "первый"]
    [todo] = client.get("crm.activity.list", filter={"OWNER_TYPE_ID": 2, "OWNER_ID": deal})
    assert (todo["DESCRIPTION"], todo["RESPONSIBLE_ID"]) == ("Позвонить #1", "3")


def test_an_activity_needs_a_deadline_with_a_zone(client: Client, deal: int) -> None:
    """ISO 8601."""
    refused = client.refused("crm.activity.todo.add", ownerTypeId=2, ownerId=deal, deadline="завтра", title="x")

    assert refused == (400, "100")
