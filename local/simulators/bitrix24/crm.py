"""crm.item.*, pipelines, stages, timeline comments, activities and custom fields.

Follows apidocs.bitrix24.com/api-reference/crm/universal, /crm/timeline and /crm/status: unknown fields are ignored in
silence, custom fields go by the names that `useOriginalUfNames` chooses, a write of a multiple field replaces it.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from local.simulators.bitrix24.entities import Comment, EntityType, Todo, UserField
from local.simulators.bitrix24.problems import Refusal
from local.simulators.bitrix24.rest import yes
from local.simulators.bitrix24.values import checked

if TYPE_CHECKING:
    from local.simulators.bitrix24.entities import Item, Json, Stage
    from local.simulators.bitrix24.rest import Call, Page, Rest
    from local.simulators.bitrix24.state import Portal

OWNERS = {"lead": EntityType.LEAD, "deal": EntityType.DEAL, "contact": EntityType.CONTACT}
EXTRA = {"S": "success", "F": "failure", None: "process"}
READ_ONLY = frozenset({"id", "createdTime", "updatedTime", "createdBy", "stageSemanticId"})
TITLES = {
    EntityType.DEAL: {
        "id": ("integer", "ID"),
        "title": ("string", "Название"),
        "stageId": ("crm_status", "Стадия сделки"),
        "categoryId": ("crm_category", "Воронка"),
        "assignedById": ("user", "Ответственный"),
        "opportunity": ("double", "Сумма"),
        "isManualOpportunity": ("boolean", "Режим расчёта суммы"),
        "currencyId": ("crm_currency", "Валюта"),
        "contactId": ("crm_contact", "Контакт"),
        "contactIds": ("crm_contact", "Контакты"),
        "companyId": ("crm_company", "Компания"),
        "comments": ("text", "Комментарий"),
        "sourceId": ("crm_status", "Источник"),
        "createdTime": ("datetime", "Когда создана"),
        "updatedTime": ("datetime", "Когда обновлена"),
        "createdBy": ("user", "Кем создана"),
        "stageSemanticId": ("string", "Состояние стадии"),
    },
    EntityType.CONTACT: {
        "id": ("integer", "ID"),
        "name": ("string", "Имя"),
        "lastName": ("string", "Фамилия"),
        "assignedById": ("user", "Ответственный"),
        "fm": ("crm_multifield", "Телефон и почта"),
        "comments": ("text", "Комментарий"),
        "createdTime": ("datetime", "Когда создан"),
        "updatedTime": ("datetime", "Когда обновлён"),
        "createdBy": ("user", "Кем создан"),
    },
}
TITLES[EntityType.LEAD] = {name: kind for name, kind in TITLES[EntityType.DEAL].items() if name != "categoryId"}


def routes(rest: Rest) -> None:
    """Add the methods."""
    for name, handler in (
        ("crm.item.get", _get),
        ("crm.item.list", _list),
        ("crm.item.update", _update),
        ("crm.item.fields", _fields),
        ("crm.category.list", _categories),
        ("crm.status.list", _statuses),
        ("crm.timeline.comment.add", _comment),
        ("crm.timeline.comment.list", _comments),
        ("crm.activity.todo.add", _todo),
        ("crm.activity.list", _activities),
        ("crm.deal.userfield.add", _add_field),
    ):
        rest.add(name, "crm", handler)


def camel(name: str) -> str:
    """Return a custom field's name as it is shown without useOriginalUfNames."""
    head, *parts = re.sub(r"_(?=\d)", "", name.lower()).split("_")
    return head + "".join(part.capitalize() for part in parts)


def shown(portal: Portal, item: Item, *, original: bool) -> Json:
    """Return an item as crm.item.get shows it: every custom field, the empty ones as null, [] or N."""
    values = dict(item.values)
    for each in portal.fields_of(item.entity):
        empty: Any = [] if each.multiple else "N" if each.type == "boolean" else None
        value = values.pop(each.name, empty)
        values[each.name if original else camel(each.name)] = value
    return values


def stages_of(portal: Portal, item: Item) -> list[Stage]:
    """Return the stages that the item can be in."""
    if item.entity is EntityType.LEAD:
        return portal.lead_stages
    return portal.stages(int(item.values["categoryId"]))


def _entity(call: Call) -> EntityType:
    try:
        return EntityType(call.number("entityTypeId"))
    except ValueError:
        raise Refusal("NOT_FOUND", "Smart process not found") from None


