"""API v5 of the CRM: orders, customers, tasks, notes, reference books, people and modules."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from local.simulators.retailcrm import orders
from local.simulators.retailcrm.entities import Bot, Module, Note, Task
from local.simulators.retailcrm.gate import V5
from local.simulators.retailcrm.problems import refused
from local.simulators.serving import Response

if TYPE_CHECKING:
    from local.simulators.retailcrm.entities import Customer, Json, Order
    from local.simulators.retailcrm.gate import Context, Router
    from local.simulators.retailcrm.state import Account

WRONG_INPUT = "Errors in the input parameters"
DUE = "%Y-%m-%d %H:%M"


def routes(router: Router) -> None:
    """Add this part's routes."""
    router.add("GET", "/api/credentials", credentials)
    router.add("GET", f"{V5}/settings", account_settings)
    router.add("GET", f"{V5}/orders", order_list)
    router.add("GET", f"{V5}/orders/{{id}}", order_get)
    router.add("POST", f"{V5}/orders/{{id}}/edit", order_edit)
    router.add("GET", f"{V5}/customers", customer_list)
    router.add("POST", f"{V5}/customers/{{id}}/edit", customer_edit)
    router.add("POST", f"{V5}/customers/notes/create", note_create)
    router.add("GET", f"{V5}/customers/notes", note_list)
    router.add("GET", f"{V5}/tasks", task_list)
    router.add("POST", f"{V5}/tasks/create", task_create)
    router.add("GET", f"{V5}/users", user_list)
    router.add("GET", f"{V5}/custom-fields", field_list)
    router.add("GET", f"{V5}/custom-fields/dictionaries", dictionary_list)
    router.add("GET", f"{V5}/reference/statuses", statuses)
    router.add("GET", f"{V5}/reference/status-groups", groups)
    router.add("GET", f"{V5}/reference/order-types", order_types)
    router.add("GET", f"{V5}/reference/sites", sites)
    router.add("GET", f"{V5}/integration-modules/{{code:word}}", module_get)
    router.add("POST", f"{V5}/integration-modules/{{code:word}}/edit", module_edit)


def credentials(ctx: Context) -> Response:
    """Say what the key may."""
    scopes = sorted(ctx.key.scopes) if ctx.key else []
    return Response(
        200,
        {
            "success": True,
            "credentials": ["/api/integration-modules/{code}/edit"],
            "scopes": scopes,
            "siteAccess": "access_full",
            "sitesAvailable": list(ctx.account.sites),
        },
    )


def account_settings(ctx: Context) -> Response:
    """Say currency, language and zone."""
    account = ctx.account
    named = {"default_currency": account.currency, "system_language": account.lang, "timezone": account.timezone}
    return Response(200, {"success": True, "settings": {name: {"value": value} for name, value in named.items()}})


def order_list(ctx: Context) -> Response:
    """List orders, the newest first."""
    ctx.need("order_read")
    account, wanted = ctx.account, ctx.query.get("filter", {})
    found = [each for each in account.orders.values() if not each.deleted and _order_fits(each, wanted)]
    found.sort(key=lambda order: (order.created_at, order.id), reverse=True)
    return ctx.page("orders", [orders.order_row(account, each) for each in found])


def order_get(ctx: Context) -> Response:
    """Return one order."""
    ctx.need("order_read")
    return Response(200, {"success": True, "order": orders.order_row(ctx.account, _order(ctx, ctx.query))})


def order_edit(ctx: Context) -> Response:
    """Change an order."""
    ctx.need("order_write")
    order = _order(ctx, ctx.form)
    _need_site(ctx)
    orders.Edit(ctx.account, order, ctx.form_json("order")).run()
    return Response(200, {"success": True, "id": order.id})


def customer_list(ctx: Context) -> Response:
    """List customers."""
    ctx.need("customer_read")
    account, wanted = ctx.account, ctx.query.get("filter", {})
    found = [
        each
        for each in account.customers.values()
        if ("mgCustomerId" not in wanted or str(each.mg_id) == wanted["mgCustomerId"])
        and ("ids" not in wanted or str(each.id) in wanted["ids"].values())
    ]
    return ctx.page("customers", [orders.customer_row(account, each) for each in found])


def customer_edit(ctx: Context) -> Response:
    """Change a customer: only tags are simulated."""
    ctx.need("customer_write")
    if ctx.form.get("by", "externalId") != "id" or ctx.number("id") not in ctx.account.customers:
        raise refused(404, "Not found")
    _need_site(ctx)
    customer, given = ctx.account.customers[ctx.number("id")], ctx.form_json("customer")
    if given.keys() - {"addTags", "removeTags"}:
        raise refused(400, "Errors in the entity format", {"customer": "This form should not contain extra fields."})
    for tag in given.get("addTags", []):
        if tag.casefold() not in {each.casefold() for each in customer.tags}:
            customer.tags.append(str(tag))
    gone = {str(tag).casefold() for tag in given.get("removeTags", [])}
    customer.tags = [tag for tag in customer.tags if tag.casefold() not in gone]
    ctx.account.touch()
    return Response(200, {"success": True, "id": customer.id})


