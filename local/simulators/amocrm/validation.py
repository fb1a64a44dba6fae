"""Which values a lead may be given. Follows the field types of crm_platform/custom-fields and leads-api."""

from __future__ import annotations

import re
from datetime import datetime, time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from local.simulators.amocrm.entities import INCOMING_STAGE, LOST, WON
from local.simulators.amocrm.problems import Item, is_of

if TYPE_CHECKING:
    from local.simulators.amocrm.entities import FieldDef, Json, Lead, Pipeline
    from local.simulators.amocrm.state import Account

LEAD_KEYS = {
    "id": "int",
    "name": "string",
    "price": "int",
    "status_id": "int",
    "pipeline_id": "int",
    "created_by": "int",
    "updated_by": "int",
    "closed_at": "int",
    "created_at": "int",
    "updated_at": "int",
    "loss_reason_id": "int",
    "responsible_user_id": "int",
    "custom_fields_values": "array",
    "tags_to_add": "array",
    "tags_to_delete": "array",
    "_embedded": "object",
    "request_id": "string",
}
NULLABLE = frozenset({"loss_reason_id", "closed_at", "custom_fields_values", "price"})
TEXT_TYPES = frozenset({"text", "textarea", "url", "streetaddress", "tracking_data"})
DATE_TYPES = frozenset({"date", "date_time", "birthday"})
ONE_CHOICE = frozenset({"select", "radiobutton"})
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)\Z")


