"""A bot's profile: what it is told, where it works, what it may read and change, and what it may spend.

`docs/profile.md` describes every key. Durations carry their unit in the key's name.
"""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from dealtalk.agent.profile_check import check_against
from dealtalk.agent.profile_source import problems_of, read_source
from dealtalk.connections import Mode
from dealtalk.deals import same_name
from dealtalk.errors import ProfileError

__all__ = ["Profile", "check_against", "parse_profile"]

CUSTOMERS_LANGUAGE = "customer"
ANY_STAGE = "*"
MAX_PROBLEMS = 20


class FieldPolicy(StrEnum):
    """Whether the bot may replace a value that is already there."""

    FILL_EMPTY = "fill_empty"
    OVERWRITE = "overwrite"


class TakeoverSource(StrEnum):
    """How it is noticed that a person writes: by webhook, by asking before the first effect, or as the CRM allows."""

    WEBHOOK = "webhook"
    POLL = "poll"
    AUTO = "auto"


class Outside(StrEnum):
    """What the bot does outside the working hours."""

    ANSWER = "answer"
    SILENT = "silent"


class Acting(StrEnum):
    """How the model acts: by native tool calls, or by a JSON schema of decisions."""

    TOOLS = "tools"
    SCHEMA = "schema"


def _names_or_all(value: object) -> object:
    if value == "all":
        return None
    if not isinstance(value, list):
        msg = "must be a list of names, or the word all"
        raise ValueError(msg)  # noqa: TRY004  pydantic collects ValueErrors
    return tuple(value)


def _texts(value: object) -> object:
    return {"default": value} if isinstance(value, str) else value


Name = Annotated[str, Field(min_length=1, max_length=250)]
Names = tuple[Name, ...]
NamesOrAll = Annotated[Names | None, BeforeValidator(_names_or_all)]
"""A list of names; None stands for the word `all`."""

Texts = Annotated[dict[str, Annotated[str, Field(min_length=1, max_length=1000)]], BeforeValidator(_texts)]
"""A text per language code; a bare text is the one under `default`."""


class Block(BaseModel):
    """What every block of a profile has in common: unknown keys are refused, and no error quotes the input."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ReplyRules(Block):
    """How a reply looks."""

    max_characters: int = Field(default=600, ge=40, le=10_000)
    one_question: bool = True
    link_hosts: Names = ()


class Place(Block):
    """A pipeline, and the stages of it, where the bot answers. `stages` None: all."""

    pipeline: Name
    stages: NamesOrAll = None


class FieldRule(Block):
    """A deal field that the bot may set."""

    name: Name
    policy: FieldPolicy = FieldPolicy.FILL_EMPTY
    description: str = Field(default="", max_length=500)
    values: Names = ()
    min: Decimal | None = None
    max: Decimal | None = None

    @model_validator(mode="after")
    def _limits_agree(self) -> Self:
        _check_limits(self.min, self.max)
        if self.values and (self.min is not None or self.max is not None):
            msg = "has values and also min or max: a list of values needs no limits"
            raise ValueError(msg)
        return self


class PriceRule(Block):
    """How the bot may set the deal's amount."""

    policy: FieldPolicy = FieldPolicy.FILL_EMPTY
    min: Decimal = Field(default=Decimal(0), ge=0)
    max: Decimal | None = None

    @model_validator(mode="after")
    def _limits_agree(self) -> Self:
        _check_limits(self.min, self.max)
        return self


class TagRules(Block):
    """The tags that the bot may put on and take off."""

    add: Names = ()
    remove: Names = ()


class TaskRules(Block):
    """Whether and for whom the bot may create tasks. No people: only for the deal's responsible."""

    allowed: bool = False
    people: Names = ()
    max_days_ahead: int = Field(default=30, ge=1, le=365)


class Changes(Block):
    """All that the bot may change. What is not named here cannot be changed.

    `stages` maps a stage, or `*` for any, to the stages that a deal may be moved to from it. A stage is named
    `Pipeline / Stage`, or by its own name within the deal's pipeline.
    """

    stages: dict[Name, Names] = Field(default_factory=dict)
    fields: tuple[FieldRule, ...] = ()
    price: PriceRule | None = None
    tags: TagRules = TagRules()
    people: Names = ()
    tasks: TaskRules = TaskRules()
    notes: bool = True

    @field_validator("fields")
    @classmethod
    def _named_once(cls, rules: tuple[FieldRule, ...]) -> tuple[FieldRule, ...]:
        for index, rule in enumerate(rules):
            if any(same_name(rule.name, earlier.name) for earlier in rules[:index]):
                msg = f"names {rule.name!r} twice"
                raise ValueError(msg)
        return rules

    def field_rule(self, name: str) -> FieldRule | None:
        """Return the rule of the field with this name."""
        return next((rule for rule in self.fields if same_name(rule.name, name)), None)


