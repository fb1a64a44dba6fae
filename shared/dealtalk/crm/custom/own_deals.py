"""The deals of a CRM of one's own: known from what it told, or asked for, and changed by `deal_changes` events."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from dealtalk.crm.custom.deal_events import change_json, refusals_of, results_of
from dealtalk.crm.custom.deal_json import (
    Unusable,
    checked_deal,
    checked_schema,
    deal_of,
    packed,
    schema_of,
    with_changes,
)
from dealtalk.crm.custom.options import Ability
from dealtalk.crm.readback import judge
from dealtalk.deals import ChangeResult, MoveStage, updated
from dealtalk.errors import CrmUnavailable, DealGone, NeedsAttention, OutcomeUnknown
from dealtalk.messages import short_hash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from dealtalk.crm.custom.callback import Callback
    from dealtalk.crm.custom.channel import Channel
    from dealtalk.crm.custom.deal_json import Json
    from dealtalk.crm.custom.deal_store import DealStore
    from dealtalk.crm.custom.options import CustomOptions
    from dealtalk.deals import Deal, DealAddition, DealSchema, DealUpdate
    from dealtalk.messages import Chat
    from dealtalk.ports import Certainty

GONE = "the deal does not exist any more, or nobody told of it"
NO_CHANGES = "This CRM takes no changes of its deals."


class Deals(Protocol):
    """The half of `ports.Crm` that is about deals."""

    def find_deal(self, chat: Chat) -> str | None:
        """See `ports.Crm`."""
        ...

    def read_schema(self) -> DealSchema:
        """See `ports.Crm`."""
        ...

    def read_deal(self, deal_id: str, *, with_contact: bool) -> Deal:
        """See `ports.Crm`."""
        ...

    def update_deal(self, deal: Deal, updates: Sequence[DealUpdate], schema: DealSchema) -> list[ChangeResult]:
        """See `ports.Crm`."""
        ...

    def add(self, deal_id: str, addition: DealAddition) -> ChangeResult:
        """See `ports.Crm`."""
        ...

    def was_added(self, deal_id: str, addition: DealAddition, since: datetime) -> Certainty:
        """See `ports.Crm`."""
        ...


@dataclass(slots=True)
class OwnDeals:
    """See `Deals`. A state that was told is believed until another is told; with `deal_request` it is asked for.

    Calls: none to read what was told, one to ask; update_deal and add one. The answer to a change is its read-back: it
    says of each change whether it was applied, and may bring the deal as it is now, which then decides.
    """

    callback: Callback
    channel: Channel
    store: DealStore
    options: CustomOptions
    _schema: DealSchema | None = field(init=False, default=None)
    _documents: dict[str, Json] = field(init=False, default_factory=dict)

    def find_deal(self, chat: Chat) -> str | None:
        """See `ports.Crm`: the deal that the message names, else the one that the chat's messages named last.

        None where the receiver takes no changes: notes and tasks would have no place, and nobody could be called.
        """
        if Ability.DEAL_CHANGES not in self.options.supports:
            return None
        return chat.deal_id or self.store.deal_of(chat.chat_id)

    def read_schema(self) -> DealSchema:
        """See `ports.Crm`."""
        if Ability.DEAL_REQUEST in self.options.supports:
            said = self.callback.post("schema_request", uuid.uuid4().hex, {})
            self.store.put_schema(_checked_schema(said))
        self._schema = schema_of(self.store.schema())
        return self._schema

    def read_deal(self, deal_id: str, *, with_contact: bool) -> Deal:
        """See `ports.Crm`."""
        document = self._document(deal_id)
        self._documents[deal_id] = document
        return deal_of(document, self._known_schema(), with_contact=with_contact)

    def update_deal(self, deal: Deal, updates: Sequence[DealUpdate], schema: DealSchema) -> list[ChangeResult]:
        """See `ports.Crm`. An event whose answer was lost is sent once more with its id: the receiver knows it."""
        if Ability.DEAL_CHANGES not in self.options.supports:
            return judge(deal, deal, updates, schema, dict.fromkeys(range(len(updates)), NO_CHANGES))
        refused = {index: each for index, each in enumerate(map(self._not_allowed(deal.id), updates)) if each}
        wished = [update for index, update in enumerate(updates) if index not in refused]
        after, sentences = self._write(deal, wished, schema) if wished else (deal, {})
        places = [index for index in range(len(updates)) if index not in refused]
        refused |= {places[index]: sentence for index, sentence in sentences.items()}
        return judge(deal, after, updates, schema, refused)

    def add(self, deal_id: str, addition: DealAddition) -> ChangeResult:
        """See `ports.Crm`: a `deal_changes` event with one change, whose id is the addition's own."""
        if Ability.DEAL_CHANGES not in self.options.supports:
            return ChangeResult(addition, applied=False, refusal=NO_CHANGES)
        event_id = addition_id(deal_id, addition)
        said = self.callback.post("deal_changes", event_id, {"deal_id": deal_id, "changes": [change_json(addition)]})
        [result] = results_of(said, 1)
        refusal = refusals_of([result]).get(0)
        if refusal is not None:
            return ChangeResult(addition, applied=False, refusal=refusal)
        created = result.get("created_id")
        created_id = str(created)[:128] if isinstance(created, str | int) and created else event_id
        return ChangeResult(addition, applied=True, new=addition.text, created_id=created_id)

    def was_added(self, deal_id: str, addition: DealAddition, since: datetime) -> Certainty:  # noqa: ARG002 (ids know no time)
        """See `ports.Crm`."""
        return self.channel.was_taken(addition_id(deal_id, addition))

    def _document(self, deal_id: str) -> Json:
        if Ability.DEAL_REQUEST in self.options.supports:
            return self._asked(deal_id)
        stored = self.store.deal(deal_id)
        if stored is None or stored.is_gone:
            raise DealGone(GONE)
        return stored.document

    def _asked(self, deal_id: str) -> Json:
        said = self.callback.post("deal_request", uuid.uuid4().hex, {"deal_id": deal_id})
        if said.get("deal", said) is None:
            raise DealGone(GONE)
        try:
            document = checked_deal(said.get("deal"))
        except Unusable as problem:
            msg = f"the receiver's answer to deal_request cannot be used: {problem}"
            raise CrmUnavailable(msg) from None
        if document.get("deleted") or document["id"] != deal_id:
            raise DealGone(GONE)
        return document

    def _known_schema(self) -> DealSchema:
        if self._schema is None:
            stored = self.store.schema()
            self._schema = schema_of(stored) if stored else self.read_schema()
        return self._schema

    def _not_allowed(self, deal_id: str) -> _StageCheck:
        return _StageCheck(self._documents.get(deal_id, {}).get("allowed_stages"))

    def _write(self, deal: Deal, wished: list[DealUpdate], schema: DealSchema) -> tuple[Deal, dict[int, str]]:
        """Post the changes and return the deal as the answer shows it, and what was not applied."""
        seen = self.store.deal(deal.id)
        changes = [change_json(update, schema) for update in wished]
        # The same changes of the same state are the same event, also from a worker that takes the turn up later.
        event_id = short_hash(packed([deal.id, seen.revision if seen else 0, changes]))
        event = {"deal_id": deal.id, "changes": changes}
        try:
            said = self.callback.post("deal_changes", event_id, event)
        except OutcomeUnknown:
            said = self.callback.post("deal_changes", event_id, event)
        refusals = refusals_of(results_of(said, len(wished)))
        applied = [update for index, update in enumerate(wished) if index not in refusals]
        before = self._documents.get(deal.id) or (seen.document if seen else {})
        document = _checked_answer(said, deal.id) or with_changes(before, updated(deal, applied))
        if document.get("id") == deal.id:
            self.store.put(document, seen)
        return deal_of(document, schema, with_contact=False) if "deal" in said else updated(deal, applied), refusals


