"""Reading the schema and leads, and every reason for which a change of a lead is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from local.simulators.amocrm import Problem

if TYPE_CHECKING:
    from tests.simulators.amocrm.conftest import Client


@pytest.fixture
def lead(amo: Client) -> int:
    """Return a lead with a chat in the first stage of sales."""
    lead_id = amo.sim.open_chat(amo.name)[1]
    assert lead_id is not None
    return lead_id


def errors(answer: Any) -> list[tuple[str, str]]:
    """Return code and path of each validation error."""
    return [(e["code"], e["path"]) for group in answer.json()["validation-errors"] for e in group["errors"]]


def value(field: int, *values: Any) -> dict[str, Any]:
    """Return a body that sets one field."""
    return {
        "custom_fields_values": [
            {"field_id": field, "values": [v if isinstance(v, dict) else {"value": v} for v in values]}
        ]
    }


def test_account_shows_what_with_asks_for(amo: Client) -> None:
    """amojo_id and drive_url are in the answer only when asked for."""
    assert "amojo_id" not in amo.get("/api/v4/account").json()
    body = amo.get("/api/v4/account?with=amojo_id,drive_url").json()
    assert body["amojo_id"] == amo.account.amojo_id
    assert body["drive_url"] == "https://drive-b.amocrm.ru"


def test_pipelines_carry_their_system_stages(amo: Client) -> None:
    """Each pipeline has its incoming stage of type 1 and 142 and 143 at its end."""
    pipelines = amo.get("/api/v4/leads/pipelines").json()["_embedded"]["pipelines"]
    assert [p["name"] for p in pipelines] == ["Продажи", "Поддержка"]
    for pipeline in pipelines:
        statuses = pipeline["_embedded"]["statuses"]
        assert (statuses[0]["name"], statuses[0]["type"], statuses[0]["is_editable"]) == ("Неразобранное", 1, False)
        assert [s["id"] for s in statuses[-2:]] == [142, 143]
    one = amo.get(f"/api/v4/leads/pipelines/{pipelines[1]['id']}").json()
    assert "Срочно" in [s["name"] for s in one["_embedded"]["statuses"]]


def test_custom_fields_come_in_pages_of_at_most_fifty(amo: Client) -> None:
    """A limit of 250 still gives 50 rows, and the next page is linked until the last."""
    new = [{"name": f"Поле {i}", "type": "text"} for i in range(60)]
    assert amo.post("/api/v4/leads/custom_fields", new).status_code == 201
    first = amo.get("/api/v4/leads/custom_fields?limit=250").json()
    second = amo.get("/api/v4/leads/custom_fields?limit=250&page=2").json()
    assert len(first["_embedded"]["custom_fields"]) == 50
    assert "next" in first["_links"]
    assert len(second["_embedded"]["custom_fields"]) == 27
    assert "next" not in second["_links"]
    assert amo.get("/api/v4/leads/custom_fields?limit=250&page=3").status_code == 204


def test_users_come_in_pages(amo: Client) -> None:
    """People are listed page by page, with the inactive marked."""
    rows = [amo.get(f"/api/v4/users?limit=2&page={page}").json()["_embedded"]["users"] for page in (1, 2)]
    people = {u["name"]: u["rights"]["is_active"] for row in rows for u in row}
    assert people == {"Анна Смирнова": True, "Олег": True, "Мария Кузнецова": True, "Пётр Волков": False}


def test_a_new_field_can_be_filled(amo: Client, lead: int) -> None:
    """POST custom_fields answers 201 with ids that the next PATCH may use."""
    body = [
        {"name": "Ответ", "type": "textarea"},
        {"name": "Цвет", "type": "select", "enums": [{"value": "белый", "sort": 1}]},
    ]
    made = amo.post("/api/v4/leads/custom_fields", body).json()["_embedded"]["custom_fields"]
    assert (
        amo.patch(f"/api/v4/leads/{lead}", value(made[1]["id"], {"enum_id": made[1]["enums"][0]["id"]})).status_code
        == 200
    )


@pytest.mark.parametrize(
    ("field", "error"),
    [
        ({"type": "text"}, ("FieldMissing", "name")),
        ({"name": "A"}, ("FieldMissing", "type")),
        ({"name": " ", "type": "text"}, ("IsBlank", "name")),
        ({"name": "A", "type": "poem"}, ("NotSupportedChoice", "type")),
        ({"name": "A", "type": "select"}, ("FieldMissing", "enums")),
        ({"name": "A", "type": "select", "enums": []}, ("TooFew", "enums")),
        ({"name": "A", "type": "select", "enums": [{"value": "x"}]}, ("FieldMissing", "enums.0.sort")),
        ({"name": "A", "type": "text", "enums": []}, ("ExtraField", "enums")),
    ],
)
def test_a_wrong_new_field_is_refused(amo: Client, field: dict[str, Any], error: tuple[str, str]) -> None:
    """Name, a known type and choices where the type needs them."""
    answer = amo.post("/api/v4/leads/custom_fields", [field])
    assert answer.status_code == 400
    assert errors(answer) == [error]


def test_a_missing_lead_is_204_with_an_empty_body(amo: Client, lead: int) -> None:
    """No such lead, and a deleted one, are 204 and nothing more."""
    amo.sim.delete_lead(amo.name, lead)
    for number in (1, lead):
        answer = amo.get(f"/api/v4/leads/{number}")
        assert (answer.status_code, answer.content) == (204, b"")


def test_a_lead_embeds_contacts_when_asked(amo: Client, lead: int) -> None:
    """Tags always, contacts with is_main only by with=contacts; the contact can be read."""
    assert "contacts" not in amo.get(f"/api/v4/leads/{lead}").json()["_embedded"]
    contact = amo.get(f"/api/v4/leads/{lead}?with=contacts").json()["_embedded"]["contacts"][0]
    assert contact["is_main"] is True
    assert amo.get(f"/api/v4/contacts/{contact['id']}").json()["name"] == "Иван Петров"
    assert amo.get("/api/v4/contacts/1").status_code == 204


def test_a_change_is_written_recorded_and_seen(amo: Client, lead: int) -> None:
    """One PATCH moves, prices, fills, tags and assigns; the history names who changed what from what to what."""
    pipeline, stage = amo.stage("Поддержка", "Срочно")
    body = {
        "pipeline_id": pipeline,
        "status_id": stage,
        "price": 50_000,
        "responsible_user_id": amo.user_id("Олег"),
        "tags_to_add": [{"name": "горячий"}],
        **value(amo.field_id("Город"), "Тверь"),
    }
    assert amo.patch(f"/api/v4/leads/{lead}", body).json()["id"] == lead
    card = amo.sim.deal_card(amo.name, lead)
    assert (card["pipeline"], card["stage"], card["price"]) == ("Поддержка", "Срочно", 50_000)
    assert (card["responsible"], card["tags"], card["fields"]["Город"]) == ("Олег", ["горячий"], "Тверь")
    history = {h["what"]: (h["who"], h["old"], h["new"]) for h in amo.sim.lead_history(amo.name, lead)}
    assert history["stage"] == ("Dealtalk (API)", "Продажи / Новый", "Поддержка / Срочно")
    assert history["Город"] == ("Dealtalk (API)", None, "Тверь")


def test_updated_by_zero_is_shown_as_the_robot(amo: Client, lead: int) -> None:
    """An integration may sign as the robot."""
    amo.patch(f"/api/v4/leads/{lead}", {"price": 1, "updated_by": 0})
    assert amo.sim.lead_history(amo.name, lead)[-1]["who"] == "Робот"
    assert amo.get(f"/api/v4/leads/{lead}").json()["updated_by"] == 0


def test_a_pipeline_alone_moves_to_its_first_stage(amo: Client, lead: int) -> None:
    """pipeline_id without status_id ends in the first stage that is not the incoming one."""
    amo.patch(f"/api/v4/leads/{lead}", {"pipeline_id": amo.stage("Поддержка", "Срочно")[0]})
    assert amo.sim.deal_card(amo.name, lead)["stage"] == "Обращение"


def test_closing_needs_the_pipeline_and_sets_closed_at(amo: Client, lead: int) -> None:
    """142 is in every pipeline, so it comes with one; reopening clears the closing time."""
    pipeline, stage = amo.stage("Продажи", "Замер")
    assert errors(amo.patch(f"/api/v4/leads/{lead}", {"status_id": 142})) == [("FieldMissing", "pipeline_id")]
    amo.patch(f"/api/v4/leads/{lead}", {"status_id": 142, "pipeline_id": pipeline})
    assert amo.get(f"/api/v4/leads/{lead}").json()["closed_at"] is not None
    amo.patch(f"/api/v4/leads/{lead}", {"status_id": stage})
    assert amo.get(f"/api/v4/leads/{lead}").json()["closed_at"] is None


REFUSED: list[tuple[str, Any, list[tuple[str, str]]]] = [
    ("an unknown key", {"mood": 1}, [("ExtraField", "mood")]),
    ("a price that is text", {"price": "10"}, [("InvalidType", "price")]),
    ("a price with a fraction", {"price": 10.5}, [("InvalidType", "price")]),
    ("a price that is a bool", {"price": True}, [("InvalidType", "price")]),
    ("a name that is a number", {"name": 1}, [("InvalidType", "name")]),
    ("an unknown person", {"responsible_user_id": 1}, [("NotSupportedChoice", "responsible_user_id")]),
    ("an unknown pipeline", {"pipeline_id": 1}, [("NotSupportedChoice", "pipeline_id")]),
    ("an unknown stage", {"status_id": 1}, [("NotSupportedChoice", "status_id")]),
    ("an unknown reason", {"loss_reason_id": 1}, [("NotSupportedChoice", "loss_reason_id")]),
    ("an unknown signer", {"updated_by": 1}, [("NotSupportedChoice", "updated_by")]),
    ("an unknown field", value(1, "x"), [("NotSupportedChoice", "custom_fields_values.0.field_id")]),
    ("a field that is text", value("7", "x"), [("InvalidType", "custom_fields_values.0.field_id")]),  # type: ignore[arg-type]
    ("no field", {"custom_fields_values": [{"values": []}]}, [("FieldMissing", "custom_fields_values.0.field_id")]),
    ("a tag without name", {"tags_to_add": [{}]}, [("FieldMissing", "tags_to_add.0.name")]),
    ("an unknown tag id", {"tags_to_delete": [{"id": 1}]}, [("NotSupportedChoice", "tags_to_delete.0.id")]),
    ("a blank tag", {"tags_to_add": [{"name": " "}]}, [("IsBlank", "tags_to_add.0.name")]),
    ("other embedded things", {"_embedded": {"contacts": []}}, [("ExtraField", "_embedded.contacts")]),
    ("fields that are no list", {"custom_fields_values": {}}, [("InvalidType", "custom_fields_values")]),
]


@pytest.mark.parametrize(("body", "found"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_wrong_change_is_refused_and_writes_nothing(
    amo: Client, lead: int, body: Any, found: list[tuple[str, str]]
) -> None:
    """The 400 names code and path in problem+json, and the good part of the body is not written either."""
    answer = amo.patch(f"/api/v4/leads/{lead}", {"tags_to_add": [{"name": "x"}], **body})
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert errors(answer) == found
    assert answer.json()["detail"] == "Request validation failed"
    assert amo.sim.lead_history(amo.name, lead) == []


def test_all_errors_of_a_change_come_at_once(amo: Client, lead: int) -> None:
    """Several faults are several entries, not the first one only."""
    body = {"price": "x", "responsible_user_id": 1, **value(amo.field_id("Количество"), "много")}
    assert errors(amo.patch(f"/api/v4/leads/{lead}", body)) == [
        ("InvalidType", "price"),
        ("NotSupportedChoice", "responsible_user_id"),
        ("InvalidType", "custom_fields_values.0.values.0.value"),
    ]


STAGES = [
    ("a stage of another pipeline", "Поддержка", "Срочно"),
    ("the incoming stage", "Продажи", "Неразобранное"),
]


@pytest.mark.parametrize(("pipeline", "stage"), [row[1:] for row in STAGES], ids=[row[0] for row in STAGES])
def test_a_stage_must_be_open_to_the_lead(amo: Client, lead: int, pipeline: str, stage: str) -> None:
    """A stage belongs to the lead's pipeline unless that is changed with it, and nobody moves into the incoming one."""
    answer = amo.patch(f"/api/v4/leads/{lead}", {"status_id": amo.stage(pipeline, stage)[1]})
    assert errors(answer) == [("NotSupportedChoice", "status_id")]