def note_create(ctx: Context) -> Response:
    """Write a note on a customer."""
    ctx.need("customer_write")
    account, given = ctx.account, ctx.form_json("note")
    customer = _customer(account, given.get("customer"))
    if customer is None or not given.get("text"):
        raise refused(400, "Errors in the entity format", {"customer": "This value should not be blank."})
    note = Note(account.new_id("note"), customer.id, str(given["text"]), given.get("managerId"), account.now())
    account.notes[note.id] = note
    account.touch()
    return Response(201, {"success": True, "id": note.id})


def note_list(ctx: Context) -> Response:
    """List notes on customers."""
    ctx.need("customer_read")
    wanted = ctx.query.get("filter", {}).get("customerIds", {})
    ids = set(wanted.values()) if isinstance(wanted, dict) else {wanted}
    found = [each for each in ctx.account.notes.values() if not ids or str(each.customer_id) in ids]
    rows = [{"id": each.id, "text": each.text, "customer": {"id": each.customer_id}} for each in reversed(found)]
    return ctx.page("notes", rows)


def task_list(ctx: Context) -> Response:
    """List tasks, the newest first."""
    ctx.need("task_read")
    account, wanted = ctx.account, ctx.query.get("filter", {})
    found = [
        each
        for each in account.tasks.values()
        if "orderNumber" not in wanted
        or (each.order_id is not None and account.orders[each.order_id].number == wanted["orderNumber"])
    ]
    return ctx.page("tasks", [_task_row(account, each) for each in reversed(found)])


def task_create(ctx: Context) -> Response:
    """Create a task."""
    ctx.need("task_write")
    _need_site(ctx)
    account, given, errors = ctx.account, ctx.form_json("task"), {}
    if not given.get("text"):
        errors["text"] = "This value should not be blank."
    performer: Any = given.get("performerId")
    if performer not in account.users or not account.users[performer].active:
        errors["performerId"] = f'"User" with "id"="{performer}" does not exist.'
    order_id = (given.get("order") or {}).get("id")
    if order_id is not None and (order_id not in account.orders or account.orders[order_id].deleted):
        errors["order"] = f'"Order" with "id"="{order_id}" does not exist.'
    customer_id = (given.get("customer") or {}).get("id")
    if customer_id is not None and customer_id not in account.customers:
        errors["customer"] = f'"Customer" with "id"="{customer_id}" does not exist.'
    try:
        datetime.strptime(str(given.get("datetime", "")), DUE)  # noqa: DTZ007 - the account's own zone
    except ValueError:
        errors["datetime"] = "This value is not valid."
    if errors:
        raise refused(400, "Errors in the entity format", errors)
    task = Task(
        account.new_id("task"),
        str(given["text"]),
        str(given.get("commentary") or ""),
        str(given["datetime"]),
        performer,
        account.now(),
        order_id=order_id,
        customer_id=customer_id,
    )
    account.tasks[task.id] = task
    account.touch()
    return Response(201, {"success": True, "id": task.id})


def user_list(ctx: Context) -> Response:
    """List people."""
    ctx.need("user_read")
    rows = [
        {
            "id": each.id,
            "firstName": each.first_name,
            "lastName": each.last_name,
            "active": each.active,
            "isManager": True,
            "mgUserId": each.mg_id,
            "email": f"user{each.id}@shop.test",
        }
        for each in ctx.account.users.values()
    ]
    return ctx.page("users", rows)


def field_list(ctx: Context) -> Response:
    """List custom fields."""
    ctx.need("custom_fields_read")
    rows: list[Json] = []
    for index, each in enumerate(ctx.account.fields.values()):
        row: Json = {"code": each.code, "name": each.name, "type": each.type, "entity": each.entity}
        row |= {"ordering": index, "required": False, "viewMode": "editable"}
        rows.append(row | ({"dictionary": each.dictionary} if each.dictionary else {}))
    return ctx.page("customFields", rows)


def dictionary_list(ctx: Context) -> Response:
    """List custom reference books."""
    ctx.need("custom_fields_read")
    rows = [
        {
            "code": each.code,
            "name": each.name,
            "elements": [
                {"code": code, "name": name, "ordering": index}
                for index, (code, name) in enumerate(each.elements.items())
            ],
        }
        for each in ctx.account.dictionaries.values()
    ]
    return ctx.page("customDictionaries", rows)


def statuses(ctx: Context) -> Response:
    """Map order statuses by code."""
    ctx.need("reference_read")
    rows = {
        each.code: {
            "name": each.name,
            "code": each.code,
            "active": each.active,
            "ordering": each.ordering,
            "group": each.group,
        }
        for each in ctx.account.statuses.values()
    }
    return Response(200, {"success": True, "statuses": rows})


