"""The profile: what is accepted, and how precisely what is wrong is told."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from dealtalk.agent.profile import Profile, check_against, parse_profile, text_for
from dealtalk.connections import Mode
from dealtalk.errors import ProfileError
from tests.unit.agent.accounts import PROFILES, SCHEMA, example, profile

MINIMAL = "name: A\ninstructions: b\nworks_in:\n  - pipeline: Sales\n"


def problems(text: str) -> list[str]:
    """Return the lines of the error that a profile's text raises."""
    with pytest.raises(ProfileError) as caught:
        parse_profile(text, source="bot.yaml")
    return str(caught.value).splitlines()


def test_a_profile_needs_only_name_instructions_and_a_place() -> None:
    """All other keys have defaults, and nothing may be changed by default but notes."""
    bot = parse_profile(MINIMAL, source="bot.yaml")
    assert (bot.language, bot.mode, bot.timing.quiet_seconds, bot.timing.max_wait_seconds) == (
        "customer",
        Mode.AUTO,
        4,
        20,
    )
    assert bot.works_in[0].stages is None
    assert bot.reads == ()
    assert not bot.changes.stages
    assert not bot.changes.fields
    assert bot.changes.price is None
    assert not bot.changes.tasks.allowed
    assert bot.changes.notes


@pytest.mark.parametrize("name", sorted(path.name for path in PROFILES.glob("*.yaml")))
def test_the_examples_are_valid(name: str) -> None:
    """A reader who copies an example begins with something that works."""
    assert isinstance(example(name), Profile)


@pytest.mark.parametrize(
    ("added", "line"),
    [
        (
            "reply: {max_charaters: 5}",
            "bot.yaml:5: reply.max_charaters: is not a known key; did you mean max_characters?",
        ),
        ("nmae: x", "bot.yaml:5: nmae: is not a known key; did you mean name?"),
        ("timing:\n  quiet_seconds: soon", "bot.yaml:6: timing.quiet_seconds: must be a number"),
        ("timing:\n  quiet_seconds: true", "bot.yaml:6: timing.quiet_seconds: must be a number"),
        ("timing: {quiet_seconds: 30}", "bot.yaml:5: timing: max_wait_seconds is less than quiet_seconds"),
        ("reads: Город", "bot.yaml:5: reads: must be a list of names, or the word all"),
        ("reads:", "bot.yaml:5: reads: must be a list of names, or the word all"),
        ("reads: [7]", "bot.yaml:5: reads[0]: must be text; put it in quotes"),
        ("mode: human", "bot.yaml:5: mode: must be auto or draft"),
        ("name: B", "bot.yaml:5: name: is given twice, first on line 1"),
        ("timezone: Moon/Sea", "bot.yaml:5: timezone: is not a time zone of the IANA database, such as Europe/Berlin"),
        (
            "working_hours: {mon: [9-18]}",
            "bot.yaml:5: working_hours.mon: must be ranges such as 09:00-18:00 within one day",
        ),
        (
            "changes:\n  fields:\n    - {name: City, policy: always}",
            "bot.yaml:7: changes.fields[0].policy: must be one of 'fill_empty' or 'overwrite'",
        ),
        (
            "changes:\n  fields:\n    - {name: N, min: 3, max: 2}",
            "bot.yaml:7: changes.fields[0]: min is greater than max",
        ),
        ("changes:\n  fields: [{name: A}, {name: ' a'}]", "bot.yaml:6: changes.fields: names ' a' twice"),
        ("model: {temperature: 3}", "bot.yaml:5: model.temperature: must be at most 2.0"),
        ("budgets: {tokens_per_day: 1.5}", "bot.yaml:5: budgets.tokens_per_day: must be a whole number"),
        ("changes: none", "bot.yaml:5: changes: must be a block of keys"),
        ("takeover: {resume_after_minutes: -2}", "bot.yaml:5: takeover.resume_after_minutes: must be at least -1"),
    ],
)
def test_a_problem_is_told_with_file_line_and_key(added: str, line: str) -> None:
    """A person who wrote a wrong value is led to its line and told what is expected."""
    assert problems(MINIMAL + added) == [line]


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    """Nobody has to correct a file twenty times."""
    told = problems("nmae: A\ninstructions: ''\nworks_in: []\nmode: 5\n")
    assert [line.split(": ")[1] for line in told] == ["name", "nmae", "instructions", "works_in", "mode"]


