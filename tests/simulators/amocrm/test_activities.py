"""Notes, tasks and the event list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from local.simulators.amocrm import ManualClock
    from tests.simulators.amocrm.conftest import Client

DUE = 1_800_000_000


@pytest.fixture
def lead(amo: Client) -> int:
    """Return a lead with a chat."""
    lead_id = amo.sim.open_chat(amo.name)[1]
    assert lead_id is not None
    return lead_id


def errors(answer: Any) -> list[tuple[str, str]]:
    """Return code and path of each validation error."""
    assert answer.status_code == 400
    return [(e["code"], e["path"]) for group in answer.json()["validation-errors"] for e in group["errors"]]


def note(text: Any = "Позвонить") -> dict[str, Any]:
    """Return a common note."""
    return {"note_type": "common", "params": {"text": text}}


def task(lead: int, **changes: Any) -> dict[str, Any]:
    """Return a task of a lead."""
    return {"text": "Замер", "complete_till": DUE, "entity_id": lead, "entity_type": "leads", **changes}


def test_a_note_is_added_and_listed(amo: Client, lead: int) -> None:
    """Before the first note the list is 204; after it the note's id, type and text are there."""
    assert amo.get(f"/api/v4/leads/{lead}/notes").status_code == 204
    made = amo.post(f"/api/v4/leads/{lead}/notes", [note() | {"request_id": "mine"}]).json()["_embedded"]["notes"][0]
    assert (made["entity_id"], made["request_id"]) == (lead, "mine")
    rows = amo.get(f"/api/v4/leads/{lead}/notes?filter[note_type]=common&order[id]=desc").json()["_embedded"]["notes"]
    assert [(n["id"], n["note_type"], n["params"]) for n in rows] == [(made["id"], "common", {"text": "Позвонить"})]
    assert amo.sim.deal_card(amo.name, lead)["notes"][0]["text"] == "Позвонить"


def test_notes_may_name_their_lead_themselves(amo: Client, lead: int) -> None:
    """POST leads/notes takes entity_id from each note."""
    amo.post("/api/v4/leads/notes", [note() | {"entity_id": lead}]).raise_for_status()
    assert len(amo.get(f"/api/v4/leads/{lead}/notes").json()["_embedded"]["notes"]) == 1


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"params": {"text": "a"}}, ("FieldMissing", "note_type")),
        ({"note_type": "poem", "params": {"text": "a"}}, ("NotSupportedChoice", "note_type")),
        ({"note_type": "common"}, ("FieldMissing", "params")),
        ({"note_type": "common", "params": {}}, ("FieldMissing", "params.text")),
        ({"note_type": "common", "params": {"text": 1}}, ("InvalidType", "params.text")),
        ({"note_type": "common", "params": {"text": " "}}, ("IsBlank", "params.text")),
        ({"note_type": "service_message", "params": {"text": "a"}}, ("FieldMissing", "params.service")),
    ],
)
def test_a_wrong_note_is_refused(amo: Client, lead: int, body: dict[str, Any], error: tuple[str, str]) -> None:
    """A note has a known type and the parameters of that type."""
    assert errors(amo.post(f"/api/v4/leads/{lead}/notes", [body])) == [error]


def test_a_note_needs_an_array_and_a_lead(amo: Client, lead: int) -> None:
    """A plain object is refused, and so is a lead that does not exist."""
    assert amo.post(f"/api/v4/leads/{lead}/notes", note()).status_code == 400
    assert errors(amo.post("/api/v4/leads/1/notes", [note()])) == [("NotSupportedChoice", "entity_id")]


def test_a_task_is_added_found_and_completed(amo: Client, lead: int) -> None:
    """The responsible defaults to the token's user; a completed task keeps its result."""
    made = amo.post("/api/v4/tasks", [task(lead)]).json()["_embedded"]["tasks"][0]
    query = f"/api/v4/tasks?filter[entity_type]=leads&filter[entity_id][]={lead}&filter[is_completed]=0"
    found = amo.get(query).json()["_embedded"]["tasks"][0]
    assert (found["id"], found["responsible_user_id"]) == (made["id"], amo.user_id("Анна Смирнова"))
    assert found["result"] == []
    amo.patch(f"/api/v4/tasks/{made['id']}", {"is_completed": True, "result": {"text": "Сделано"}}).raise_for_status()
    assert amo.get(query).status_code == 204
    assert amo.get(f"/api/v4/tasks/{made['id']}").json()["result"] == {"text": "Сделано"}
    amo.patch("/api/v4/tasks", [{"id": made["id"], "text": "Иначе"}]).raise_for_status()
    assert amo.sim.deal_card(amo.name, lead)["tasks"][0]["text"] == "Иначе"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"text": None}, ("InvalidType", "text")),
        ({"text": " "}, ("IsBlank", "text")),
        ({"complete_till": "завтра"}, ("InvalidType", "complete_till")),
        ({"responsible_user_id": 1}, ("NotSupportedChoice", "responsible_user_id")),
        ({"task_type_id": 99}, ("NotSupportedChoice", "task_type_id")),
        ({"entity_type": "lead"}, ("NotSupportedChoice", "entity_type")),
        ({"entity_id": 1}, ("NotSupportedChoice", "entity_id")),
        ({"mood": 1}, ("ExtraField", "mood")),
    ],
)
def test_a_wrong_task_is_refused(amo: Client, lead: int, changes: dict[str, Any], error: tuple[str, str]) -> None:
    """Each part of a task is checked."""
    assert errors(amo.post("/api/v4/tasks", [task(lead, **changes)])) == [error]


