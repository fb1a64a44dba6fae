"""Orders of GetCourse as deals: known from what was told with messages, changed by the import API.

The API cannot be asked (its export is made for lists, and takes minutes), so a change counts as done where GetCourse
says so. An order is known by its number, a person by the e-mail. What the API has no place for is refused in words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Any

from dealtalk.crm.custom.deal_json import as_json, deal_of, schema_of, with_changes
from dealtalk.crm.custom.own_deals import GONE
from dealtalk.crm.getcourse.importing import ImportRefused
from dealtalk.crm.readback import judge
from dealtalk.deals import AddTask, Assign, ChangeResult, MoveStage, SetField, SetPrice, updated
from dealtalk.errors import DealGone, NeedsAttention
from dealtalk.ports import Certainty

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dealtalk.crm.custom.deal_store import DealStore, StoredDeal
    from dealtalk.crm.getcourse.importing import ImportApi
    from dealtalk.crm.getcourse.options import GetcourseOptions
    from dealtalk.deals import Deal, DealAddition, DealSchema, DealUpdate
    from dealtalk.messages import Chat

NO_TAGS = "GetCourse's import has no tags for orders."
NO_COMMENTS = "Comments are switched off for this account."
NO_FIELD = "The CRM has no such field, or it cannot be changed."
NO_EMAIL = "The customer's e-mail is not known, and GetCourse finds people by it."


@dataclass(slots=True)
class Orders:
    """See `own_deals.Deals`. Calls: none to read, update_deal and add one."""

    api: ImportApi
    store: DealStore
    options: GetcourseOptions
    _stored: dict[str, StoredDeal] = field(init=False, default_factory=dict)

    def find_deal(self, chat: Chat) -> str | None:
        """See `ports.Crm`."""
        return chat.deal_id or self.store.deal_of(chat.chat_id)

    def read_schema(self) -> DealSchema:
        """See `ports.Crm`: as it was told. Stages are the codes of order statuses, people e-mails of managers."""
        return schema_of(self.store.schema())

    def read_deal(self, deal_id: str, *, with_contact: bool) -> Deal:
        """See `ports.Crm`."""
        found = self._known(deal_id)
        return deal_of(found.document, self.read_schema(), with_contact=with_contact)

    def update_deal(self, deal: Deal, updates: Sequence[DealUpdate], schema: DealSchema) -> list[ChangeResult]:
        """See `ports.Crm`: one import of all that can be imported."""
        stored = self._known(deal.id)
        row: dict[str, Any] = {}
        refused = {
            index: sentence
            for index, update in enumerate(updates)
            if (sentence := _put(row, update, schema)) is not None
        }
        email = self._email(stored)
        if email is None:
            return judge(deal, deal, updates, schema, dict.fromkeys(range(len(updates)), NO_EMAIL))
        wished = [(index, update) for index, update in enumerate(updates) if index not in refused]
        after = deal
        if wished:
            try:
                self.api.add(email, {"deal_number": deal.id, **row})
            except ImportRefused as refusal:
                refused |= {index: f"GetCourse refused the change: {refusal.reason}" for index, _ in wished}
            else:
                after = updated(deal, [update for _, update in wished])
                self.store.put(with_changes(stored.document, after), stored)
        return judge(deal, after, updates, schema, refused)

    def add(self, deal_id: str, addition: DealAddition) -> ChangeResult:
        """See `ports.Crm`: a comment of the order, since the API has neither notes nor tasks."""
        email = self._email(self._known(deal_id))
        if email is None or not self.options.comments:
            return ChangeResult(addition, applied=False, refusal=NO_COMMENTS if email else NO_EMAIL)
        text = addition.text
        if isinstance(addition, AddTask):
            text = f"{text} ({addition.due_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC)"
        try:
            created = self.api.add(email, {"deal_number": deal_id, "deal_comment": text})
        except ImportRefused as refusal:
            return ChangeResult(addition, applied=False, refusal=f"GetCourse refused it: {refusal.reason}")
        return ChangeResult(addition, applied=True, new=addition.text, created_id=created or addition.marker)

    def was_added(self, deal_id: str, addition: DealAddition, since: datetime) -> Certainty:  # noqa: ARG002 (nobody can be asked)
        """See `ports.Crm`: comments cannot be read."""
        return Certainty.UNKNOWN

    def _known(self, deal_id: str) -> StoredDeal:
        found = self.store.deal(deal_id)
        if found is None or found.is_gone:
            raise DealGone(GONE)
        return found

    def _email(self, stored: StoredDeal) -> str | None:
        contact = stored.document.get("contact", {})
        email = contact.get("fields", {}).get(self.options.email_field)
        return email if isinstance(email, str) and "@" in email else None


def import_key(secret: dict[str, str]) -> str:
    """Return the account's key. Raises NeedsAttention where the connection's secret has none."""
    if not secret.get("import_key"):
        msg = "the connection's secret holds no import_key"
        raise NeedsAttention(msg)
    return secret["import_key"]


def _put(row: dict[str, Any], update: DealUpdate, schema: DealSchema) -> str | None:
    """Put an update into the order's row; return the sentence where the API has no place for it."""
    match update:
        case MoveStage(_, stage_id):
            row["deal_status"] = stage_id
        case SetPrice(price):
            row["deal_cost"] = f"{price:f}"
        case Assign(person_id):
            row["manager_email"] = person_id
        case SetField(field_id, value):
            known = schema.field(field_id)
            if known is None or known.read_only:
                return NO_FIELD
            plain = as_json(value)
            row.setdefault("addfields", {})[known.name] = ", ".join(plain) if isinstance(plain, list) else plain
        case _:
            return NO_TAGS
    return None
