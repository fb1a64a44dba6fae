"""What the portal allows right now: pipelines with stages, properties with options, owners.

Follows /crm/v3/pipelines/deals, /crm/v3/properties/deals and /crm/v3/owners. An owner's id, by which a deal is given
to a person, is not their user's id, by which a thread is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.crm.hubspot.api import rows
from dealtalk.crm.hubspot.fields import field_schema, is_shown
from dealtalk.deals import DealSchema, FieldSchema, Outcome, Person, Pipeline, Stage

if TYPE_CHECKING:
    from dealtalk.crm.hubspot.api import Api, Json

PAGE = 500


def read_fields(api: Api) -> tuple[FieldSchema, ...]:
    """Return the properties of deals that a bot may know; one call."""
    return tuple(field_schema(row) for row in rows(api.get("/crm/v3/properties/deals")) if is_shown(row))


def read_schema(api: Api, fields: tuple[FieldSchema, ...]) -> DealSchema:
    """Return the live schema: three calls besides the properties'."""
    found = [row for row in rows(api.get("/crm/v3/pipelines/deals")) if not row.get("archived")]
    return DealSchema(
        pipelines=tuple(_pipeline(row) for row in sorted(found, key=_place)),
        fields=fields,
        people=(*_people(api, archived="false"), *_people(api, archived="true")),
    )


def _people(api: Api, *, archived: str) -> tuple[Person, ...]:
    pages = api.pages("/crm/v3/owners", (("limit", PAGE), ("archived", archived)))
    return tuple(_person(row, active=archived == "false") for page, _ in pages for row in page)


def _person(row: Json, *, active: bool) -> Person:
    name = f"{row.get('firstName') or ''} {row.get('lastName') or ''}".strip()
    return Person(str(row["id"]), name or str(row.get("email") or row["id"]), active=active)


def _pipeline(row: Json) -> Pipeline:
    stages = [each for each in row.get("stages") or () if isinstance(each, dict) and not each.get("archived")]
    return Pipeline(str(row["id"]), str(row["label"]), tuple(_stage(each) for each in sorted(stages, key=_place)))


def _stage(row: Json) -> Stage:
    metadata = row.get("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    outcome = Outcome.OPEN
    if str(known.get("isClosed")).lower() == "true":
        outcome = Outcome.WON if str(known.get("probability")) in {"1", "1.0"} else Outcome.LOST
    return Stage(str(row["id"]), str(row["label"]), outcome)


def _place(row: Json) -> int:
    return int(row.get("displayOrder") or 0)