def _found(call: Call) -> Item:
    item = call.portal.item(_entity(call), call.number("id"))
    if item is None:
        raise Refusal("NOT_FOUND", "Item not found")
    return item


def _original(call: Call) -> bool:
    return yes(call.text("useOriginalUfNames"))


def _get(call: Call) -> Json:
    return {"item": shown(call.portal, _found(call), original=_original(call))}


def _list(call: Call) -> Page:
    entity, wanted = _entity(call), call.group("filter")
    rows = [
        shown(call.portal, item, original=_original(call))
        for (kind, _), item in sorted(call.portal.items.items())
        if kind is entity and not item.deleted
    ]
    found = [row for row in rows if all(_fits(row, name, value) for name, value in wanted.items())]
    return call.page(found, "items")


def _fits(row: Json, name: str, value: Any) -> bool:
    stored = row.get(name.lstrip("=@"))
    options = (
        [str(each) for each in (value.values() if isinstance(value, dict) else value)]
        if isinstance(value, dict | list)
        else [str(value)]
    )
    values = stored if isinstance(stored, list) else [stored]
    return any(str(each) in options for each in values)


def _update(call: Call) -> Json:
    item, fields = _found(call), call.params.get("fields")
    if not isinstance(fields, dict):
        raise Refusal("100", "Could not find value for parameter {fields}")
    change(call.portal, item, fields, original=_original(call), user_id=call.access.user_id)
    return {"item": shown(call.portal, item, original=_original(call))}


def change(portal: Portal, item: Item, fields: Json, *, original: bool, user_id: int) -> None:
    """Write what is known of `fields`; all or nothing. Raises Refusal."""
    custom = {each.name if original else camel(each.name): each for each in portal.fields_of(item.entity)}
    writes: Json = {}
    for name, value in fields.items():
        if name in custom:
            writes[custom[name].name] = checked(portal, custom[name], value)
        elif name in TITLES[item.entity] and name not in READ_ONLY:
            writes[name] = _system(portal, name, value)
    _check_stage(portal, item, writes)
    for name, value in writes.items():
        before = item.values.get(name)
        if before != value:
            item.history.append({"at": portal.clock.now(), "user": user_id, "what": name, "old": before, "new": value})
            item.values[name] = value
    if any(stage.id == item.values.get("stageId") for stage in stages_of(portal, item)):
        stage = next(stage for stage in stages_of(portal, item) if stage.id == item.values["stageId"])
        item.values["stageSemanticId"] = stage.semantics or "P"
    item.values["updatedTime"] = portal.iso(portal.clock.now())
    portal.touch()


def _system(portal: Portal, name: str, value: Any) -> Any:
    if name == "assignedById":
        if not str(value).isdigit() or int(value) not in {each.id for each in portal.people()}:
            raise Refusal("CRM_FIELD_ERROR_VALUE_NOT_VALID", "The field Responsible person has an invalid value")
        return int(value)
    if name == "opportunity":
        try:
            return float(str(value))
        except ValueError:
            raise Refusal("CRM_FIELD_ERROR_VALUE_NOT_VALID", "The field Amount has an invalid value") from None
    if name == "categoryId":
        if not str(value).isdigit() or int(value) not in portal.categories:
            raise Refusal("CRM_FIELD_ERROR_VALUE_NOT_VALID", "The field Pipeline has an invalid value")
        return int(value)
    return value


def _check_stage(portal: Portal, item: Item, writes: Json) -> None:
    """Refuse a stage of another pipeline; a new pipeline without a stage begins with its first."""
    if item.entity is EntityType.CONTACT:
        return
    category = int(writes["categoryId"] if "categoryId" in writes else item.values.get("categoryId") or 0)
    stages = portal.lead_stages if item.entity is EntityType.LEAD else portal.stages(category)
    if "categoryId" in writes and writes["categoryId"] != item.values["categoryId"] and "stageId" not in writes:
        writes["stageId"] = stages[0].id
    if "stageId" in writes and writes["stageId"] not in {stage.id for stage in stages}:
        raise Refusal("CRM_FIELD_ERROR_VALUE_NOT_VALID", "The field Stage has an invalid value")


