"""No secret stands in the template, in a parameter or in a function's environment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.template.conftest import Template

WORDS = re.compile(r"[A-Za-z0-9_./ -]{1,40}")
REFERENCES = {"Ref", "Fn::GetAtt", "Fn::Sub", "Fn::ImportValue", "Fn::If", "Fn::Join"}


def texts(value: Any) -> Iterator[str]:
    """Yield every text within a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def test_every_value_of_an_environment_is_a_reference_or_a_plain_word(template: Template) -> None:
    """A key would be long and of mixed letters; a resolved secret would be readable by whoever sees the function."""
    for properties in template.of_type("AWS::Lambda::Function").values():
        for name, value in properties["Environment"]["Variables"].items():
            if isinstance(value, dict):
                assert set(value) <= REFERENCES, name
                continue
            assert WORDS.fullmatch(str(value)), name
            assert not re.search(r"(?=\S*\d)(?=\S*[A-Z])\S{16,}", str(value)), name


def test_no_secret_is_resolved_anywhere(template: Template) -> None:
    """A dynamic reference would copy a secret into the stack; functions read theirs at run time."""
    assert not [text for text in texts(template.body) if "{{resolve:" in text]
    assert not [name for name, p in template.of_type("AWS::SecretsManager::Secret").items() if "SecretString" in p]


def test_no_parameter_is_a_secret(template: Template) -> None:
    """Parameters are shown in the console and kept in the deployment's history."""
    parameters = template.body["Parameters"]
    assert not [name for name in parameters if re.search(r"(?i)key|token|password|secret", name)]
    assert not [name for name, given in parameters.items() if given.get("NoEcho")]


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://api.openai.com/v1", True),
        ("http://127.0.0.1:8000/v1", True),
        ("https://user:sk-key@models.example.org/v1", False),
        ("https://models.example.org/v1?api_key=sk-key", False),
        ("https://models.example.org/v1#sk-key", False),
        ("ftp://models.example.org/v1", False),
    ],
)
def test_the_models_address_takes_no_key(template: Template, url: str, *, taken: bool) -> None:
    """It stands in an environment variable."""
    pattern = template.body["Parameters"]["ModelBaseUrl"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, url)) is taken