def groups(ctx: Context) -> Response:
    """Map status groups by code."""
    ctx.need("reference_read")
    rows = {
        each.code: {
            "name": each.name,
            "code": each.code,
            "active": True,
            "ordering": each.ordering,
            "process": each.code not in {"new", "complete", "cancel"},
            "statuses": [s.code for s in ctx.account.statuses.values() if s.group == each.code],
        }
        for each in ctx.account.groups.values()
    }
    return Response(200, {"success": True, "statusGroups": rows})


def order_types(ctx: Context) -> Response:
    """Map order types by code."""
    ctx.need("reference_read")
    rows = {
        each.code: {"name": each.name, "code": each.code, "active": True, "defaultForCrm": each.default}
        for each in ctx.account.order_types.values()
    }
    return Response(200, {"success": True, "orderTypes": rows})


def sites(ctx: Context) -> Response:
    """Map stores by code."""
    ctx.need("reference_read")
    rows = {code: {"name": name, "code": code} for code, name in ctx.account.sites.items()}
    return Response(200, {"success": True, "sites": rows})


def module_get(ctx: Context) -> Response:
    """Return a registered module."""
    ctx.need("integration_read")
    module = ctx.account.modules.get(ctx.params["code"])
    if module is None:
        raise refused(404, "Not found")
    row: Json = {"code": module.code, "name": module.name, "clientId": module.client_id, "active": module.active}
    row |= {"freeze": module.frozen, "baseUrl": module.base_url, "actions": {"activity": module.activity}}
    return Response(200, {"success": True, "integrationModule": row})


def module_edit(ctx: Context) -> Response:
    """Register a module; one with a chat bot is told the MG host and its token."""
    ctx.need("integration_write")
    account, given, code = ctx.account, ctx.form_json("integrationModule"), ctx.params["code"]
    missing = {
        name: "This value should not be blank."
        for name in ("code", "integrationCode", "name", "clientId")
        if not given.get(name)
    }
    if missing or given["code"] != code:
        raise refused(400, "Errors in the entity format", missing or {"code": "This value is not valid."})
    actions = given.get("actions") or {}
    module = Module(
        code, str(given["clientId"]), str(given["name"]), given.get("active", True) is True, given.get("baseUrl")
    )
    module.activity = actions.get("activity") if isinstance(actions, dict) else None
    account.modules[code] = module
    answer: Json = {"success": True, "id": code, "info": {}}
    wanted = (given.get("integrations") or {}).get("mgBot")
    if wanted is not None:
        if not account.settings.chats:
            raise refused(400, "Errors in the entity format", {"integrations": "Chats are not enabled."})
        answer["info"] = {"mgBot": {"endpointUrl": account.mg_url, "token": _bot(account, module, wanted).token}}
    account.touch()
    return Response(200, answer)


def _bot(account: Account, module: Module, wanted: Json) -> Bot:
    bot = next((each for each in account.bots.values() if each.module == module.code), None)
    if bot is None:
        bot = Bot(account.new_id("bot"), module.name, "", module.client_id, module.code)
        account.bots[bot.id] = bot
    if not bot.token or wanted.get("refreshToken") is True:
        bot.token = f"{account.new_uuid()}{account.new_uuid()}".replace("-", "")
    bot.active = module.active and not module.frozen
    return bot


def _order(ctx: Context, given: Any) -> Order:
    """Return the order that a path names by its id. Raises the 404."""
    order = ctx.account.orders.get(ctx.number("id")) if given.get("by", "externalId") == "id" else None
    if order is None or order.deleted:
        raise refused(404, "Not found")
    return order


def _need_site(ctx: Context) -> None:
    """Raise the refusal of a write that names no store although the key sees several, or one that is not there."""
    site = ctx.form.get("site")
    if site is None and ctx.account.settings.many_sites:
        raise refused(400, "Parameter 'site' is missing")
    if site is not None and site not in ctx.account.sites:
        raise refused(400, WRONG_INPUT, {"site": "The value you selected is not a valid choice."})


def _order_fits(order: Order, wanted: Json) -> bool:
    ids = wanted.get("ids")
    return ("customerId" not in wanted or str(order.customer_id) == wanted["customerId"]) and (
        ids is None or str(order.id) in ids.values()
    )


def _customer(account: Account, given: Any) -> Customer | None:
    return account.customers.get(given["id"]) if isinstance(given, dict) and "id" in given else None


def _task_row(account: Account, task: Task) -> Json:
    row: Json = {
        "id": task.id,
        "text": task.text,
        "commentary": task.commentary,
        "datetime": task.due,
        "performer": task.performer_id,
        "complete": task.complete,
        "createdAt": account.local_time(task.created_at),
    }
    if task.order_id is not None:
        row["order"] = {"id": task.order_id, "number": account.orders[task.order_id].number}
    return row
