"""Objects of the CRM: contacts, deals, notes and tasks, and how they are associated.

Follows /crm/v3/objects and /crm/v4/objects/.../associations of developers.hubspot.com.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from local.simulators.hubspot import values
from local.simulators.hubspot.api_conversations import iso
from local.simulators.hubspot.problems import bad_properties, invalid, not_found, problem
from local.simulators.hubspot.web import Context, Router, page
from local.simulators.serving import Response

if TYPE_CHECKING:
    from local.simulators.hubspot.entities import Json, Thing
    from local.simulators.hubspot.portal import Portal

TYPE_IDS = {("notes", "deals"): 214, ("notes", "contacts"): 202, ("tasks", "deals"): 216, ("tasks", "contacts"): 204}
READ_SCOPES = {
    "contacts": "crm.objects.contacts.read",
    "deals": "crm.objects.deals.read",
    "notes": "crm.objects.contacts.read",
    "tasks": "crm.objects.contacts.read",
}
MOST_IN_BATCH = 100
LONGEST_NOTE = 65_536
LONGEST_PATH = 8_000
TASK_KEYS = {
    *("hs_timestamp", "hs_task_subject", "hs_task_body", "hs_task_status", "hs_task_priority", "hs_task_type"),
    "hubspot_owner_id",
}


def routes(router: Router) -> None:
    """Add these calls."""
    for kind in ("contacts", "deals", "notes", "tasks"):
        router.add("GET", f"/crm/v3/objects/{kind}/{{id}}", partial(read, kind))
        router.add("POST", f"/crm/v3/objects/{kind}/batch/read", partial(read_batch, kind))
        router.add("GET", f"/crm/v3/objects/{kind}", partial(read_list, kind))
    router.add("PATCH", "/crm/v3/objects/deals/{id}", update)
    for kind in ("notes", "tasks"):
        router.add("POST", f"/crm/v3/objects/{kind}", partial(create, kind))
    known = [("contacts", "deals"), ("deals", "contacts")]
    for kind, other in (*known, *((of, kind) for kind, of in TYPE_IDS)):
        router.add("GET", f"/crm/v4/objects/{kind}/{{id}}/associations/{other}", partial(associations, kind, other))


def read(kind: str, ctx: Context) -> Response:
    """Serve GET objects/{kind}/{id}: only the properties that are asked for."""
    ctx.need(READ_SCOPES[kind])
    if sum(len(value) for _, value in ctx.request.query) > LONGEST_PATH:
        raise problem(414, "URI too long", "VALIDATION_ERROR")
    thing = ctx.portal.thing(kind, ctx.params["id"])
    if thing is None:
        raise not_found()
    body = shown(thing, ctx.names("properties"))
    for other in ctx.names("associations"):
        if other not in ctx.portal.objects:
            raise invalid(f"Unable to infer object type from: {other}")
        linked = [each for each in thing.linked.get(other, ()) if ctx.portal.thing(other, each)]
        if linked:
            rows = [{"id": each, "type": f"{kind[:-1]}_to_{other[:-1]}"} for each in linked]
            body.setdefault("associations", {})[other] = {"results": rows}
    return Response(200, body)


def read_list(kind: str, ctx: Context) -> Response:
    """Serve GET objects/{kind}."""
    ctx.need(READ_SCOPES[kind])
    rows = [shown(thing, ctx.names("properties")) for thing in ctx.portal.objects[kind].values() if not thing.archived]
    return Response(200, page(rows, ctx.limit(100, 10), ctx.query("after")))


def read_batch(kind: str, ctx: Context) -> Response:
    """Serve POST objects/{kind}/batch/read; ids that do not exist make it a 207."""
    ctx.need(READ_SCOPES[kind])
    body = ctx.json("inputs", "properties", "propertiesWithHistory", "idProperty")
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not 1 <= len(inputs) <= MOST_IN_BATCH:
        raise invalid(f"inputs must hold 1 to {MOST_IN_BATCH} ids")
    found = [ctx.portal.thing(kind, str(each.get("id"))) for each in inputs]
    rows = [shown(thing, body.get("properties") or []) for thing in found if thing is not None]
    answer: Json = {"status": "COMPLETE", "results": rows}
    if len(rows) == len(inputs):
        return Response(200, answer)
    missing = [{"status": "error", "category": "OBJECT_NOT_FOUND", "message": "Could not get some objects"}]
    return Response(207, answer | {"numErrors": 1, "errors": missing})


def update(ctx: Context) -> Response:
    """Serve PATCH objects/deals/{id}: all of the properties or none."""
    ctx.need("crm.objects.deals.write")
    portal = ctx.portal
    thing = portal.thing("deals", ctx.params["id"])
    if thing is None:
        raise not_found()
    wished = ctx.json("properties").get("properties")
    if not isinstance(wished, dict) or not wished:
        raise invalid("properties must be an object")
    write(portal, thing, wished, "Dealtalk")
    names = [*wished, "hs_lastmodifieddate"] if portal.settings.patch_shows else ["hs_lastmodifieddate"]
    return Response(200, shown(thing, names))


def write(portal: Portal, thing: Thing, wished: Json, who: str) -> None:
    """Check and write a deal's properties. Raises the 400."""
    after, refused = values.checked(portal, thing, wished)
    if refused:
        raise bad_properties(refused)
    for name, value in after.items():
        old = thing.properties.get(name, "")
        if value == old:
            continue
        thing.properties[name] = value
        portal.history.setdefault(thing.id, []).append(
            {
                "at": portal.now(),
                "who": who,
                "user_id": 0,
                "what": values.label(portal, name),
                "old": values.in_words(portal, name, old),
                "new": values.in_words(portal, name, value),
            }
        )
    thing.properties["hs_is_closed"] = closed(portal, thing)
    thing.updated_at = portal.now()
    portal.touch()