def test_an_archived_pipeline_takes_no_leads(amo: Client, lead: int) -> None:
    """Archived pipelines are listed but closed."""
    pipeline, stage = amo.stage("Поддержка", "Срочно")
    amo.account.pipelines[pipeline].is_archive = True
    answer = amo.patch(f"/api/v4/leads/{lead}", {"pipeline_id": pipeline, "status_id": stage})
    assert errors(answer) == [("NotSupportedChoice", "pipeline_id")]


MOSCOW_DAY = 1_790_024_400
"""2026-09-22, midnight in Moscow."""

STORED: list[tuple[str, Any, Any]] = [
    ("Товар", "Окно", "Окно"),
    ("Товар", "я" * 300, "я" * 256),
    ("Комментарий", "я" * 3000, "я" * 3000),
    ("Количество", 3, "3"),
    ("Количество", "2.50", "2.50"),
    ("Предоплата", 1000, "1000"),
    ("Нужен монтаж", True, True),
    ("Нужен монтаж", False, False),
    ("Профиль", "VEKA", "VEKA"),
    ("Удобное время", "Утро", "Утро"),
    ("Адрес", "Тверь, Мира 1", "Тверь, Мира 1"),
    ("Проект", "https://example.test/", "https://example.test/"),
    ("Дата замера", MOSCOW_DAY + 3600, MOSCOW_DAY),
    ("Дата замера", "2026-09-22T10:00:00+03:00", MOSCOW_DAY),
    ("Время замера", MOSCOW_DAY + 3600, MOSCOW_DAY + 3600),
    ("День рождения", "2026-09-21T23:00:00Z", MOSCOW_DAY),
    ("Реквизиты", {"value": {"name": "ООО"}}, {"name": "ООО"}),
]


