"""Orders as API v5 shows and edits them, and as a person sees them."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from local.simulators.retailcrm.entities import Change, Item
from local.simulators.retailcrm.problems import refused

if TYPE_CHECKING:
    from local.simulators.retailcrm.entities import Customer, CustomField, Json, Order
    from local.simulators.retailcrm.state import Account

NOT_LOADED = "Order is not loaded"
EDITABLE = frozenset(
    {"status", "orderType", "managerId", "managerComment", "customerComment", "customFields", "items", "dialogId"}
)
LONGEST_STRING = 255
TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M")
ROBOT = "API"


def order_row(account: Account, order: Order) -> Json:
    """Return an order as GET /api/v5/orders shows it: unset fields are left out."""
    customer = account.customers[order.customer_id]
    row: Json = {
        "id": order.id,
        "number": order.number,
        "orderType": order.order_type,
        "status": order.status,
        "site": order.site,
        "createdAt": account.local_time(order.created_at),
        "summ": number(order.total - order.delivery_cost),
        "totalSumm": number(order.total),
        "currency": account.currency,
        "firstName": customer.name.partition(" ")[0],
        "lastName": customer.name.partition(" ")[2],
        "customer": customer_row(account, customer),
        "items": [item_row(each) for each in order.items],
        "delivery": {"cost": number(order.delivery_cost)},
        "customFields": values_row(account, order.values),
        "managerId": order.manager_id,
        "managerComment": order.manager_comment,
        "customerComment": order.customer_comment,
        "dialogId": order.dialog_id,
    }
    return {name: value for name, value in row.items() if value is not None}


def customer_row(account: Account, customer: Customer) -> Json:
    """Return a customer as the API shows it, on its own and within an order."""
    first, _, last = customer.name.partition(" ")
    row: Json = {
        "type": "customer",
        "id": customer.id,
        "site": customer.site,
        "firstName": first,
        "lastName": last,
        "phones": [{"number": customer.phone}] if customer.phone else [],
        "tags": [{"name": tag, "color": "#3e89ff", "attached": True} for tag in customer.tags],
        "customFields": values_row(account, customer.values),
        "mgCustomerId": customer.mg_id,
        "managerId": customer.manager_id,
    }
    return {name: value for name, value in row.items() if value is not None}


def item_row(item: Item) -> Json:
    """Return a position as the API shows it."""
    offer: Json = {"displayName": item.name}
    if item.offer_id is not None:
        offer["id"] = item.offer_id
    return {
        "id": item.id,
        "initialPrice": number(item.price),
        "quantity": number(item.quantity),
        "productName": item.name,
        "offer": offer,
    }


def values_row(account: Account, values: Json) -> Any:
    """Return custom values; where there are none, PHP's empty array is shown as a list."""
    return dict(values) if values or not account.settings.empty_as_list else []


def number(value: Decimal) -> int | float:
    """Return an amount as JSON writes it."""
    return int(value) if value == value.to_integral_value() else float(value)


class Edit:
    """One POST /api/v5/orders/{id}/edit: everything is checked before anything is changed."""

    def __init__(self, account: Account, order: Order, given: Json, who: str = ROBOT) -> None:
        self._account = account
        self._order = order
        self._given = given
        self._who = who
        self._errors: dict[str, str] = {}
        self._values: Json = {}
        self._items: list[Item] = []

    def run(self) -> None:
        """Check and apply. Raises Problem with all that is wrong."""
        for name in self._given.keys() - EDITABLE:
            self._errors[name] = "This form should not contain extra fields."
        self._check_codes()
        self._check_values()
        if "items" in self._given:
            self._check_items()
        if self._errors:
            raise refused(400, NOT_LOADED, self._errors)
        self._apply()

    def _check_codes(self) -> None:
        account, given = self._account, self._given
        status = given.get("status")
        if status is not None and (status not in account.statuses or not account.statuses[status].active):
            self._errors["status"] = f'"Status" with "code"="{status}" does not exist.'
        kind = given.get("orderType")
        if kind is not None and kind not in account.order_types:
            self._errors["orderType"] = f'"OrderType" with "code"="{kind}" does not exist.'
        manager = given.get("managerId")
        if manager is not None and (manager not in account.users or not account.users[manager].active):
            self._errors["managerId"] = f'"User" with "id"="{manager}" does not exist.'
        for name in ("managerComment", "customerComment"):
            if not isinstance(given.get(name, ""), str | None):
                self._errors[name] = "This value should be of type string."

    def _check_values(self) -> None:
        given = self._given.get("customFields", {})
        if not isinstance(given, dict):
            self._errors["customFields"] = "This value should be of type array."
            return
        for code, value in given.items():
            known = self._account.fields.get(("order", code))
            if known is None:
                self._errors[f"customFields[{code}]"] = f"Field {code} does not exist."
                continue
            try:
                self._values[code] = None if value is None else checked(self._account, known, value)
            except ValueError as error:
                self._errors[f"customFields[{code}]"] = str(error)

    def _check_items(self) -> None:
        rows = self._given["items"]
        if not isinstance(rows, list):
            self._errors["items"] = "This value should be of type array."
            return
        mine = {each.id: each for each in self._order.items}
        for index, row in enumerate(rows):
            try:
                self._items.append(self._item(row, mine))
            except (ValueError, KeyError, TypeError, InvalidOperation):
                self._errors[f"items[{index}]"] = "This value is not valid."

    def _item(self, row: Json, mine: dict[int, Item]) -> Item:
        known = mine[row["id"]] if "id" in row else None
        price = Decimal(str(row.get("initialPrice", known.price if known else 0)))
        quantity = Decimal(str(row.get("quantity", known.quantity if known else 1)))
        name = str(row.get("productName") or (known.name if known else ""))
        if price < 0 or quantity <= 0 or not name:
            raise ValueError
        return Item(
            known.id if known else self._account.new_id("item"),
            name,
            price,
            quantity,
            known.offer_id if known else None,
        )

    def _apply(self) -> None:
        account, order, given = self._account, self._order, self._given
        statuses, kinds = account.statuses, account.order_types
        if "status" in given:
            self._note("status", statuses[order.status].name, statuses[given["status"]].name)
            order.status = given["status"]
        if "orderType" in given:
            self._note("orderType", kinds[order.order_type].name, kinds[given["orderType"]].name)
            order.order_type = given["orderType"]
        if "managerId" in given:
            self._note("manager", account.user_name(order.manager_id), account.user_name(given["managerId"]))
            order.manager_id = given["managerId"]
        if "managerComment" in given:
            self._note("managerComment", order.manager_comment, given["managerComment"])
            order.manager_comment = given["managerComment"] or None
        if "customerComment" in given:
            order.customer_comment = given["customerComment"] or None
        if "dialogId" in given:
            order.dialog_id = given["dialogId"]
        for code, value in self._values.items():
            known = account.fields["order", code]
            before = order.values.pop(code, None)
            if value is not None:
                order.values[code] = value
            self._note(known.name, in_words(account, known, before), in_words(account, known, value))
        if "items" in given:
            before = order.total
            order.items = self._items
            self._note("price", str(number(before)), str(number(order.total)))
        account.touch()

    def _note(self, what: str, old: str | None, new: str | None) -> None:
        if old != new:
            lines = self._account.history.setdefault(self._order.id, [])
            lines.append(Change(self._account.now(), self._who, what, old or None, new or None))


