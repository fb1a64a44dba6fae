"""GetCourse schools, each with a chat beside it that speaks the custom channel's protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events.getcourse import STATUSES
from local.simulators.custom.company import Company
from local.simulators.custom.simulator import CustomSimulator
from local.simulators.getcourse import importing

if TYPE_CHECKING:
    from local.simulators.clock import Clock
    from local.simulators.serving import Request, Response

KEY = "getcourse-import-key"
STUDENT = "student@example.test"


class GetcourseSimulator(CustomSimulator):
    """See `CustomSimulator`; an account takes imports too, with the key `KEY`."""

    def open_chat(
        self, account: str, *, contact: str | None = None, origin: str | None = None, kind: str = "lead"
    ) -> tuple[str, str | None]:
        """See `CustomSimulator`: the order's number is digits, and its student has an e-mail."""
        chat_id, deal_id = super().open_chat(account, contact=contact, origin=origin, kind=kind)
        if deal_id is None:
            return chat_id, None
        one = self.account(account)
        with one.lock:
            order = one.deals.pop(deal_id)
            order.id, order.stage_id = deal_id.removeprefix("D-"), "new"
            order.contact_fields = {"email": STUDENT}
            order.responsible_id = one.schema["people"][0]["id"]
            one.deals[order.id] = order
            one.chats[chat_id].deal_id = order.id
        return chat_id, order.id

    def _serve(self, account: str, request: Request) -> Response:
        if request.path == importing.PATH and account in self._accounts:
            return importing.serve(self._accounts[account], KEY, request)
        return super()._serve(account, request)


def school(clock: Clock, subdomain: str = "school", **switches: Any) -> Company:
    """Return a school whose chat takes replies and says which it has taken."""
    company = Company(subdomain, "Школа фотографии", clock, STATUSES)
    company.settings.change({"supports": ["event_status", "person_needed"], **switches})
    return company
