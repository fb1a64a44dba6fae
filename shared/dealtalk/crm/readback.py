"""What a deal's read-back says of the wished changes: compared by meaning, told in people's words. No HTTP."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from dealtalk.deals import (
    AddTag,
    Assign,
    ChangeResult,
    Deal,
    DealSchema,
    DealUpdate,
    FieldKind,
    FieldValue,
    MoveStage,
    RemoveTag,
    SetField,
    SetPrice,
    same_name,
)
from dealtalk.errors import LimitedAfterWrite, OutcomeUnknown, RateLimited, Retryable
from dealtalk.messages import short_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")

NOT_WRITTEN = "Not written, because the CRM refused another change of the same request."
NOT_KEPT = "The CRM accepted the request, but the deal does not show this value now. Treat it as not done."


def judge(
    before: Deal,
    after: Deal,
    updates: Sequence[DealUpdate],
    schema: DealSchema,
    refusals: Mapping[int, str] | None = None,
) -> list[ChangeResult]:
    """Return one result per update, in order, from the deal as it was last seen and as it was read back.

    `refusals` maps an update's index to the sentence that the CRM's refusal became; such an update is never applied.
    """
    refusals = refusals or {}
    return [_judge_one(before, after, update, schema, refusals.get(index)) for index, update in enumerate(updates)]


def for_all(refusals: Mapping[int, str], count: int) -> dict[int, str]:
    """Return a refusal for each of `count` updates where any was refused: the CRM takes all of a request or nothing."""
    return {index: refusals.get(index, NOT_WRITTEN) for index in range(count)} if refusals else {}


def after_write(call: Callable[[], T]) -> T:
    """Return what `call` returns, which follows a write of the same step: the deal's read-back, a second write.

    Raises OutcomeUnknown where it fails: the deal may be as wished, and the step must be settled, not begun anew. Of
    these, LimitedAfterWrite where the CRM takes no more requests for a while.
    """
    try:
        return call()
    except RateLimited as limit:
        msg = "the deal was written; the CRM takes no more requests to see it"
        raise LimitedAfterWrite(msg, after=limit.after) from None
    except OutcomeUnknown:
        raise
    except Retryable as error:
        msg = "the deal was written and could not be seen to the end"
        raise OutcomeUnknown(msg, after=error.after) from None


def holds(deal: Deal, update: DealUpdate, schema: DealSchema) -> bool:
    """Return whether the deal shows what the update wished. No price and a price of 0 are the same."""
    match update:
        case MoveStage(pipeline_id, stage_id):
            return (deal.pipeline_id, deal.stage_id) == (pipeline_id, stage_id)
        case SetPrice(price):
            return (deal.price or Decimal(0)) == price
        case SetField(field_id, value):
            field = schema.field(field_id)
            by_name = field is not None and field.kind is FieldKind.SELECT
            return field_id in deal.fields and same_value(deal.fields[field_id], value, by_name=by_name)
        case AddTag(tag):
            return any(same_name(each, tag) for each in deal.tags)
        case RemoveTag(tag):
            return not any(same_name(each, tag) for each in deal.tags)
        case Assign(person_id):
            return deal.responsible_id == person_id


def same_value(one: FieldValue, other: FieldValue, *, by_name: bool = False) -> bool:
    """Return whether two field values mean the same: numbers by amount, times by instant, several options as a set.

    `by_name`: the texts are names of an option, whose case means nothing.
    """
    if isinstance(one, tuple) and isinstance(other, tuple):
        return {_folded(each) for each in one} == {_folded(each) for each in other}
    if isinstance(one, str) and isinstance(other, str):
        return _folded(one) == _folded(other) if by_name else one.split() == other.split()
    if isinstance(one, datetime) and isinstance(other, datetime):
        return one.replace(microsecond=0) == other.replace(microsecond=0)
    return type(one) is type(other) and one == other


def value_in_words(value: FieldValue) -> str:
    """Return a field's value as a person would read it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return f"{value.normalize():f}"
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
        case date():
            return value.isoformat()
        case tuple():
            return ", ".join(value)
        case _:
            return value


def in_words(deal: Deal, update: DealUpdate, schema: DealSchema) -> str | None:
    """Return what the deal shows where the update points, in names; None where nothing stands there."""
    match update:
        case MoveStage():
            return stage_in_words(deal.pipeline_id, deal.stage_id, schema)
        case SetPrice():
            return None if deal.price is None else value_in_words(deal.price)
        case SetField(field_id, _):
            value = deal.fields.get(field_id)
            return None if value is None else value_in_words(value)
        case AddTag() | RemoveTag():
            return ", ".join(deal.tags) or None
        case Assign():
            person = schema.person(deal.responsible_id) if deal.responsible_id else None
            return person.name if person else deal.responsible_id


def shown_hash(deal: Deal, update: DealUpdate, schema: DealSchema) -> str:
    """Return a hash of what the deal shows where the update points: equal while nobody has changed it."""
    return short_hash(in_words(deal, update, schema) or "")


def stage_in_words(pipeline_id: str, stage_id: str, schema: DealSchema) -> str:
    """Return "Pipeline / Stage"; the ids where the schema does not know them."""
    pipeline = schema.pipeline(pipeline_id)
    stage = pipeline.stage(stage_id) if pipeline else None
    return f"{pipeline.name if pipeline else pipeline_id} / {stage.name if stage else stage_id}"


def _judge_one(before: Deal, after: Deal, update: DealUpdate, schema: DealSchema, refusal: str | None) -> ChangeResult:
    applied = refusal is None and holds(after, update, schema)
    return ChangeResult(
        change=update,
        applied=applied,
        old=in_words(before, update, schema),
        new=in_words(after, update, schema),
        refusal=None if applied else refusal or NOT_KEPT,
    )


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
