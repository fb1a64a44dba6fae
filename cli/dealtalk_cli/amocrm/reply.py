"""The way of sending by Salesbot: the lead's text area and the bot of one step that sends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dealtalk.crm.amocrm.api import embedded
from dealtalk.crm.amocrm.errors import Refused
from dealtalk.deals import same_name
from dealtalk_cli.errors import Trouble

if TYPE_CHECKING:
    from dealtalk_cli.amocrm.account import AmocrmAccount

FIELDS = "/api/v4/leads/custom_fields"
TEXT_AREA = "textarea"
DEFAULT_NAMES = {"amocrm.ru": "Ответ бота", "kommo.com": "Bot reply"}
NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class ReplyField:
    """A field of leads."""

    id: str
    name: str
    kind: str


def fields(account: AmocrmAccount) -> list[ReplyField]:
    """Return all fields of leads. Raises Trouble."""
    with account.doing("to show the leads' fields", what="admin"):
        rows = list(account.api.rows(FIELDS, "custom_fields"))
    return [ReplyField(str(row.get("id")), str(row.get("name") or ""), str(row.get("type") or "")) for row in rows]


def by_id(found: list[ReplyField], field_id: str) -> ReplyField:
    """Return the text area with this id. Raises Trouble."""
    field = next((each for each in found if each.id == field_id), None)
    if field is None:
        raise Trouble(f"leads have no field {field_id}", "Check --reply-field-id, or give --create-reply-field.")
    return _text_area(field)


def by_name(found: list[ReplyField], name: str) -> ReplyField | None:
    """Return the text area with this name, None where no field has it.

    Raises Trouble where several have it, or one of another type.
    """
    named = [each for each in found if same_name(each.name, name)]
    areas = [each for each in named if each.kind == TEXT_AREA]
    if len(areas) > 1:
        ids = ", ".join(each.id for each in areas)
        raise Trouble(f'leads have {len(areas)} fields "{name}" ({ids})', "Choose one with --reply-field-id.")
    if areas:
        return areas[0]
    return _text_area(named[0]) if named else None


def create(account: AmocrmAccount, name: str) -> ReplyField:
    """Make the text area. Raises Trouble."""
    with account.doing("a new field of leads", what="admin"):
        answer = account.api.write("POST", FIELDS, [{"name": name, "type": TEXT_AREA}])
    rows = embedded(answer, "custom_fields")
    if not rows or not rows[0].get("id"):
        raise Trouble(f'{account.product} made the field "{name}" but did not say its number', "Run the command again.")
    return ReplyField(str(rows[0]["id"]), name, TEXT_AREA)


def bots(account: AmocrmAccount) -> dict[str, str] | None:
    """Return the account's bots, id to name; None where the platform has no list of them. Raises Trouble."""
    with account.doing("to show its bots", what="admin"):
        try:
            body = account.api.get("/api/v4/bots", [("limit", 250)]) or {}
        except Refused as refused:
            if refused.status == NOT_FOUND:
                return None
            raise
    rows = embedded(body, "items") or embedded(body, "bots")
    return {str(row.get("id")): str(row.get("name") or "") for row in rows}


def _text_area(field: ReplyField) -> ReplyField:
    if field.kind != TEXT_AREA:
        raise Trouble(
            f'the field "{field.name}" ({field.id}) is of the type {field.kind}, not a text area',
            "A plain text field cuts replies at 256 characters: choose another name or field.",
        )
    return field
