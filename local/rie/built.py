"""A function as `sam build` left it: its folder, its layers, and what the template says about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class BuiltFunction:
    """A function that can be run. `layers` are what Lambda would unpack below /opt; `timeout` in seconds."""

    name: str
    folder: Path
    layers: tuple[Path, ...]
    handler: str
    timeout: int
    memory: int
    env: Mapping[str, str]

    @property
    def path(self) -> list[Path]:
        """Where Python looks for modules, in Lambda's order: the function, then the layers."""
        return [self.folder, *(layer / "python" for layer in self.layers)]


def read_function(template: Path, name: str, values: Mapping[str, str]) -> BuiltFunction:
    """Return the function with this logical id of a built template.

    `values` are what the template's references stand for ("Table", "AWS::StackName", a parameter's name); parameters
    that are not among them have their default. Raises KeyError for a function or reference that is not known.
    """
    document = yaml.safe_load(template.read_text(encoding="utf-8"))
    defaults = {key: str(each["Default"]) for key, each in document["Parameters"].items() if "Default" in each}
    known = {**defaults, **values}
    common = document["Globals"]["Function"]
    own = document["Resources"][name]["Properties"]
    merged = {**common, **own}
    variables = {**_variables(common), **_variables(own)}
    return BuiltFunction(
        name=name,
        folder=template.parent / own["CodeUri"],
        layers=tuple(_layer(document, template.parent, each) for each in merged.get("Layers", [])),
        handler=merged["Handler"],
        timeout=int(merged["Timeout"]),
        memory=int(merged["MemorySize"]),
        env={key: _resolved(value, known) for key, value in variables.items()},
    )


def _variables(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    variables: Mapping[str, Any] = properties.get("Environment", {}).get("Variables", {})
    return variables


def _layer(document: Mapping[str, Any], build: Path, reference: Mapping[str, str]) -> Path:
    folder: str = document["Resources"][reference["Ref"]]["Properties"]["ContentUri"]
    return build / folder


def _resolved(value: Any, known: Mapping[str, str]) -> str:
    """Return a value of the template as text; `sam build` writes the intrinsic functions in their long form."""
    if not isinstance(value, dict):
        return str(value)
    if "Ref" in value:
        return known[value["Ref"]]
    return re.sub(r"\$\{([^}]+)\}", lambda found: known[found[1]], value["Fn::Sub"])