@pytest.mark.parametrize(("field", "given", "stored"), STORED)
def test_a_field_keeps_a_value_of_its_type(amo: Client, lead: int, field: str, given: Any, stored: Any) -> None:
    """What is written is read back: numbers as text, dates as local midnight, a text field cut at 256."""
    assert amo.patch(f"/api/v4/leads/{lead}", value(amo.field_id(field), given)).status_code == 200
    rows = amo.get(f"/api/v4/leads/{lead}").json()["custom_fields_values"]
    assert [(r["field_name"], r["values"][0]["value"]) for r in rows] == [(field, stored)]


WRONG: list[tuple[str, tuple[Any, ...], str, str]] = [
    ("Товар", (5,), "InvalidType", "values.0.value"),
    ("Комментарий", (None,), "InvalidType", "values.0.value"),
    ("Количество", ("три",), "InvalidType", "values.0.value"),
    ("Количество", (True,), "InvalidType", "values.0.value"),
    ("Количество", ("NaN",), "InvalidType", "values.0.value"),
    ("Нужен монтаж", ("да",), "InvalidType", "values.0.value"),
    ("Нужен монтаж", (1,), "InvalidType", "values.0.value"),
    ("Профиль", ("veka",), "NotSupportedChoice", "values.0.value"),
    ("Профиль", ({"enum_id": 1},), "NotSupportedChoice", "values.0.enum_id"),
    ("Профиль", ("VEKA", "KBE"), "TooMany", "values"),
    ("Опции", ("Отлив", "Люстра"), "NotSupportedChoice", "values.1.value"),
    ("Удобное время", ({},), "FieldMissing", "values.0.value"),
    ("Дата замера", ("22.09.2026",), "InvalidType", "values.0.value"),
    ("Дата замера", (1e9,), "InvalidType", "values.0.value"),
    ("Время замера", (10**18,), "InvalidType", "values.0.value"),
    ("Предоплата", ("1 000",), "InvalidType", "values.0.value"),
    ("Реквизиты", ("ООО",), "InvalidType", "values.0.value"),
    ("Товар", (), "TooFew", "values"),
    ("Товар", ("а", "б"), "TooMany", "values"),
]