class Handoff(Block):
    """What happens in the CRM when a person is needed. No person: the task is for the deal's responsible.

    `holding_message` is for customers who have waited for the model in vain; without it they get `customer_message`.
    """

    task_person: Name | None = None
    task_text: str = Field(default="A customer needs a person", min_length=1, max_length=500)
    due_minutes: int = Field(default=30, ge=0, le=10_080)
    customer_message: Texts = Field(default_factory=dict)
    holding_message: Texts = Field(default_factory=dict)


class Timing(Block):
    """How long the bot waits for a burst to end, and how old a message may be to be answered by it."""

    quiet_seconds: float = Field(default=4, ge=0, le=120)
    max_wait_seconds: float = Field(default=20, ge=1, le=600)
    max_age_to_answer_minutes: int = Field(default=1440, ge=1, le=10_080)
    max_wait_for_model_minutes: int = Field(default=10, ge=1, le=1440)

    @model_validator(mode="after")
    def _quiet_ends(self) -> Self:
        if self.max_wait_seconds < self.quiet_seconds:
            msg = "max_wait_seconds is less than quiet_seconds"
            raise ValueError(msg)
        return self


class Takeover(Block):
    """What happens when an employee writes. `resume_after_minutes` -1: the bot does not come back by itself."""

    source: TakeoverSource = TakeoverSource.AUTO
    resume_after_minutes: int = Field(default=240, ge=-1, le=525_600)


_RANGE = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*[-–]\s*([01]?\d|2[0-4]):([0-5]\d)")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class WorkingHours(Block):
    """When the team is there, as `HH:MM-HH:MM` ranges per weekday in the profile's time zone, and the bot outside."""

    mon: Names = ()
    tue: Names = ()
    wed: Names = ()
    thu: Names = ()
    fri: Names = ()
    sat: Names = ()
    sun: Names = ()
    outside: Outside = Outside.ANSWER

    @field_validator(*_DAYS)
    @classmethod
    def _ranges_parse(cls, ranges: Names) -> Names:
        for text in ranges:
            _minutes(text)
        return ranges

    @model_validator(mode="after")
    def _ever_open(self) -> Self:
        if not any(getattr(self, day) for day in _DAYS):
            msg = "names no day with hours: leave the block out if the team is always there"
            raise ValueError(msg)
        return self

    def ranges(self, weekday: int) -> list[tuple[int, int]]:
        """Return the open ranges of a weekday (Monday 0) as minutes since midnight, in order."""
        return sorted(_minutes(text) for text in getattr(self, _DAYS[weekday]))


class Budgets(Block):
    """What may be spent in one day (UTC), checked before a model call."""

    messages_per_conversation_per_day: int = Field(default=100, ge=1)
    tokens_per_conversation_per_day: int = Field(default=300_000, ge=1000)
    tokens_per_day: int = Field(default=10_000_000, ge=1000)


class Prices(Block):
    """USD per million tokens."""

    input: Decimal = Field(default=Decimal(0), ge=0)
    cached_input: Decimal = Field(default=Decimal(0), ge=0)
    output: Decimal = Field(default=Decimal(0), ge=0)


class ModelRules(Block):
    """Which model answers. No name or base URL: the deployment's. No temperature: the model's own."""

    name: Name | None = None
    fallback: Name | None = None
    base_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    fallback_base_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_output_tokens: int = Field(default=1500, ge=50, le=100_000)
    acting: Acting = Acting.TOOLS
    history_messages: int = Field(default=30, ge=2, le=200)
    prices: Prices = Prices()


_UNREADABLE = {
    "en": "I cannot open voice messages and pictures yet. Please write it in a few words.",
    "ru": "Я пока не умею открывать голосовые сообщения и картинки. Напишите, пожалуйста, в двух словах текстом.",
}


