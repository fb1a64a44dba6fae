"""Leads and contacts: reading them, and changing leads one by one or in a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.simulators.amocrm import render
from local.simulators.amocrm.api_account import parts_of
from local.simulators.amocrm.entities import Actor
from local.simulators.amocrm.leads import LeadEdit
from local.simulators.amocrm.problems import Issues, Item, problem
from local.simulators.amocrm.validation import check_lead
from local.simulators.amocrm.web import paged
from local.simulators.forms import values_of
from local.simulators.serving import Response

if TYPE_CHECKING:
    from local.simulators.amocrm.entities import Json, Lead
    from local.simulators.amocrm.state import Account
    from local.simulators.amocrm.web import Context, Router

ROBOT_ID = 0


def routes(router: Router) -> None:
    """Add these calls."""
    router.add("GET", "/api/v4/leads", lead_list)
    router.add("PATCH", "/api/v4/leads", patch_leads)
    router.add("GET", "/api/v4/leads/{id}", lead)
    router.add("PATCH", "/api/v4/leads/{id}", patch_lead)
    router.add("GET", "/api/v4/contacts/{id}", contact)


def lead(ctx: Context) -> Response:
    """Serve GET /api/v4/leads/{id}: 204 with an empty body where there is none."""
    one = ctx.account.lead(ctx.number("id"))
    return Response(200, render.lead(ctx.account, one, parts_of(ctx))) if one else Response(204)


def lead_list(ctx: Context) -> Response:
    """Serve GET /api/v4/leads with filter[id]."""
    ids = values_of((ctx.query().get("filter") or {}).get("id"))
    parts = parts_of(ctx)
    found = [d for d in ctx.account.leads.values() if not d.is_deleted and (not ids or str(d.id) in ids)]
    return paged(ctx, "leads", [render.lead(ctx.account, d, parts) for d in found])


def contact(ctx: Context) -> Response:
    """Serve GET /api/v4/contacts/{id}."""
    one = ctx.account.contacts.get(ctx.number("id"))
    return Response(200, render.contact(ctx.account, one, parts_of(ctx))) if one else Response(204)


def patch_lead(ctx: Context) -> Response:
    """Serve PATCH /api/v4/leads/{id}: a plain object, all or nothing."""
    body = ctx.json()
    if not isinstance(body, dict):
        raise problem(400, "Request body must be an object")
    changed = _patch(ctx, [(ctx.number("id"), body)])
    return Response(200, _changed(ctx.account, changed[0]))


def patch_leads(ctx: Context) -> Response:
    """Serve PATCH /api/v4/leads: an array of objects with ids, all or nothing."""
    rows = ctx.objects("leads")
    changed = _patch(ctx, [(row.get("id"), row) for row in rows])
    links = render.links(ctx.account, "leads")
    return Response(200, {"_links": links, "_embedded": {"leads": [_changed(ctx.account, d) for d in changed]}})


def _changed(account: Account, one: Lead) -> Json:
    return {"id": one.id, "updated_at": one.updated_at, "_links": render.links(account, f"leads/{one.id}")}


def _patch(ctx: Context, rows: list[tuple[Any, Json]]) -> list[Lead]:
    account, issues = ctx.account, Issues()
    checked: list[tuple[Lead, Json, dict[int, list[Json]]]] = []
    for index, (lead_id, row) in enumerate(rows):
        item = Item(issues, str(row.get("request_id", index)))
        one = account.lead(lead_id) if isinstance(lead_id, int) else None
        if one is None:
            item.add("FieldMissing" if lead_id is None else "NotSupportedChoice", "id")
        else:
            checked.append((one, row, check_lead(account, one, row, item)))
    issues.raise_if_any()
    edits = []
    for one, row, values in checked:
        edit = LeadEdit(account, one, _shown_as(ctx, row))
        edit.apply(row, values)
        edits.append(edit)
    for edit in edits:
        edit.publish()
    return [one for one, _, _ in checked]


def _shown_as(ctx: Context, row: Json) -> Actor:
    if row.get("updated_by") == ROBOT_ID:
        return Actor(ctx.account.user_name(ROBOT_ID), ROBOT_ID)
    return ctx.actor