def checked(account: Account, known: CustomField, value: Any) -> Any:
    """Return a custom field's value as it is kept. Raises ValueError with the vendor's sentence."""
    message = "This value is not valid."
    match known.type, value:
        case "string", str() if len(value) <= LONGEST_STRING:
            return value
        case "text", str():
            return value
        case "email", str() if re.fullmatch(r"[^@\s]+@[^@\s]+", value):
            return value
        case "boolean", bool():
            return value
        case "integer", int() if not isinstance(value, bool):
            return value
        case "numeric", (int() | float()) if not isinstance(value, bool):
            return value
        case "date", str():
            return datetime.strptime(value, "%Y-%m-%d").strftime("%Y-%m-%d")  # noqa: DTZ007 - a day has no zone
        case "datetime", str():
            return _moment(value)
        case "dictionary", str() if value in _elements(account, known):
            return value
        case "multiselect_dictionary", list() if set(value) <= _elements(account, known).keys():
            return list(value)
        case (("dictionary" | "multiselect_dictionary"), _):
            message = "The value you selected is not a valid choice."
    raise ValueError(message)


def in_words(account: Account, known: CustomField, value: Any) -> str | None:
    """Return a custom field's value as a person sees it; None where it is empty."""
    if value is None or value == []:
        return None
    elements = _elements(account, known)
    if isinstance(value, list):
        return ", ".join(elements[each] for each in value)
    if isinstance(value, bool):
        return "да" if value else "нет"
    return elements.get(str(value), str(value))


def card(account: Account, order: Order) -> Json:
    """Return an order as a person sees it: names instead of codes, with comments, tasks and history."""
    customer = account.customers[order.customer_id]
    mine = (task for task in account.tasks.values() if task.order_id == order.id)
    return {
        "id": order.id,
        "name": order.number,
        "pipeline": account.order_types[order.order_type].name,
        "stage": account.statuses[order.status].name,
        "price": number(order.total),
        "currency": account.currency,
        "responsible": account.user_name(order.manager_id),
        "tags": list(customer.tags),
        "fields": {
            each.name: in_words(account, each, order.values.get(each.code)) or ""
            for each in account.fields.values()
            if each.entity == "order"
        },
        "contacts": [customer.name],
        "notes": _notes(account, order),
        "tasks": [
            {
                "id": task.id,
                "text": task.text,
                "due": task.due,
                "responsible": account.user_name(task.performer_id),
                "done": task.complete,
                "result": None,
                "commentary": task.commentary,
            }
            for task in mine
        ],
        "history": [
            {"at": each.at, "who": each.who, "user_id": 0, "what": each.what, "old": each.old, "new": each.new}
            for each in account.history.get(order.id, [])
        ],
        "closed_at": None,
    }


def _notes(account: Account, order: Order) -> list[Json]:
    """Return the paragraphs of the manager's comment and the customer's notes."""
    parts = [part for part in (order.manager_comment or "").split("\n\n") if part.strip()]
    found = [
        {"id": f"c{index}", "type": "comment", "text": part, "by": "", "at": 0} for index, part in enumerate(parts)
    ]
    return found + [
        {
            "id": each.id,
            "type": "note",
            "text": each.text,
            "by": account.user_name(each.manager_id),
            "at": each.created_at,
        }
        for each in account.notes.values()
        if each.customer_id == order.customer_id
    ]


def _elements(account: Account, known: CustomField) -> dict[str, str]:
    return account.dictionaries[known.dictionary].elements if known.dictionary else {}


def _moment(value: str) -> str:
    for form in TIMES:
        try:
            return datetime.strptime(value, form).strftime(TIMES[0])  # noqa: DTZ007 - the account's own zone
        except ValueError:
            continue
    msg = "This value is not valid."
    raise ValueError(msg)