@pytest.mark.parametrize(("field", "given", "code", "path"), WRONG)
def test_a_field_refuses_a_value_of_another_type(
    amo: Client, lead: int, field: str, given: tuple[Any, ...], code: str, path: str
) -> None:
    """Each type of field has its own idea of a value."""
    answer = amo.patch(f"/api/v4/leads/{lead}", value(amo.field_id(field), *given))
    assert errors(answer) == [(code, f"custom_fields_values.0.{path}")]


def test_choices_are_named_by_id_or_value(amo: Client, lead: int) -> None:
    """A multiselect takes several choices, by either name."""
    sill = {"enum_id": amo.enum_id("Опции", "Подоконник")}
    amo.patch(f"/api/v4/leads/{lead}", value(amo.field_id("Опции"), sill, "Отлив"))
    row = amo.get(f"/api/v4/leads/{lead}").json()["custom_fields_values"][0]
    assert [v["value"] for v in row["values"]] == ["Подоконник", "Отлив"]


def test_null_clears_a_field(amo: Client, lead: int) -> None:
    """values: null empties it, and an empty field is not in the answer."""
    amo.patch(f"/api/v4/leads/{lead}", value(amo.field_id("Город"), "Тверь"))
    amo.patch(f"/api/v4/leads/{lead}", {"custom_fields_values": [{"field_id": amo.field_id("Город"), "values": None}]})
    assert amo.get(f"/api/v4/leads/{lead}").json()["custom_fields_values"] is None


