"""The import of orders: POST /pl/api/deals with key, action and params, base64 of JSON, as a form.

Built from https://getcourse.ru/help/api. It answers 200 to everything and tells success in words. Orders are found by
their number and people by their e-mail; a status that the account does not have, a manager who is not one, a field that
does not exist are refused. What the page does not have is refused as well.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from local.simulators.serving import Response

if TYPE_CHECKING:
    from local.simulators.custom.company import Company, Deal, Json
    from local.simulators.serving import Request

PATH = "/pl/api/deals"
FORM = "application/x-www-form-urlencoded"
USER = {"email", "phone", "first_name", "last_name", "city", "country", "group_name", "addfields"}
SYSTEM = {"refresh_if_exists", "multiple_offers", "return_payment_link", "return_deal_number"}
DEAL = {
    *("deal_number", "offer_code", "product_title", "product_description", "quantity", "deal_cost", "deal_status"),
    *("deal_is_paid", "manager_email", "deal_created_at", "deal_finished_at", "deal_comment", "payment_type"),
    *("payment_status", "addfields", "deal_currency", "partner_email"),
}
BY = "API"


class CallRefused(Exception):
    """The call itself is not taken."""


class ActionRefused(Exception):
    """The call was taken, and what it asks for cannot be done."""


def serve(company: Company, key: str, request: Request) -> Response:
    """Return the answer to an import."""
    try:
        params = _params(key, request)
        with company.lock:
            deal = _import(company, params)
            company.touch()
    except CallRefused as refusal:
        return Response(200, {"success": "false", "action": "add", "error": "true", "error_message": str(refusal)})
    except ActionRefused as refusal:
        failed = {"success": "false", "error": "true", "error_message": str(refusal)}
        return Response(200, {"success": "true", "action": "add", "result": failed})
    done = {"success": "true", "deal_id": f"9{deal.id}", "deal_number": deal.id, "error": "false", "error_message": ""}
    return Response(200, {"success": "true", "action": "add", "result": done})


def _params(key: str, request: Request) -> Json:
    if request.method != "POST" or request.headers.get("content-type") != FORM:
        msg = "post a form"
        raise CallRefused(msg)
    form = {name: values[-1] for name, values in parse_qs(request.body.decode(), keep_blank_values=True).items()}
    if set(form) != {"action", "key", "params"} or form["action"] != "add":
        msg = "unknown action"
        raise CallRefused(msg)
    if form["key"] != key:
        msg = "wrong key"
        raise CallRefused(msg)
    try:
        params = json.loads(base64.b64decode(form["params"], validate=True))
    except (binascii.Error, ValueError):
        msg = "params are no base64 of JSON"
        raise CallRefused(msg) from None
    if not isinstance(params, dict) or set(params) - {"user", "system", "session", "deal"}:
        msg = "unknown params"
        raise CallRefused(msg)
    return params


def _import(company: Company, params: Json) -> Deal:
    user, system, row = (params.get(name, {}) for name in ("user", "system", "deal"))
    if set(user) - USER or set(system) - SYSTEM or set(row) - DEAL:
        msg = "unknown parameter"
        raise ActionRefused(msg)
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", str(user.get("email", ""))):
        msg = "email is not valid"
        raise ActionRefused(msg)
    deal = company.deal(str(row.get("deal_number", "")))
    if deal is None or deal.contact_fields.get("email") != user["email"]:
        msg = "a new order needs an offer"
        raise ActionRefused(msg)
    changes, now = _changes(company, row), company.clock.now()
    for what, name, value in changes:
        deal.history.append({"at": now, "who": BY, "user_id": 0, "what": what, "old": None, "new": value})
        if name == "comment":
            deal.notes.append({"id": company.new_id("n"), "text": value, "by": BY, "at": now})
        elif name.startswith("fields."):
            deal.fields[name.partition(".")[2]] = value
        else:
            setattr(deal, name, value)
    deal.version += 1
    return deal


def _changes(company: Company, row: Json) -> list[tuple[str, str, Any]]:
    """Return what the row changes, checked before anything is: an import is all or nothing."""
    changes: list[tuple[str, str, Any]] = []
    if "deal_status" in row:
        if company.stage("orders", row["deal_status"]) is None:
            msg = "unknown status"
            raise ActionRefused(msg)
        changes.append(("Статус", "stage_id", row["deal_status"]))
    if "deal_cost" in row:
        try:
            changes.append(("Стоимость", "price", f"{Decimal(str(row['deal_cost'])):f}"))
        except InvalidOperation:
            msg = "deal_cost is no number"
            raise ActionRefused(msg) from None
    if "manager_email" in row:
        if all(each["id"] != row["manager_email"] for each in company.schema["people"]):
            msg = "unknown manager"
            raise ActionRefused(msg)
        changes.append(("Менеджер", "responsible_id", row["manager_email"]))
    if "deal_comment" in row:
        changes.append(("Комментарий", "comment", str(row["deal_comment"])))
    for name, value in dict(row.get("addfields", {})).items():
        known = next((each for each in company.schema["fields"] if each["name"] == name), None)
        if known is None:
            msg = "unknown additional field"
            raise ActionRefused(msg)
        changes.append((name, f"fields.{known['id']}", value))
    return changes
