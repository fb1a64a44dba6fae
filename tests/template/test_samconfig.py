"""The deploy defaults."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from local.stack.paths import PROJECT

if TYPE_CHECKING:
    from tests.template.conftest import Template


def config() -> dict[str, Any]:
    """Return samconfig.toml."""
    return tomllib.loads((PROJECT / "samconfig.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["default", "dev", "prod"])
def test_an_environment_deploys_its_own_stack(template: Template, name: str) -> None:
    """Each has a stack of its own, and overrides only parameters that the template has, by values that it takes."""
    environment = config()[name]
    assert environment["validate"]["parameters"]["lint"] is True
    deploy = environment["deploy"]["parameters"]
    assert deploy["capabilities"] == "CAPABILITY_IAM"
    chosen = dict(re.findall(r'(\w+)="([^"]*)"', deploy["parameter_overrides"]))
    assert chosen["Environment"] == ("prod" if name == "prod" else "dev")
    for parameter, value in chosen.items():
        allowed = template.body["Parameters"][parameter].get("AllowedValues", [value])
        assert value in [str(one) for one in allowed]


def test_stacks_have_different_names() -> None:
    """A deploy to dev never touches prod."""
    stacks = [config()[name]["global"]["parameters"]["stack_name"] for name in ("default", "dev", "prod")]
    assert len(set(stacks)) == len(stacks)


def test_prod_asks_before_it_changes_anything() -> None:
    """The change set is shown and confirmed."""
    assert config()["prod"]["deploy"]["parameters"]["confirm_changeset"] is True