def test_the_list_of_problems_ends_after_twenty() -> None:
    """A wholly wrong file does not fill the screen."""
    told = problems(MINIMAL + "\n".join(f"key{number}: 1" for number in range(30)))
    assert len(told) == 21
    assert told[-1] == "and 10 more"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a",
        "a: [",
        "a: b: c",
        "\tname: x",
        "a: \x00",
        "? [a]\n: b",
        "&a {a: *a}",
        "a: " + "[" * 3000,
        "a: !!python/object:os.x",
    ],
)
def test_what_is_no_profile_at_all_is_refused_in_words(text: str) -> None:
    """Broken YAML of any kind is a ProfileError with a line, never a traceback."""
    assert all(line.startswith("bot.yaml:") for line in problems(text))


def test_no_problem_quotes_the_instructions() -> None:
    """A profile may hold what the company would not like to see in a log."""
    told = "\n".join(problems("name: A\ninstructions: [secret price 17]\nworks_in: [{pipeline: P}]"))
    assert "secret" not in told
    assert "17" not in told


def test_the_words_no_and_on_stay_words() -> None:
    """YAML 1.1's booleans do not bite: Norwegian is a language, and `on` a tag."""
    bot = parse_profile(MINIMAL + "language: no\nchanges: {tags: {add: [on, yes]}}", source="bot.yaml")
    assert bot.language == "no"
    assert bot.changes.tags.add == ("on", "yes")


def test_prices_are_decimals() -> None:
    """Money is counted exactly."""
    bot = parse_profile(MINIMAL + "model: {prices: {input: 0.15}}", source="bot.yaml")
    assert bot.model.prices.input == Decimal("0.15")


HOURS = """
timezone: Europe/Berlin
working_hours: {fri: ['09:00-12:00', '13:00-17:00'], mon: ['09:00-24:00'], outside: silent}
"""


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        (datetime(2026, 11, 20, 7, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 20, 8, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 20, 11, 30, tzinfo=UTC), False),
        (datetime(2026, 11, 20, 15, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 20, 16, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 21, 10, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 23, 22, 59, tzinfo=UTC), True),
    ],
)
def test_working_hours_are_local(moment: datetime, *, is_open: bool) -> None:
    """The ranges mean the profile's own clock, begin included, end excluded."""
    bot = parse_profile(MINIMAL + HOURS, source="bot.yaml")
    assert bot.is_open(moment) is is_open
    assert bot.is_silent(moment) is not is_open


def test_the_next_opening_is_found_over_a_weekend() -> None:
    """After Friday's end the team is back on Monday."""
    bot = parse_profile(MINIMAL + HOURS, source="bot.yaml")
    opening = bot.opens_at(datetime(2026, 11, 20, 16, 30, tzinfo=UTC))
    assert opening.astimezone(UTC) == datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def test_without_working_hours_the_team_is_always_there() -> None:
    """The block is optional."""
    bot = profile()
    assert bot.is_open(datetime(2026, 11, 21, 3, 0, tzinfo=UTC))
    assert not bot.is_silent(datetime(2026, 11, 21, 3, 0, tzinfo=UTC))


@pytest.mark.parametrize(("language", "text"), [("ru", "да"), ("ru-RU", "да"), ("de", "yes"), ("en", "yes")])
def test_a_text_is_chosen_by_language(language: str, text: str) -> None:
    """An unknown language gets the English text."""
    assert text_for({"ru": "да", "en": "yes"}, language) == text


def test_the_russian_example_fits_its_account() -> None:
    """Every name in the example exists in the account that the demo connects."""
    assert example("windows-ru.yaml").changes.fields
    assert check_against(example("windows-ru.yaml"), SCHEMA) == []