def closed(portal: Portal, thing: Thing) -> str:
    """Return whether a deal stands in a final stage, as the property says it."""
    stage = portal.pipelines[thing.properties["pipeline"]].stage(thing.properties["dealstage"])
    return "true" if stage is not None and stage.closed else "false"


def create(kind: str, ctx: Context) -> Response:
    """Serve POST objects/notes and /tasks."""
    ctx.need("crm.objects.contacts.read" if kind == "notes" else "crm.objects.deals.write")
    portal = ctx.portal
    body = ctx.json("properties", "associations")
    properties = body.get("properties")
    if not isinstance(properties, dict) or not all(isinstance(each, str) for each in properties.values()):
        raise invalid("properties must be an object of strings")
    allowed = TASK_KEYS if kind == "tasks" else {"hs_timestamp", "hs_note_body", "hubspot_owner_id"}
    if unknown := sorted(properties.keys() - allowed):
        raise bad_properties([(unknown[0], "PROPERTY_DOESNT_EXIST", f'Property "{unknown[0]}" does not exist')])
    if not values.is_moment(properties.get("hs_timestamp", "")):
        raise bad_properties([("hs_timestamp", "REQUIRED_PROPERTY", "hs_timestamp must be a time")])
    if len(properties.get("hs_note_body", "")) > LONGEST_NOTE:
        raise bad_properties([("hs_note_body", "INVALID_LONG_TEXT", "too long")])
    owner = properties.get("hubspot_owner_id")
    if owner is not None and portal.user_of_owner(owner) is None:
        raise bad_properties([("hubspot_owner_id", "INVALID_OWNER", "no such owner")])
    targets = [_target(portal, kind, each) for each in body.get("associations") or ()]
    made = portal.create(kind, properties)
    for other, thing in targets:
        portal.link(kind, made, other, thing)
    return Response(201, shown(made, list(properties)))


def associations(kind: str, other: str, ctx: Context) -> Response:
    """Serve GET associations of one object."""
    ctx.need(READ_SCOPES[kind])
    thing = ctx.portal.thing(kind, ctx.params["id"])
    if thing is None:
        raise not_found()
    rows = [
        {"toObjectId": int(each), "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": 4, "label": None}]}
        for each in thing.linked.get(other, ())
        if ctx.portal.thing(other, each)
    ]
    return Response(200, page(rows, ctx.limit(500, 500), ctx.query("after")))


def shown(thing: Thing, names: list[str]) -> Json:
    """Return an object with the properties that were asked for; what is not set is null."""
    system = {
        "hs_object_id": thing.id,
        "createdate": iso(thing.created_at),
        "hs_lastmodifieddate": iso(thing.updated_at),
    }
    asked = {name: thing.properties.get(name) or None for name in names if name not in system}
    return {
        "id": thing.id,
        "properties": asked | system,
        "createdAt": iso(thing.created_at),
        "updatedAt": iso(thing.updated_at),
        "archived": thing.archived,
    }


def _target(portal: Portal, kind: str, association: Json) -> tuple[str, Thing]:
    types = association.get("types") or [{}]
    type_id = types[0].get("associationTypeId")
    other = next((to for (of, to), number in TYPE_IDS.items() if of == kind and number == type_id), None)
    if other is None or types[0].get("associationCategory") != "HUBSPOT_DEFINED":
        raise invalid("invalid association type", associationTypeId=str(type_id))
    thing = portal.thing(other, str((association.get("to") or {}).get("id")))
    if thing is None:
        raise invalid("the object to associate with does not exist", code="INVALID_ASSOCIATION")
    return other, thing
