"""GET account, users, pipelines and custom fields; POST custom fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.simulators.amocrm import render
from local.simulators.amocrm.entities import EntityType, EnumOption, FieldDef
from local.simulators.amocrm.problems import Issues, Item
from local.simulators.amocrm.settings import Platform
from local.simulators.amocrm.web import paged
from local.simulators.forms import values_of
from local.simulators.serving import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.simulators.amocrm.entities import Json
    from local.simulators.amocrm.web import Context, Router

CHOICE_TYPES = frozenset({"select", "multiselect", "radiobutton"})
CREATABLE_TYPES = CHOICE_TYPES | {
    "text",
    "numeric",
    "checkbox",
    "date",
    "date_time",
    "url",
    "textarea",
    "streetaddress",
    "smart_address",
    "birthday",
    "legal_entity",
    "monetary",
    "tracking_data",
    "file",
}


def routes(router: Router) -> None:
    """Add these calls."""
    router.add("GET", "/api/v4/account", account)
    router.add("GET", "/api/v4/users", users)
    router.add("GET", "/api/v4/users/{id}", user)
    router.add("GET", "/api/v4/leads/pipelines", pipelines)
    router.add("GET", "/api/v4/leads/pipelines/{id}", pipeline)
    router.add("GET", "/api/v4/leads/pipelines/{id}/statuses", statuses)
    for entity in EntityType:
        router.add("GET", f"/api/v4/{entity.value}/custom_fields", _fields_of(entity))
        router.add("GET", f"/api/v4/{entity.value}/custom_fields/{{id}}", _field_of(entity))
        router.add("POST", f"/api/v4/{entity.value}/custom_fields", _create_in(entity))


def parts_of(ctx: Context) -> set[str]:
    """Return what `with=` asks for."""
    return {part.strip() for part in str(ctx.query().get("with", "")).split(",") if part.strip()}


def account(ctx: Context) -> Response:
    """Serve GET /api/v4/account."""
    one, parts = ctx.account, parts_of(ctx)
    body: Json = {
        "id": one.id,
        "name": one.name,
        "subdomain": one.subdomain,
        "current_user_id": ctx.actor.user_id,
        "country": one.country,
        "currency": one.currency,
        "currency_symbol": {"RUB": "₽", "USD": "$"}.get(one.currency, one.currency),
        "customers_mode": "unavailable" if one.settings.platform is Platform.KOMMO else "segments",
        "is_unsorted_on": True,
        "mobile_feature_version": 0,
        "is_loss_reason_enabled": True,
        "is_helpbot_enabled": False,
        "is_technical_account": False,
        "contact_name_display_order": 1,
        "_links": render.links(one, "account"),
    }
    drive = f"https://drive-b.{one.settings.platform.value}"
    optional: Json = {"amojo_id": one.amojo_id, "uuid": one.uuid, "drive_url": drive, "version": 16}
    body |= {key: value for key, value in optional.items() if key in parts}
    embedded: Json = {
        "amojo_rights": {"can_direct": True, "can_create_groups": True},
        "users_groups": [{"id": 0, "name": "Отдел продаж" if one.lang == "ru" else "Sales", "uuid": None}],
        "task_types": [
            {"id": i, "name": n, "color": None, "icon_id": None, "code": None} for i, n in one.task_types.items()
        ],
        "datetime_settings": {"timezone": one.timezone, "date_pattern": "d.m.Y H:i"},
    }
    if wanted := {key: value for key, value in embedded.items() if key in parts}:
        body["_embedded"] = wanted
    return Response(200, body)


def users(ctx: Context) -> Response:
    """Serve GET /api/v4/users, for administrators."""
    ctx.need_admin()
    parts = parts_of(ctx)
    return paged(ctx, "users", [render.user(ctx.account, u, parts) for u in ctx.account.users.values()], total=True)


def user(ctx: Context) -> Response:
    """Serve GET /api/v4/users/{id}, for administrators."""
    ctx.need_admin()
    one = ctx.account.users.get(ctx.number("id"))
    return Response(200, render.user(ctx.account, one, parts_of(ctx))) if one else Response(204)


def pipelines(ctx: Context) -> Response:
    """Serve GET /api/v4/leads/pipelines: all at once, without pages."""
    one = ctx.account
    rows = [render.pipeline(one, p) for p in sorted(one.pipelines.values(), key=lambda p: p.sort)]
    links = render.links(one, "leads/pipelines")
    return Response(200, {"_total_items": len(rows), "_links": links, "_embedded": {"pipelines": rows}})


def pipeline(ctx: Context) -> Response:
    """Serve GET /api/v4/leads/pipelines/{id}."""
    one = ctx.account.pipelines.get(ctx.number("id"))
    return Response(200, render.pipeline(ctx.account, one)) if one else Response(204)


def statuses(ctx: Context) -> Response:
    """Serve GET /api/v4/leads/pipelines/{id}/statuses."""
    one = ctx.account.pipelines.get(ctx.number("id"))
    if one is None:
        return Response(204)
    rows = render.pipeline(ctx.account, one)["_embedded"]["statuses"]
    links = render.links(ctx.account, f"leads/pipelines/{one.id}/statuses")
    return Response(200, {"_total_items": len(rows), "_links": links, "_embedded": {"statuses": rows}})


def _fields_of(entity: EntityType) -> Callable[[Context], Response]:
    def serve(ctx: Context) -> Response:
        one = ctx.account
        types = values_of((ctx.query().get("filter") or {}).get("type"))
        rows = [render.custom_field(one, f) for f in one.fields_of(entity) if not types or f.type in types]
        return paged(ctx, "custom_fields", rows, cap=one.settings.fields_per_page, total=True)

    return serve


def _field_of(entity: EntityType) -> Callable[[Context], Response]:
    def serve(ctx: Context) -> Response:
        one = ctx.account.fields.get(ctx.number("id"))
        if one is None or one.entity is not entity:
            return Response(204)
        return Response(200, render.custom_field(ctx.account, one))

    return serve


def _create_in(entity: EntityType) -> Callable[[Context], Response]:
    def serve(ctx: Context) -> Response:
        ctx.need_admin()
        rows = ctx.objects("custom fields")
        issues = Issues()
        for index, row in enumerate(rows):
            _check_new_field(row, Item(issues, str(row.get("request_id", index))))
        issues.raise_if_any()
        created = []
        for index, row in enumerate(rows):
            one = _new_field(ctx, entity, row)
            created.append(render.custom_field(ctx.account, one) | {"request_id": str(row.get("request_id", index))})
        ctx.account.touch()
        return Response(201, {"_total_items": len(created), "_embedded": {"custom_fields": created}})

    return serve


def _check_new_field(row: Json, item: Item) -> None:
    for key in ("name", "type"):
        if key not in row:
            item.add("FieldMissing", key)
        elif item.expect(row[key], "string", key) and not row[key].strip():
            item.add("IsBlank", key)
    kind = row.get("type")
    if isinstance(kind, str) and kind not in CREATABLE_TYPES:
        item.add("NotSupportedChoice", "type")
    enums = row.get("enums")
    if kind in CHOICE_TYPES:
        _check_enums(enums, item)
    elif enums is not None:
        item.add("ExtraField", "enums")


def _check_enums(enums: Any, item: Item) -> None:
    if enums is None:
        item.add("FieldMissing", "enums")
    elif item.expect(enums, "array", "enums"):
        if not enums:
            item.add("TooFew", "enums")
        for index, option in enumerate(enums):
            for key, kind in (("value", "string"), ("sort", "int")):
                if not isinstance(option, dict) or key not in option:
                    item.add("FieldMissing", f"enums.{index}.{key}")
                else:
                    item.expect(option[key], kind, f"enums.{index}.{key}")


def _new_field(ctx: Context, entity: EntityType, row: Json) -> FieldDef:
    one = ctx.account
    enums = None
    if row["type"] in CHOICE_TYPES:
        enums = [EnumOption(one.new_id("enum"), o["value"], o["sort"], o.get("code")) for o in row["enums"]]
    last = max((f.sort for f in one.fields_of(entity)), default=500)
    new = FieldDef(
        id=one.new_id("field"),
        name=row["name"],
        type=row["type"],
        sort=row.get("sort", last + 1),
        entity=entity,
        code=row.get("code"),
        enums=enums,
        is_api_only=bool(row.get("is_api_only", False)),
    )
    one.fields[new.id] = new
    return new
