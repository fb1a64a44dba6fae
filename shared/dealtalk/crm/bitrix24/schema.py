"""What the portal allows right now: pipelines with stages, fields with options, people.

Follows crm.category.list, crm.status.list (DEAL_STAGE for pipeline 0, DEAL_STAGE_5 for 5, STATUS for leads),
crm.item.fields and user.get.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dealtalk.crm.bitrix24.api import Command
from dealtalk.crm.bitrix24.fields import field_schema
from dealtalk.crm.bitrix24.items import CONTACT_TYPE, LEADS
from dealtalk.deals import DealSchema, FieldKind, FieldSchema, Outcome, Person, Pipeline, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dealtalk.crm.bitrix24.api import Api, Json
    from dealtalk.crm.bitrix24.options import BitrixOptions

CUSTOM = "UF_"
OUTCOMES = {
    "S": Outcome.WON,
    "F": Outcome.LOST,
    "success": Outcome.WON,
    "failure": Outcome.LOST,
    "apology": Outcome.LOST,
}
PEOPLE = {"FILTER": {"USER_TYPE": "employee"}}
DEAL_FIELDS = Command("crm.item.fields", {"entityTypeId": 2, "useOriginalUfNames": "Y"})
CONTACT_FIELDS = Command("crm.item.fields", {"entityTypeId": CONTACT_TYPE, "useOriginalUfNames": "Y"})
CATEGORIES = Command("crm.category.list", {"entityTypeId": 2})
CONTACT_WAYS = (
    FieldSchema("PHONE", "Phone", FieldKind.CONTACTS, code="PHONE", read_only=True),
    FieldSchema("EMAIL", "Email", FieldKind.CONTACTS, code="EMAIL", read_only=True),
)
MOST_IN_BATCH = 45


def read_schema(api: Api, options: BitrixOptions) -> DealSchema:
    """Return the live schema: two calls, more where a list has pages."""
    commands = {"categories": CATEGORIES, "fields": DEAL_FIELDS, "people": Command("user.get", PEOPLE)}
    if options.contact_fields:
        commands["contact_fields"] = CONTACT_FIELDS
    first = api.batch(commands)
    categories = list(
        api.pages("crm.category.list", CATEGORIES.params, first.need("categories"), first.more.get("categories"))
    )
    people = list(api.pages("user.get", PEOPLE, first.need("people"), first.more.get("people")))
    contacts = custom_fields(first.need("contact_fields")) if options.contact_fields else ()
    return DealSchema(
        pipelines=tuple(_pipelines(api, categories, options)),
        fields=tuple(each for each in custom_fields(first.need("fields")) if each.id != options.tags_field),
        contact_fields=(*CONTACT_WAYS, *contacts) if options.contact_fields else (),
        people=tuple(_person(row) for row in people),
        currency=options.currency,
    )


def custom_fields(answer: Any) -> tuple[FieldSchema, ...]:  # noqa: ANN401 (JSON)
    """Return the custom fields of crm.item.fields' answer."""
    found = answer.get("fields") if isinstance(answer, dict) else None
    listed = found.items() if isinstance(found, dict) else ()
    return tuple(field_schema(name, row) for name, row in listed if name.startswith(CUSTOM) and isinstance(row, dict))


def _pipelines(api: Api, categories: list[Json], options: BitrixOptions) -> Iterable[Pipeline]:
    categories.sort(key=lambda row: int(row.get("sort") or 0))
    wanted = {str(row["id"]): (str(row["name"]), _stages_of(str(row["id"]))) for row in categories}
    if options.lead_pipeline is not None:
        wanted[LEADS] = (options.lead_pipeline, "STATUS")
    names = list(wanted)
    for start in range(0, len(names), MOST_IN_BATCH):
        part = names[start : start + MOST_IN_BATCH]
        answers = api.batch({name: _listed(wanted[name][1]) for name in part})
        for name in part:
            stages = api.pages(
                "crm.status.list", _listed(wanted[name][1]).params, answers.need(name), answers.more.get(name)
            )
            yield Pipeline(name, wanted[name][0], tuple(_stage(row) for row in sorted(stages, key=_place)))


def _stages_of(category: str) -> str:
    return "DEAL_STAGE" if category == "0" else f"DEAL_STAGE_{category}"


def _listed(entity: str) -> Command:
    return Command("crm.status.list", {"filter": {"ENTITY_ID": entity}, "order": {"SORT": "ASC"}})


def _stage(row: Mapping[str, Any]) -> Stage:
    extra = row.get("EXTRA")
    named = extra.get("SEMANTICS") if isinstance(extra, dict) else None
    outcome = OUTCOMES.get(str(row.get("SEMANTICS") or named or ""), Outcome.OPEN)
    return Stage(str(row["STATUS_ID"]), str(row["NAME"]), outcome)


def _person(row: Json) -> Person:
    name = " ".join(str(row.get(part) or "").strip() for part in ("NAME", "LAST_NAME")).strip()
    return Person(str(row["ID"]), name or str(row["ID"]), active=str(row.get("ACTIVE")).lower() in {"true", "y", "1"})


def _place(row: Json) -> int:
    return int(row.get("SORT") or 0)