class ValueRefusedError(Exception):
    """A value that its field does not take: the validation error's code, where in the value, and why."""

    def __init__(self, code: str, part: str = "value", detail: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.part = part
        self.detail = detail


def check_lead(account: Account, lead: Lead, patch: Json, item: Item) -> dict[int, list[Json]]:
    """Note all that is wrong with a change of a lead; return the field values to store by field id."""
    for key, value in patch.items():
        if key not in LEAD_KEYS:
            item.add("ExtraField", key)
        elif not (value is None and key in NULLABLE):
            item.expect(value, LEAD_KEYS[key], key)
    _check_stage(account, lead, patch, item)
    _check_people(account, patch, item)
    _check_tags(account, patch, item)
    rows = patch.get("custom_fields_values")
    return check_field_values(account, lead_fields(account), rows, item) if isinstance(rows, list) else {}


def lead_fields(account: Account) -> dict[int, FieldDef]:
    """Return the custom fields of leads by id."""
    return {f.id: f for f in account.fields.values() if f.entity == "leads"}


def check_field_values(
    account: Account, known: dict[int, FieldDef], rows: list[Any], item: Item
) -> dict[int, list[Json]]:
    """Note what is wrong with `custom_fields_values`; return the values to store, an empty list clears a field."""
    result: dict[int, list[Json]] = {}
    for index, row in enumerate(rows):
        path = f"custom_fields_values.{index}"
        if not item.expect(row, "object", path):
            continue
        one = _find_field(known, row, path, item)
        if one is None:
            continue
        if "values" not in row:
            item.add("FieldMissing", f"{path}.values")
        elif row["values"] is None:
            result[one.id] = []
        elif item.expect(row["values"], "array", f"{path}.values"):
            result[one.id] = _check_values(account, one, row["values"], f"{path}.values", item)
    return result


def _find_field(known: dict[int, FieldDef], row: Json, path: str, item: Item) -> FieldDef | None:
    key = "field_id" if "field_id" in row else "field_code"
    if key not in row:
        item.add("FieldMissing", f"{path}.field_id")
        return None
    if not item.expect(row[key], "int" if key == "field_id" else "string", f"{path}.{key}"):
        return None
    wanted = row[key]
    one = known.get(wanted) if key == "field_id" else next((f for f in known.values() if f.code == wanted), None)
    if one is None:
        item.add("NotSupportedChoice", f"{path}.{key}")
    return one


def _check_values(account: Account, one: FieldDef, values: list[Any], path: str, item: Item) -> list[Json]:
    if not values:
        item.add("TooFew", path)
    if one.type not in {"multiselect", "multitext", "smart_address"} and len(values) > 1:
        item.add("TooMany", path, "This collection should contain exactly 1 element.")
    stored = []
    for index, value in enumerate(values):
        if not item.expect(value, "object", f"{path}.{index}"):
            continue
        try:
            stored.append(store_value(account, one, value))
        except ValueRefusedError as refusal:
            item.add(refusal.code, f"{path}.{index}.{refusal.part}", refusal.detail)
    return stored


def store_value(account: Account, one: FieldDef, value: Json) -> Json:
    """Return a value as the account stores it. Raises ValueRefusedError for one that the field does not take."""
    if one.enums is not None:
        return _choice(one, value)
    if "value" not in value:
        raise ValueRefusedError("FieldMissing")
    raw = value["value"]
    if one.type in TEXT_TYPES:
        _need(raw, "string")
        return {"value": raw[: account.settings.text_field_chars] if one.type == "text" else raw}
    if one.type in {"numeric", "monetary", "price"}:
        return {"value": _number(raw)}
    if one.type == "checkbox":
        _need(raw, "bool")
        return {"value": raw}
    if one.type in DATE_TYPES:
        return {"value": _moment(account, one, raw)}
    _need(raw, "object")
    return {"value": raw}


def _need(raw: Any, kind: str) -> None:
    if not is_of(raw, kind):
        raise ValueRefusedError("InvalidType", detail=f"This value should be of type {kind}.")


def _number(raw: Any) -> str:
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
        raise ValueRefusedError("InvalidType", detail="This value should be of type numeric.")
    try:
        number = Decimal(str(raw))
    except InvalidOperation:
        raise ValueRefusedError("InvalidType", detail="This value should be of type numeric.") from None
    if not number.is_finite():
        raise ValueRefusedError("InvalidType", detail="This value should be of type numeric.")
    return f"{number:f}"


def _moment(account: Account, one: FieldDef, raw: Any) -> int:
    zone = ZoneInfo(account.timezone)
    refusal = ValueRefusedError("InvalidType", detail="This value should be a Unix timestamp or an RFC 3339 date.")
    try:
        if is_of(raw, "int"):
            moment = datetime.fromtimestamp(raw, zone)
        elif isinstance(raw, str) and _RFC3339.match(raw):
            moment = datetime.fromisoformat(raw).astimezone(zone)
        else:
            raise refusal
    except (ValueError, OverflowError, OSError):
        raise refusal from None
    if one.type != "date_time":
        moment = datetime.combine(moment.date(), time(), zone)
    return int(moment.timestamp())


def _choice(one: FieldDef, value: Json) -> Json:
    options = one.enums or []
    for key, attribute in (("enum_id", "id"), ("enum_code", "code"), ("value", "value")):
        if value.get(key) is None or (key == "value" and one.type == "multitext"):
            continue
        found = next((o for o in options if getattr(o, attribute) == value[key]), None)
        if found is None:
            raise ValueRefusedError("NotSupportedChoice", key)
        if one.type == "multitext":
            _need(value.get("value"), "string")
            return {"value": value["value"], "enum_id": found.id, "enum_code": found.code}
        return {"value": found.value, "enum_id": found.id, "enum_code": found.code}
    raise ValueRefusedError("FieldMissing", "enum_code" if one.type == "multitext" else "value")


def _check_stage(account: Account, lead: Lead, patch: Json, item: Item) -> None:
    pipeline_id, status_id = patch.get("pipeline_id"), patch.get("status_id")
    pipeline = account.pipelines.get(lead.pipeline_id)
    if is_of(pipeline_id, "int"):
        pipeline = account.pipelines.get(pipeline_id) if pipeline_id is not None else None
        if pipeline is None or pipeline.is_archive:
            item.add("NotSupportedChoice", "pipeline_id")
            return
    if status_id is None or not is_of(status_id, "int") or pipeline is None:
        return
    if status_id in {WON, LOST} and pipeline_id is None and account.settings.closing_needs_pipeline:
        item.add("FieldMissing", "pipeline_id")
    elif not _may_enter(pipeline, status_id):
        item.add("NotSupportedChoice", "status_id")


def _may_enter(pipeline: Pipeline, status_id: int) -> bool:
    status = pipeline.status(status_id)
    return status is not None and status.type != INCOMING_STAGE


def _check_people(account: Account, patch: Json, item: Item) -> None:
    for key in ("responsible_user_id", "updated_by", "created_by"):
        value = patch.get(key)
        if not is_of(value, "int") or (value == 0 and key != "responsible_user_id"):
            continue
        person = account.users.get(value) if isinstance(value, int) else None
        if person is None or not person.is_active or person.is_free:
            item.add("NotSupportedChoice", key)
    reason = patch.get("loss_reason_id")
    if is_of(reason, "int") and reason not in account.loss_reasons:
        item.add("NotSupportedChoice", "loss_reason_id")


def _check_tags(account: Account, patch: Json, item: Item) -> None:
    groups = [(key, patch.get(key)) for key in ("tags_to_add", "tags_to_delete")]
    embedded = patch.get("_embedded")
    if isinstance(embedded, dict):
        for key in embedded.keys() - {"tags"}:
            item.add("ExtraField", f"_embedded.{key}")
        tags = embedded.get("tags")
        if tags is not None and item.expect(tags, "array", "_embedded.tags"):
            groups.append(("_embedded.tags", tags))
    for path, tags in groups:
        for index, tag in enumerate(tags if isinstance(tags, list) else []):
            _check_tag(account, tag, f"{path}.{index}", item)


def _check_tag(account: Account, tag: Any, path: str, item: Item) -> None:
    if not item.expect(tag, "object", path):
        return
    if tag.get("id") is not None:
        if item.expect(tag["id"], "int", f"{path}.id") and tag["id"] not in account.tags:
            item.add("NotSupportedChoice", f"{path}.id")
    elif tag.get("name") is None:
        item.add("FieldMissing", f"{path}.name")
    elif item.expect(tag["name"], "string", f"{path}.name") and not tag["name"].strip():
        item.add("IsBlank", f"{path}.name")
