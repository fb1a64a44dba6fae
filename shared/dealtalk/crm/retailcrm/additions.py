"""Notes and tasks of an order: written once, and found again by their marker (see `markers`).

An order keeps no notes of its own: they stand below its manager comment, or as notes on its customer. A chat without an
order has notes and tasks with its customer. Follows POST /api/v5/orders/{id}/edit, /customers/notes/create and
/tasks/create.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.crm.markers import ends_with_mark, holds_mark, mark, marked, without_marks
from dealtalk.crm.retailcrm.api import numeric, objects
from dealtalk.crm.retailcrm.changes import edit_order, sentence
from dealtalk.crm.retailcrm.deal import customer_of, find_customer, own_site
from dealtalk.crm.retailcrm.errors import Refused
from dealtalk.crm.retailcrm.options import NoteKind
from dealtalk.deals import AddNote, AddTask, ChangeResult
from dealtalk.errors import DealGone, OutcomeUnknown
from dealtalk.ports import Certainty

if TYPE_CHECKING:
    from dealtalk.crm.http import Params
    from dealtalk.crm.retailcrm.api import Json, V5Api
    from dealtalk.crm.retailcrm.options import RetailcrmOptions
    from dealtalk.deals import DealAddition

DUE = "%Y-%m-%d %H:%M"
FULL_PAGE = 100
NOBODY = "A task needs a person, and neither it nor the order names one."
NO_CUSTOMER = "The order shows no customer to write a note on."


CUSTOMER = "customer:"
"""Begins the place of notes and tasks of a chat without an order; the customer's id in the chats follows."""


def customer_place(mg_customer: str) -> str:
    """Return what stands for an order's id where a chat has none."""
    return f"{CUSTOMER}{mg_customer}"


def customer_row(v5: V5Api, place: str) -> Json:
    """Return what notes and tasks need of a customer, shaped as an order without an id. Raises DealGone."""
    customer = find_customer(v5, place.removeprefix(CUSTOMER))
    if customer is None:
        msg = "the CRM does not know the chat's customer"
        raise DealGone(msg)
    return {"customer": customer, "site": customer.get("site"), "managerId": customer.get("managerId")}


def add(v5: V5Api, row: Json, addition: DealAddition, options: RetailcrmOptions) -> ChangeResult:
    """Create the note or task in one call; `row` is the order's object as it is now. Raises OutcomeUnknown, DealGone.

    A task without a person goes to the order's manager.
    """
    try:
        match addition:
            case AddTask():
                created = _add_task(v5, row, addition, options)
            case AddNote() if _with_customer(row, options):
                created = _add_customer_note(v5, row, addition)
            case AddNote():
                created = _add_comment(v5, row, addition)
    except Refused as refusal:
        return ChangeResult(addition, applied=False, refusal=sentence(refusal))
    except LookupError as missing:
        return ChangeResult(addition, applied=False, refusal=str(missing.args[0]))
    return ChangeResult(addition, applied=True, new=addition.text, created_id=created)


def was_added(v5: V5Api, row: Json, addition: DealAddition, options: RetailcrmOptions) -> Certainty:
    """Return whether the order shows the addition's marker; no call for a comment, else one."""
    if isinstance(addition, AddTask):
        of_order: Params = [("filter[orderNumber]", str(row["number"]))] if row.get("number") else []
        tasks = _page(v5, "/tasks", "tasks", of_order)
        found = any(str(task.get("commentary") or "").strip() == mark(addition.marker) for task in tasks)
        return _certainty(found=found, complete=len(tasks) < FULL_PAGE)
    if _with_customer(row, options):
        customer = customer_of(row).get("id")
        notes = _page(v5, "/customers/notes", "notes", [("filter[customerIds][]", str(customer))])
        found = any(ends_with_mark(str(note.get("text") or ""), addition.marker) for note in notes)
        return _certainty(found=found, complete=len(notes) < FULL_PAGE)
    return _certainty(found=holds_mark(str(row.get("managerComment") or ""), addition.marker), complete=True)


def _with_customer(row: Json, options: RetailcrmOptions) -> bool:
    return options.note_kind is NoteKind.CUSTOMER or "id" not in row


def _add_comment(v5: V5Api, row: Json, note: AddNote) -> str:
    before = str(row.get("managerComment") or "").rstrip()
    # One paragraph per note, so that a person sees where it ends.
    lines = (line for line in without_marks(note.text).splitlines() if line.strip())
    text = marked("\n".join(lines), note.marker)
    edit_order(v5, row, {"managerComment": f"{before}\n\n{text}" if before else text})
    return note.marker


def _add_customer_note(v5: V5Api, row: Json, note: AddNote) -> str:
    customer = customer_of(row).get("id")
    if not customer:
        raise LookupError(NO_CUSTOMER)
    body: Json = {"text": marked(note.text, note.marker), "customer": {"id": numeric(customer)}}
    return _created(v5.post("/customers/notes/create", site=own_site(row), note=body))


def _add_task(v5: V5Api, row: Json, task: AddTask, options: RetailcrmOptions) -> str:
    person = task.person_id or row.get("managerId") or options.task_manager_id
    if not person:
        raise LookupError(NOBODY)
    body: Json = {
        "text": task.text,
        "commentary": mark(task.marker),
        "datetime": task.due_at.astimezone(options.zone).strftime(DUE),
        "performerId": numeric(person),
    }
    if "id" in row:
        body["order"] = {"id": numeric(row["id"])}
    elif customer_of(row).get("id"):
        body["customer"] = {"id": numeric(customer_of(row)["id"])}
    return _created(v5.post("/tasks/create", site=own_site(row), task=body))


def _created(answer: Json) -> str:
    if not answer.get("id"):
        msg = "the CRM did not name what it created"
        raise OutcomeUnknown(msg)
    return str(answer["id"])


def _page(v5: V5Api, path: str, name: str, params: Params) -> list[Json]:
    return objects(list(v5.rows(path, name, params, pages=1)))


def _certainty(*, found: bool, complete: bool) -> Certainty:
    if found:
        return Certainty.YES
    return Certainty.NO if complete else Certainty.UNKNOWN
