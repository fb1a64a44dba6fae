"""A deal, the live schema it must agree with, and the changes that may be made to it. No AWS, no HTTP, no pydantic."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FieldValue = str | Decimal | bool | date | datetime | tuple[str, ...]
"""A field's value. An empty field is absent, never an empty value.

Text, url, address and a select's option *name* are str; numbers and money Decimal; a checkbox bool; date and birthday
date; date-time an aware datetime; several options, phones or e-mails a tuple of names or values.
"""


class FieldKind(StrEnum):
    """The kinds of custom field that Dealtalk reads and writes.

    A vendor's other kinds are `UNSUPPORTED`: read as text, never written.
    """

    TEXT = "text"
    LONG_TEXT = "long_text"
    NUMBER = "number"
    MONEY = "money"
    CHECKBOX = "checkbox"
    SELECT = "select"
    MULTISELECT = "multiselect"
    DATE = "date"
    DATETIME = "datetime"
    URL = "url"
    ADDRESS = "address"
    CONTACTS = "contacts"
    UNSUPPORTED = "unsupported"


class Outcome(StrEnum):
    """How a stage ends a deal."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Option:
    """A choice of a select or multiselect field."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class FieldSchema:
    """A custom field of deals.

    `options` is empty unless the kind is SELECT or MULTISELECT. `code` is the vendor's symbolic name.
    """

    id: str
    name: str
    kind: FieldKind
    options: tuple[Option, ...] = ()
    code: str | None = None
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of a pipeline."""

    id: str
    name: str
    outcome: Outcome = Outcome.OPEN


@dataclass(frozen=True, slots=True)
class Pipeline:
    """An ordered list of stages."""

    id: str
    name: str
    stages: tuple[Stage, ...]

    def stage(self, stage_id: str) -> Stage | None:
        """Return the stage with this id."""
        return next((s for s in self.stages if s.id == stage_id), None)


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the CRM who may be responsible for a deal or a task."""

    id: str
    name: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class DealSchema:
    """What the CRM account allows right now. Names are matched without regard to case and outer white space."""

    pipelines: tuple[Pipeline, ...]
    fields: tuple[FieldSchema, ...]
    people: tuple[Person, ...]
    contact_fields: tuple[FieldSchema, ...] = ()
    currency: str | None = None

    def pipeline(self, pipeline_id: str) -> Pipeline | None:
        """Return the pipeline with this id."""
        return next((p for p in self.pipelines if p.id == pipeline_id), None)

    def field(self, field_id: str) -> FieldSchema | None:
        """Return the deal field with this id."""
        return next((f for f in self.fields if f.id == field_id), None)

    def person(self, person_id: str) -> Person | None:
        """Return the person with this id."""
        return next((p for p in self.people if p.id == person_id), None)

    def pipelines_named(self, name: str) -> tuple[Pipeline, ...]:
        """Return the pipelines with this name (a CRM allows equal names; more than one is ambiguous)."""
        return tuple(p for p in self.pipelines if same_name(p.name, name))

    def fields_named(self, name: str) -> tuple[FieldSchema, ...]:
        """Return the deal fields with this name."""
        return tuple(f for f in self.fields if same_name(f.name, name))

    def people_named(self, name: str) -> tuple[Person, ...]:
        """Return the active people with this name."""
        return tuple(p for p in self.people if p.active and same_name(p.name, name))


def same_name(one: str, other: str) -> bool:
    """Return whether two names of a stage, field, tag or person mean the same."""
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


@dataclass(frozen=True, slots=True)
class Contact:
    """The customer as the CRM knows them. `fields` is keyed by contact-field id."""

    id: str
    name: str
    fields: Mapping[str, FieldValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deal:
    """A deal as it was read. `fields` is keyed by field id and holds no empty fields. `price` None: not set."""

    id: str
    title: str
    pipeline_id: str
    stage_id: str
    responsible_id: str | None
    price: Decimal | None = None
    tags: tuple[str, ...] = ()
    fields: Mapping[str, FieldValue] = field(default_factory=dict)
    contact: Contact | None = None


@dataclass(frozen=True, slots=True)
class MoveStage:
    """Put the deal into a stage; the pipeline is always named with it."""

    pipeline_id: str
    stage_id: str


@dataclass(frozen=True, slots=True)
class SetPrice:
    """Set the deal's amount, in the account's currency."""

    price: Decimal


@dataclass(frozen=True, slots=True)
class SetField:
    """Set a custom field."""

    field_id: str
    value: FieldValue


@dataclass(frozen=True, slots=True)
class AddTag:
    """Put a tag on the deal; there already is no error."""

    tag: str


@dataclass(frozen=True, slots=True)
class RemoveTag:
    """Take a tag off the deal; absent already is no error."""

    tag: str


@dataclass(frozen=True, slots=True)
class Assign:
    """Make a person responsible for the deal."""

    person_id: str


@dataclass(frozen=True, slots=True)
class AddNote:
    """Write an internal note into the deal. `marker` is unique to the journal step and lets the note be found again."""

    text: str
    marker: str


@dataclass(frozen=True, slots=True)
class AddTask:
    """Create a task for a person (None: the deal's responsible). `marker` as in AddNote."""

    text: str
    due_at: datetime
    marker: str
    person_id: str | None = None


DealUpdate = MoveStage | SetPrice | SetField | AddTag | RemoveTag | Assign
"""Changes of the deal's own values: they can be read back and compared, and are written together in one request."""


DealAddition = AddNote | AddTask
"""Changes that add something beside the deal: each is a request of its own, found again by its marker."""

DealChange = DealUpdate | DealAddition


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """What came of one change after the read-back.

    `applied` is true only where the read-back showed the wished value (for an addition: the CRM gave its id). `old`
    and `new`
    are for people: names, not ids. `refusal` is a sentence that the model can use, None where applied.
    """

    change: DealChange
    applied: bool
    old: str | None = None
    new: str | None = None
    refusal: str | None = None
    created_id: str | None = None


def updated(deal: Deal, updates: Iterable[DealUpdate]) -> Deal:
    """Return the deal as it stands after the updates."""
    for update in updates:
        match update:
            case MoveStage(pipeline_id, stage_id):
                deal = replace(deal, pipeline_id=pipeline_id, stage_id=stage_id)
            case SetPrice(price):
                deal = replace(deal, price=price)
            case SetField(field_id, value):
                deal = replace(deal, fields={**deal.fields, field_id: value})
            case AddTag(tag):
                deal = replace(deal, tags=(*deal.tags, tag))
            case RemoveTag(tag):
                deal = replace(deal, tags=tuple(each for each in deal.tags if not same_name(each, tag)))
            case Assign(person_id):
                deal = replace(deal, responsible_id=person_id)
    return deal
