"""What the account allows right now: order types with statuses, custom fields with their reference books, people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.crm.retailcrm.api import objects
from dealtalk.crm.retailcrm.fields import field_schema
from dealtalk.deals import DealSchema, Option, Outcome, Person, Pipeline, Stage

if TYPE_CHECKING:
    from dealtalk.crm.retailcrm.api import Json, V5Api
    from dealtalk.crm.retailcrm.options import RetailcrmOptions


def read_schema(v5: V5Api, options: RetailcrmOptions) -> DealSchema:
    """Return the live schema: six lists.

    An order has a type and a status, and every status can be had with every type: the types are the pipelines, the
    statuses their stages, in the order of their groups; the final groups end an order as won or lost.
    Follows /api/v5/reference/{order-types,statuses,status-groups}, /custom-fields, /custom-fields/dictionaries, /users.
    """
    groups = objects(v5.get("/reference/status-groups", "statusGroups"))
    places = {str(group["code"]): _place(group) for group in groups}
    rows = [row for row in objects(v5.get("/reference/statuses", "statuses")) if row.get("active", True)]
    rows.sort(key=lambda row: (places.get(str(row.get("group")), 0), _place(row)))
    stages = tuple(_stage(row, options) for row in rows)
    types = [row for row in objects(v5.get("/reference/order-types", "orderTypes")) if row.get("active", True)]
    types.sort(key=lambda row: not row.get("defaultForCrm"))
    books = {
        str(book["code"]): tuple(
            Option(str(each["code"]), str(each.get("name") or each["code"])) for each in objects(book.get("elements"))
        )
        for book in v5.rows("/custom-fields/dictionaries", "customDictionaries")
    }
    fields = list(v5.rows("/custom-fields", "customFields"))
    return DealSchema(
        pipelines=tuple(Pipeline(str(row["code"]), str(row.get("name") or row["code"]), stages) for row in types),
        fields=tuple(field_schema(row, books) for row in fields if row.get("entity") == "order"),
        contact_fields=tuple(field_schema(row, books) for row in fields if row.get("entity") == "customer"),
        people=tuple(_person(row) for row in v5.rows("/users", "users")),
        currency=options.currency,
    )


def _stage(row: Json, options: RetailcrmOptions) -> Stage:
    group = str(row.get("group"))
    outcome = Outcome.WON if group in options.won_groups else Outcome.LOST if group in options.lost_groups else None
    code = str(row["code"])
    return Stage(code, str(row.get("name") or code), outcome or Outcome.OPEN)


def _person(row: Json) -> Person:
    name = " ".join(str(row[part]) for part in ("firstName", "lastName") if row.get(part))
    return Person(str(row["id"]), name or str(row["id"]), active=bool(row.get("active", True)))


def _place(row: Json) -> int:
    return int(row.get("ordering") or 0)