def _fields(call: Call) -> Json:
    entity, original = _entity(call), _original(call)
    rows: Json = {
        name: {
            "type": kind,
            "isRequired": False,
            "isReadOnly": name in READ_ONLY,
            "isImmutable": False,
            "isMultiple": name in {"contactIds", "fm"},
            "isDynamic": False,
            "title": title,
            "upperName": re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper(),
        }
        for name, (kind, title) in TITLES[entity].items()
    }
    for each in call.portal.fields_of(entity):
        row = {
            "type": each.type,
            "isRequired": each.mandatory,
            "isReadOnly": False,
            "isImmutable": False,
            "isMultiple": each.multiple,
            "isDynamic": True,
            "title": each.title,
            "upperName": each.name,
        }
        if each.type == "enumeration":
            row["items"] = [{"ID": str(number), "VALUE": value} for number, value in each.items]
        rows[each.name if original else camel(each.name)] = row
    return {"fields": rows}


def _categories(call: Call) -> Page:
    if _entity(call) is not EntityType.DEAL:
        raise Refusal("ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")
    rows = [
        {
            "id": each.id,
            "name": each.name,
            "sort": 100 * number,
            "entityTypeId": 2,
            "isDefault": "Y" if number == 1 else "N",
        }
        for number, each in enumerate(call.portal.categories.values(), 1)
    ]
    return call.page(rows, "categories")