class _StageCheck:
    """Refuses moves to stages that the deal's sender does not allow now."""

    def __init__(self, allowed: Sequence[Mapping[str, str]] | None) -> None:
        self._allowed = allowed

    def __call__(self, update: DealUpdate) -> str | None:
        """Return the sentence, None where the update may be sent."""
        if self._allowed is None or not isinstance(update, MoveStage):
            return None
        if any(stage["id"] == update.stage_id for stage in self._allowed):
            return None
        names = ", ".join(f'"{stage["name"]}"' for stage in self._allowed[:10])
        return f"The CRM allows only these stages for this deal now: {names}."


def _checked_answer(said: Mapping[str, object], deal_id: str) -> Json | None:
    """Return the deal of an answer; None where it brought none that can be used."""
    try:
        document = checked_deal(said.get("deal"))
    except Unusable:
        return None
    return document if document["id"] == deal_id and not document.get("deleted") else None


def _checked_schema(said: Mapping[str, object]) -> Json:
    try:
        return checked_schema(said.get("deal_schema"))
    except Unusable as problem:
        msg = f"the receiver's answer to schema_request cannot be used: {problem}"
        raise NeedsAttention(msg) from None


def addition_id(deal_id: str, addition: DealAddition) -> str:
    """Return the id of the event that carries an addition: the same for the same journal step."""
    return short_hash(f"{deal_id}|{addition.marker}")
