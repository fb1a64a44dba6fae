"""What the account allows right now: pipelines with stages, fields with options, people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.crm.amocrm.api import embedded
from dealtalk.crm.amocrm.fields import field_schema
from dealtalk.deals import DealSchema, Outcome, Person, Pipeline, Stage

if TYPE_CHECKING:
    from dealtalk.crm.amocrm.api import Api, Json

OUTCOMES = {"142": Outcome.WON, "143": Outcome.LOST}
"""The two final stages have these ids in every pipeline."""


def read_schema(api: Api, *, contact_fields: bool) -> DealSchema:
    """Return the live schema: three lists, four with the contacts' fields.

    Follows /api/v4/leads/pipelines, /api/v4/{leads,contacts}/custom_fields and /api/v4/users.
    """
    pipelines = [row for row in api.rows("/api/v4/leads/pipelines", "pipelines") if not row.get("is_archive")]
    pipelines.sort(key=_place)
    of_contacts = api.rows("/api/v4/contacts/custom_fields", "custom_fields") if contact_fields else ()
    return DealSchema(
        pipelines=tuple(_pipeline(row) for row in pipelines),
        fields=tuple(field_schema(row) for row in api.rows("/api/v4/leads/custom_fields", "custom_fields")),
        contact_fields=tuple(field_schema(row) for row in of_contacts),
        people=tuple(_person(row) for row in api.rows("/api/v4/users", "users")),
    )


def _pipeline(row: Json) -> Pipeline:
    stages = sorted(embedded(row, "statuses"), key=_place)
    return Pipeline(str(row["id"]), str(row["name"]), tuple(_stage(each) for each in stages))


def _stage(row: Json) -> Stage:
    stage_id = str(row["id"])
    return Stage(stage_id, str(row["name"]), OUTCOMES.get(stage_id, Outcome.OPEN))


def _person(row: Json) -> Person:
    rights = row.get("rights")
    active = not isinstance(rights, dict) or (bool(rights.get("is_active", True)) and not rights.get("is_free"))
    return Person(str(row["id"]), str(row.get("name") or row["id"]), active=active)


def _place(row: Json) -> int:
    return int(row.get("sort") or 0)