def _statuses(call: Call) -> Page:
    portal, wanted = call.portal, call.group("filter")
    groups = {"STATUS": portal.lead_stages} | {
        f"DEAL_STAGE_{each.id}" if each.id else "DEAL_STAGE": each.stages for each in portal.categories.values()
    }
    rows = [
        {
            "ID": str(1000 + 50 * place + stage.sort // 10),
            "ENTITY_ID": entity,
            "STATUS_ID": stage.id,
            "NAME": stage.name,
            "SORT": str(stage.sort),
            "SEMANTICS": stage.semantics,
            "CATEGORY_ID": entity.removeprefix("DEAL_STAGE_") if entity.startswith("DEAL_STAGE_") else None,
            "EXTRA": {"SEMANTICS": EXTRA[stage.semantics]},
        }
        for place, (entity, stages) in enumerate(groups.items())
        for stage in stages
        if wanted.get("ENTITY_ID") in {None, entity}
    ]
    return call.page(rows)


def _owner(call: Call, entity: EntityType | None, owner_id: Any) -> Item:
    item = call.portal.item(entity, int(owner_id)) if entity and str(owner_id).isdigit() else None
    if item is None:
        raise Refusal("NOT_FOUND", "The owner of the timeline was not found")
    return item


def _comment(call: Call) -> int:
    portal, fields = call.portal, call.group("fields")
    item = _owner(call, OWNERS.get(str(fields.get("ENTITY_TYPE"))), fields.get("ENTITY_ID"))
    text = str(fields.get("COMMENT") or "")
    if not text:
        raise Refusal("", "The comment is empty", status=400)
    made = Comment(portal.new_id("comment"), item.entity, item.id, text, call.access.user_id, portal.clock.now())
    portal.comments[made.id] = made
    portal.touch()
    return made.id


def _comments(call: Call) -> Page:
    portal, wanted = call.portal, call.group("filter")
    entity, owner = OWNERS.get(str(wanted.get("ENTITY_TYPE"))), str(wanted.get("ENTITY_ID", ""))
    if entity is None or not owner.isdigit():
        raise Refusal("", "ENTITY_ID and ENTITY_TYPE are required in the filter", status=400)
    rows = [
        {
            "ID": str(each.id),
            "ENTITY_ID": owner,
            "ENTITY_TYPE": str(wanted["ENTITY_TYPE"]),
            "CREATED": portal.iso(each.created),
            "COMMENT": each.text,
            "AUTHOR_ID": str(each.author_id),
        }
        for each in portal.comments.values()
        if each.entity is entity and each.owner_id == int(owner)
    ]
    return call.page(_ordered(call, rows))


def _todo(call: Call) -> Json:
    portal = call.portal
    entity = EntityType(call.number("ownerTypeId")) if call.number("ownerTypeId") in {1, 2, 3} else None
    item = _owner(call, entity, call.text("ownerId"))
    deadline = call.text("deadline")
    try:
        aware = datetime.fromisoformat(deadline).tzinfo is not None
    except ValueError:
        aware = False
    if not aware:
        raise Refusal("100", "Could not find value for parameter {deadline}")
    responsible = call.number("responsibleId") or call.access.user_id
    if responsible not in {each.id for each in portal.people()}:
        raise Refusal("CRM_FIELD_ERROR_VALUE_NOT_VALID", "The responsible person does not exist")
    made = Todo(
        portal.new_id("activity"),
        item.entity,
        item.id,
        call.text("title"),
        call.text("description"),
        deadline,
        responsible,
        portal.clock.now(),
    )
    portal.todos[made.id] = made
    portal.touch()
    return {"id": made.id}


def _activities(call: Call) -> Page:
    portal, wanted = call.portal, call.group("filter")
    rows = [
        {
            "ID": str(each.id),
            "OWNER_ID": str(each.owner_id),
            "OWNER_TYPE_ID": str(int(each.entity)),
            "PROVIDER_ID": "CRM_TODO",
            "SUBJECT": each.title,
            "DESCRIPTION": each.description,
            "RESPONSIBLE_ID": str(each.responsible_id),
            "CREATED": portal.iso(each.created),
            "DEADLINE": each.deadline,
        }
        for each in portal.todos.values()
    ]
    rows += _sessions(portal)
    found = [row for row in rows if all(_passes(row, name, value) for name, value in wanted.items())]
    return call.page(_ordered(call, found))


def _sessions(portal: Portal) -> list[Json]:
    """Return the activities of open lines' sessions: the open ones are not completed."""
    made: list[Json] = []
    for dialog in portal.dialogs.values():
        owner = (
            (2, dialog.deal_id) if dialog.deal_id else (1, dialog.lead_id) if dialog.lead_id else (3, dialog.contact_id)
        )
        for session, number in dialog.activities.items():
            ended = session != dialog.session_id or dialog.closed
            touched = dialog.started[session]
            if portal.settings.activities_are_touched and session == dialog.session_id and dialog.messages:
                touched = dialog.messages[-1].created
            made.append(
                {
                    "ID": str(number),
                    "OWNER_ID": str(owner[1]),
                    "OWNER_TYPE_ID": str(owner[0]),
                    "PROVIDER_ID": "IMOPENLINES_SESSION",
                    "PROVIDER_TYPE_ID": str(dialog.line_id),
                    "ASSOCIATED_ENTITY_ID": str(session),
                    "SUBJECT": portal.users[dialog.user_id].full_name,
                    "DESCRIPTION": "",
                    "COMPLETED": "Y" if ended else "N",
                    "RESPONSIBLE_ID": "1",
                    "CREATED": portal.iso(dialog.started[session]),
                    "LAST_UPDATED": portal.iso(touched),
                }
            )
    return made


def _passes(row: Json, name: str, value: Any) -> bool:
    """Return whether a row passes one condition of a list's filter; times are compared as moments."""
    operator = re.match(r"[<>=!@%]*", name)
    kind = operator[0] if operator else ""
    stored, wanted = _comparable(row.get(name.removeprefix(kind))), _comparable(value)
    if kind in {"", "="}:
        return bool(stored == wanted)
    if kind not in {">", ">=", "<", "<="}:
        raise Refusal("INVALID_ARG_VALUE", f"Unknown filter {name}", status=400)
    if type(stored) is not type(wanted):
        return False
    compared: dict[str, bool] = {
        ">": stored > wanted,
        ">=": stored >= wanted,
        "<": stored < wanted,
        "<=": stored <= wanted,
    }
    return compared[kind]


def _comparable(value: Any) -> Any:
    text = str(value)
    if text.isdigit():
        return int(text)
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return text


def _ordered(call: Call, rows: list[Json]) -> list[Json]:
    order = {name.upper(): str(way).upper() for name, way in call.group("order").items()}
    return sorted(rows, key=lambda row: int(row["ID"]), reverse=order.get("ID") == "DESC")


def _add_field(call: Call) -> int:
    portal, fields = call.portal, call.group("fields")
    name = f"UF_CRM_{str(fields.get('FIELD_NAME', '')).upper().removeprefix('UF_CRM_')}"
    if name == "UF_CRM_" or len(name) > 50:  # noqa: PLR2004 - the vendor's limit
        raise Refusal("ERROR_CORE", "The field's name is missing or too long")
    if name in portal.fields:
        raise Refusal("ERROR_CORE", f"The field {name} already exists")
    label = fields.get("LABEL") or fields.get("EDIT_FORM_LABEL")
    title = next(iter(label.values()), name) if isinstance(label, dict) else str(label or name)
    kind = str(fields.get("USER_TYPE_ID", "string"))
    portal.fields[name] = UserField(name, title, kind, multiple=yes(fields.get("MULTIPLE", "N")))
    portal.touch()
    return portal.new_id("userfield")