class Profile(Block):
    """A bot's profile, complete and checked in itself; `check_against` compares its names with a live account."""

    name: Name
    instructions: str = Field(min_length=1, max_length=30_000)
    works_in: tuple[Place, ...] = Field(min_length=1)
    language: str = Field(default=CUSTOMERS_LANGUAGE, pattern=r"^(customer|[a-z]{2,3}(-[A-Za-z0-9]{2,8})*)$")
    timezone: str = "UTC"
    mode: Mode = Mode.AUTO
    reply: ReplyRules = ReplyRules()
    reads: NamesOrAll = ()
    reads_contact: NamesOrAll = ()
    changes: Changes = Changes()
    needs_human: tuple[Annotated[str, Field(min_length=1, max_length=500)], ...] = ()
    handoff: Handoff = Handoff()
    timing: Timing = Timing()
    takeover: Takeover = Takeover()
    working_hours: WorkingHours | None = None
    budgets: Budgets = Budgets()
    model: ModelRules = ModelRules()
    unreadable: Texts = Field(default_factory=lambda: dict(_UNREADABLE))

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            msg = "is not a time zone of the IANA database, such as Europe/Berlin"
            raise ValueError(msg) from None
        return name

    @field_validator("mode")
    @classmethod
    def _bot_mode(cls, mode: Mode) -> Mode:
        if mode not in {Mode.AUTO, Mode.DRAFT}:
            msg = "must be auto or draft"
            raise ValueError(msg)
        return mode

    @cached_property
    def zone(self) -> ZoneInfo:
        """The profile's time zone: naive dates of the model and the working hours are in it."""
        return ZoneInfo(self.timezone)

    def is_open(self, now: datetime) -> bool:
        """Return whether the team is there at `now` (aware). Without working hours it always is."""
        if self.working_hours is None:
            return True
        local = now.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        return any(start <= minute < end for start, end in self.working_hours.ranges(local.weekday()))

    def is_silent(self, now: datetime) -> bool:
        """Return whether the bot must not answer at `now` because the team is away."""
        return self.working_hours is not None and self.working_hours.outside is Outside.SILENT and not self.is_open(now)

    def opens_at(self, now: datetime) -> datetime:
        """Return when the team is there next, in the profile's zone; `now` itself where it is there already."""
        local = now.astimezone(self.zone)
        if self.working_hours is None or self.is_open(now):
            return local
        for days in range(8):
            day = (local + timedelta(days=days)).date()
            for start, _ in self.working_hours.ranges(day.weekday()):
                opening = datetime.combine(day, time(start // 60, start % 60), self.zone)
                if opening > local:
                    return opening
        msg = "a day with hours comes within a week"
        raise AssertionError(msg)


def text_for(texts: dict[str, str], language: str) -> str | None:
    """Return the text for a language code such as `ru` or `ru-RU`, else the default, else English, else any."""
    short = language.split("-", maxsplit=1)[0].lower()
    return texts.get(short) or texts.get("default") or texts.get("en") or next(iter(texts.values()), None)


def parse_profile(text: str, *, source: str) -> Profile:
    """Return the profile that the YAML `text` describes.

    Raises ProfileError whose message lists up to 20 problems, one a line, each as `source:line: key.path: sentence`.
    `source` is the file's name as a person knows it.
    """
    tree, problems = read_source(text)
    try:
        profile = Profile.model_validate_json(tree.as_json(), strict=True) if tree.data is not None else None
    except ValidationError as error:
        profile = None
        problems += problems_of(error, Profile, tree)
    if profile is not None and not problems:
        return profile
    lines = [f"{source}:{p.line}: {p.path}: {p.sentence}" for p in sorted(problems)]
    left = len(lines) - MAX_PROBLEMS
    raise ProfileError("\n".join([*lines[:MAX_PROBLEMS], *([f"and {left} more"] if left > 0 else [])]))


def _check_limits(low: Decimal | None, high: Decimal | None) -> None:
    if low is not None and high is not None and low > high:
        msg = "min is greater than max"
        raise ValueError(msg)


def _minutes(text: str) -> tuple[int, int]:
    match = _RANGE.fullmatch(text.strip())
    if match:
        hour, minute, end_hour, end_minute = map(int, match.groups())
        start, end = hour * 60 + minute, end_hour * 60 + end_minute
        if start < end <= 24 * 60:
            return start, end
    msg = "must be ranges such as 09:00-18:00 within one day"
    raise ValueError(msg)