def test_a_task_needs_text_and_time(amo: Client) -> None:
    """Both required parts are named when missing."""
    assert errors(amo.post("/api/v4/tasks", [{}])) == [("FieldMissing", "text"), ("FieldMissing", "complete_till")]


def test_tasks_of_an_entity_need_its_type(amo: Client) -> None:
    """filter[entity_id] without filter[entity_type] is refused."""
    assert amo.get("/api/v4/tasks?filter[entity_id][]=5").status_code == 400


def test_an_outgoing_message_is_found_by_its_contact(amo: Client) -> None:
    """Chat events are filtered by contact although the rows name the lead; filtered by lead they are not found."""
    chat, lead = amo.sim.open_chat(amo.name)
    contact = amo.account.chats[chat].contact_id
    message = amo.sim.employee_says(amo.name, chat, "Я отвечу сам", user="Олег")
    query = "/api/v4/events?filter[type][]=outgoing_chat_message&filter[entity][]={}&filter[entity_id][]={}"
    row = amo.get(query.format("contact", contact)).json()["_embedded"]["events"][0]
    assert (row["entity_type"], row["entity_id"]) == ("lead", lead)
    assert (row["created_by"], row["value_after"][0]["message"]["id"]) == (amo.user_id("Олег"), message)
    assert amo.get(query.format("lead", lead)).status_code == 204


def test_events_come_newest_first_a_hundred_a_page(amo: Client, clock: ManualClock) -> None:
    """A limit of 250 gives 100 rows; filter[created_at] cuts off the older ones."""
    chat = amo.sim.open_chat(amo.name)[0]
    for number in range(120):
        amo.sim.customer_says(amo.name, chat, str(number))
    clock.advance(10)
    last = amo.sim.customer_says(amo.name, chat, "последнее")
    page = amo.get("/api/v4/events?limit=250").json()
    assert len(page["_embedded"]["events"]) == 100
    assert "next" in page["_links"]
    assert page["_embedded"]["events"][0]["value_after"][0]["message"]["id"] == last
    recent = amo.get(f"/api/v4/events?filter[created_at][from]={amo.account.now()}").json()["_embedded"]["events"]
    assert len(recent) == 1


def test_events_of_an_entity_need_its_type(amo: Client) -> None:
    """filter[entity_id] goes with exactly one filter[entity]; a time that is none is refused."""
    assert amo.get("/api/v4/events?filter[entity_id][]=5").status_code == 400
    assert amo.get("/api/v4/events?filter[created_at]=yesterday").status_code == 400


def test_a_stage_change_is_an_event(amo: Client, lead: int) -> None:
    """lead_status_changed holds both stages."""
    pipeline, stage = amo.stage("Продажи", "Замер")
    amo.patch(f"/api/v4/leads/{lead}", {"status_id": stage})
    row = amo.get("/api/v4/events?filter[type]=lead_status_changed").json()["_embedded"]["events"][0]
    assert row["value_after"] == [{"lead_status": {"id": stage, "pipeline_id": pipeline}}]


def test_the_next_page_keeps_the_filter(amo: Client, lead: int) -> None:
    """Following _links.next reads all rows of the same question."""
    amo.post(f"/api/v4/leads/{lead}/notes", [note(str(n)) for n in range(3)]).raise_for_status()
    amo.post(f"/api/v4/leads/{lead}/notes", [{"note_type": "sms_in", "params": {"text": "x", "phone": "1"}}])
    page = amo.get(f"/api/v4/leads/{lead}/notes?filter[note_type][]=common&limit=2").json()
    path = page["_links"]["next"]["href"].removeprefix(amo.sim.account_url(amo.name))
    rest = amo.get(path).json()["_embedded"]["notes"]
    assert [n["params"]["text"] for n in page["_embedded"]["notes"] + rest] == ["0", "1", "2"]
