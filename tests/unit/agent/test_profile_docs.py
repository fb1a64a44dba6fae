"""docs/profile.md names every key of the profile, with its default, and no other."""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
from pydantic import BaseModel

from dealtalk.agent.profile import Profile, parse_profile

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).parents[3] / "docs" / "profile.md").read_text(encoding="utf-8")
ROWS = {
    key: cells[1].strip()
    for line in PAGE.splitlines()
    if line.startswith("| `")
    for cells in [line.strip("|").split("|")]
    for key in re.findall(r"`([a-z_.]+)`", cells[0])
}


def block_in(annotation: Any) -> type[BaseModel] | None:
    """Return the block that a field's type is or holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := block_in(inner))), None)


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every key with its default, blocks' own keys below them."""
    for name, info in model.model_fields.items():
        path = f"{prefix}{name}"
        block = block_in(info.annotation)
        if block is None:
            yield path, info.get_default(call_default_factory=True, validated_data={})
        else:
            yield from keys(block, f"{path}.")


KEYS = dict(keys(Profile))


def test_the_page_names_every_key() -> None:
    """What can be set is documented."""
    assert sorted(key for key in KEYS if f"`{key}`" not in PAGE) == []


def test_the_page_names_no_other_key() -> None:
    """What is documented can be set: each row's key, or the block that holds it."""
    known = set(KEYS) | {path.rsplit(".", depth)[0] for path in KEYS for depth in (1, 2)}
    assert sorted(set(ROWS) - known) == []


@pytest.mark.parametrize(
    "key", [key for key, default in KEYS.items() if isinstance(default, bool | int | float | Decimal | StrEnum | str)]
)
def test_the_page_tells_the_default(key: str) -> None:
    """A number, word or switch stands in the row as it is in the code."""
    if key not in ROWS:
        pytest.skip("told in the row of its block")
    default = KEYS[key]
    told = str(default).lower() if isinstance(default, bool) else str(getattr(default, "value", default))
    told = told.removesuffix(".0")
    assert ROWS[key] == (f"`{told}`" if told else "empty")


def test_required_keys_are_told_as_required() -> None:
    """And only those."""
    names = {"name", "instructions", "works_in", "works_in.pipeline", "changes.fields.name"}
    assert {key for key, told in ROWS.items() if told == "required"} == names


def test_the_examples_of_the_page_are_valid() -> None:
    """What a reader copies works."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", PAGE, re.MULTILINE)
    yaml = [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in blocks if re.match(r"\n*    [a-z]+:", block)]
    assert len(yaml) == 2
    assert parse_profile("\n".join(yaml), source="docs/profile.md").changes.fields[0].name == "Quantity"