def test_tags_are_added_deleted_replaced_and_cleared(amo: Client, lead: int) -> None:
    """tags_to_add and tags_to_delete change the set, _embedded.tags replaces it, null clears it."""

    def tags(body: dict[str, Any]) -> list[str]:
        amo.patch(f"/api/v4/leads/{lead}", body)
        return [t["name"] for t in amo.get(f"/api/v4/leads/{lead}").json()["_embedded"]["tags"]]

    assert tags({"tags_to_add": [{"name": "а"}, {"name": "б"}]}) == ["а", "б"]
    assert tags({"tags_to_add": [{"name": "а"}], "tags_to_delete": [{"name": "б"}]}) == ["а"]
    assert tags({"_embedded": {"tags": [{"name": "в"}]}}) == ["в"]
    assert tags({"_embedded": {"tags": None}}) == []


def test_a_batch_is_written_as_a_whole_or_not_at_all(amo: Client, lead: int) -> None:
    """One wrong lead in the array refuses all; the error names it by its number or request_id."""
    other = amo.sim.open_chat(amo.name)[1]
    wrong = amo.patch("/api/v4/leads", [{"id": lead, "price": 1}, {"id": other, "price": "x", "request_id": "mine"}])
    assert wrong.json()["validation-errors"][0]["request_id"] == "mine"
    assert amo.sim.lead(amo.name, lead).price == 0
    right = amo.patch("/api/v4/leads", [{"id": lead, "price": 1}, {"id": other, "price": 2}])
    assert [d["id"] for d in right.json()["_embedded"]["leads"]] == [lead, other]


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("/api/v4/leads", [{"price": 1}], ("FieldMissing", "id")),
        ("/api/v4/leads", [{"id": 1, "price": 1}], ("NotSupportedChoice", "id")),
        ("/api/v4/leads/1", {"price": 1}, ("NotSupportedChoice", "id")),
    ],
)
def test_a_change_of_an_unknown_lead_is_400(amo: Client, path: str, body: Any, error: tuple[str, str]) -> None:
    """A PATCH needs a lead that exists."""
    assert errors(amo.patch(path, body)) == [error]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PATCH", "/api/v4/leads/{lead}", "[]", 400),
        ("PATCH", "/api/v4/leads/{lead}", "{broken", 400),
        ("PATCH", "/api/v4/leads", "{}", 400),
        ("PATCH", "/api/v4/leads", "[]", 400),
        ("DELETE", "/api/v4/leads/{lead}", "", 405),
        ("GET", "/api/v4/nothing", "", 404),
    ],
)
def test_what_is_no_call_is_refused(amo: Client, lead: int, method: str, path: str, body: str, status: int) -> None:
    """The shape of the body, the method and the path are checked before anything else."""
    answer = amo.call(method, path.format(lead=lead), data=body)
    assert (answer.status_code, answer.json()["status"]) == (status, status)


def test_more_than_250_leads_in_a_request_are_refused(amo: Client, lead: int) -> None:
    """The vendor's limit of entities per request."""
    assert amo.patch("/api/v4/leads", [{"id": lead}] * 251).status_code == 400


def test_a_person_edits_by_the_same_rules(amo: Client, lead: int) -> None:
    """An edit by hand is in the history with the person's name, and invalid ones are refused too."""
    amo.sim.edit_lead(amo.name, lead, {"price": 7}, user="Мария Кузнецова")
    assert amo.sim.lead_history(amo.name, lead)[-1]["who"] == "Мария Кузнецова"
    with pytest.raises(Problem):
        amo.sim.edit_lead(amo.name, lead, {"price": "7"})
