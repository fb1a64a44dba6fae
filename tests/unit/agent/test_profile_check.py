"""A profile against a live account: every name that does not fit is told, with the nearest."""

from __future__ import annotations

import pytest

from dealtalk.agent.profile import check_against
from tests.unit.agent.accounts import SCHEMA, profile


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "changes: {stages: {Новый: [Замеры]}}",
            'changes.stages.Новый: the account has no stage "Замеры"; did you mean "Замер"',
        ),
        (
            "changes: {stages: {Новый: [Поддержка / Срочна]}}",
            'no stage "Поддержка / Срочна"; did you mean "Поддержка / Срочно"',
        ),
        (
            "changes: {fields: [{name: Горд}]}",
            'changes.fields[0].name: the account has no field "Горд"; did you mean "Город"?',
        ),
        ("changes: {fields: [{name: Двойное}]}", 'the account has 2 of the field "Двойное"'),
        ("changes: {fields: [{name: Реквизиты}]}", 'the field "Реквизиты" cannot be written'),
        ("changes: {fields: [{name: utm_source}]}", 'the field "utm_source" cannot be written'),
        ("changes: {fields: [{name: Город, min: 1}]}", "min and max are for numbers"),
        (
            "changes: {fields: [{name: Профиль, values: [REHAW]}]}",
            'no option of the field "Профиль" "REHAW"; did you mean "REHAU"?',
        ),
        ("changes: {people: [Олега]}", 'no active person "Олега"; did you mean "Олег"?'),
        ("changes: {people: [Пётр Волков]}", 'no active person "Пётр Волков"'),
        ("changes: {tasks: {people: [Никто]}}", "changes.tasks.people: the account has no active person"),
        ("handoff: {task_person: Никто}", "handoff.task_person: the account has no active person"),
        ("reads: [Цвет]", 'reads: the account has no field "Цвет"'),
        ("reads_contact: [Почта]", 'reads_contact: the account has no field "Почта"'),
    ],
)
def test_a_name_that_does_not_fit_is_told(text: str, sentence: str) -> None:
    """`dealtalk doctor` says which name is wrong, where it stands and what is near."""
    told = check_against(profile(text), SCHEMA)
    assert len(told) == 1
    assert sentence in told[0]


def test_an_unknown_pipeline_is_told() -> None:
    """A bot that works nowhere is noticed."""
    place = profile().works_in[0].model_copy(update={"pipeline": "Продажа"})
    told = check_against(profile().model_copy(update={"works_in": (place,)}), SCHEMA)
    assert told[0].startswith('works_in[0].pipeline: the account has no pipeline "Продажа"; did you mean "Продажи"')


def test_names_fit_without_regard_to_case_and_spaces() -> None:
    """People write names as they like."""
    bot = profile(
        "changes: {stages: {' новый': [' ЗАМЕР ', поддержка/срочно]}, fields: [{name: 'город '}], people: [олег]}"
    )
    assert check_against(bot, SCHEMA) == []
