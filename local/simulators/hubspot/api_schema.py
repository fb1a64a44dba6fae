"""What the portal allows: pipelines, properties, owners; and who it is.

Follows /crm/v3/pipelines, /crm/v3/properties, /crm/v3/owners and /account-info/v3/details.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.simulators.hubspot.api_conversations import iso
from local.simulators.hubspot.web import Context, Router, page
from local.simulators.serving import Response

if TYPE_CHECKING:
    from local.simulators.hubspot.entities import Json, Pipeline, Property, User


def routes(router: Router) -> None:
    """Add these calls."""
    router.add("GET", "/crm/v3/pipelines/deals", pipelines)
    router.add("GET", "/crm/v3/properties/deals", properties)
    router.add("GET", "/crm/v3/owners", owners)
    router.add("GET", "/account-info/v3/details", details)


def pipelines(ctx: Context) -> Response:
    """Serve GET pipelines/deals."""
    ctx.need("crm.schemas.deals.read")
    rows = [_pipeline(one, place) for place, one in enumerate(ctx.portal.pipelines.values())]
    return Response(200, {"results": rows})


def properties(ctx: Context) -> Response:
    """Serve GET properties/deals."""
    ctx.need("crm.schemas.deals.read")
    return Response(200, {"results": [_property(one) for one in ctx.portal.properties.values()]})


def owners(ctx: Context) -> Response:
    """Serve GET owners; archived ones only where they are asked for."""
    ctx.need("crm.objects.owners.read")
    archived = ctx.query("archived", "false") == "true"
    rows = [_owner(one) for one in ctx.portal.users.values() if one.archived is archived]
    return Response(200, page(rows, ctx.limit(500, 100), ctx.query("after")))


def details(ctx: Context) -> Response:
    """Serve GET account-info/v3/details."""
    portal = ctx.portal
    body = {
        "portalId": portal.id,
        "accountType": "STANDARD",
        "timeZone": portal.time_zone,
        "companyCurrency": portal.currency,
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "na1",
    }
    return Response(200, body)


def _pipeline(one: Pipeline, place: int) -> Json:
    stages = [
        {
            "id": stage.id,
            "label": stage.label,
            "displayOrder": number,
            "archived": False,
            "metadata": {"isClosed": str(stage.closed).lower(), "probability": stage.probability},
        }
        for number, stage in enumerate(one.stages)
    ]
    return {"id": one.id, "label": one.label, "displayOrder": place, "archived": False, "stages": stages}


def _property(one: Property) -> Json:
    return {
        "name": one.name,
        "label": one.label,
        "type": one.type,
        "fieldType": one.field_type,
        "groupName": "dealinformation",
        "options": [
            {"label": label, "value": value, "displayOrder": place, "hidden": False}
            for place, (value, label) in enumerate(one.options.items())
        ],
        "hidden": one.hidden,
        "hubspotDefined": not one.own,
        "calculated": one.field_type.startswith("calculation"),
        "archived": False,
        "modificationMetadata": {
            "archivable": one.own,
            "readOnlyDefinition": not one.own,
            "readOnlyValue": one.read_only,
        },
    }


def _owner(one: User) -> Json:
    return {
        "id": str(one.owner_id),
        "userId": None if one.archived else one.id,
        "userIdIncludingInactive": one.id,
        "email": one.email,
        "firstName": one.first,
        "lastName": one.last,
        "type": "PERSON",
        "createdAt": iso(0),
        "updatedAt": iso(0),
        "archived": one.archived,
    }
