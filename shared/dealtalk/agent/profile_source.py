"""YAML with line numbers, and pydantic's errors as sentences that name line and key.

YAML 1.2's core rules: only `true` and `false` are booleans, so that `no` is a language and 09:30 is not a number.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args

import yaml
from pydantic import BaseModel

if TYPE_CHECKING:
    from pydantic import ValidationError

MAX_CHARACTERS = 200_000
MAX_NODES = 20_000
Path = tuple[str | int, ...]


class _CoreLoader(yaml.SafeLoader):
    """PyYAML's safe loader with the plain scalars of YAML 1.2's core schema."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose as always, but refuse aliases: a profile needs none, and they can be cyclic or explode."""
        if self.check_event(yaml.AliasEvent):
            mark = self.get_mark()
            raise yaml.MarkedYAMLError(problem="aliases are not used here", problem_mark=mark)
        return super().compose_node(parent, index)

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  PyYAML's own class attribute


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
):
    _CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong with a file; sorts by line."""

    line: int
    path: str
    sentence: str


@dataclass(slots=True)
class Tree:
    """A file's data, and the line on which each key or list item stands."""

    data: object = None
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """Return the line of a path, or of the nearest block around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def as_json(self) -> str:
        """Return the data as JSON, which pydantic can read strictly."""
        return json.dumps(self.data, ensure_ascii=False)


def read_source(text: str) -> tuple[Tree, list[Problem]]:
    """Return the YAML document's data with lines, and what is wrong with its syntax: bad YAML, keys given twice."""
    tree = Tree()
    if len(text) > MAX_CHARACTERS:
        return tree, [Problem(1, "file", f"is longer than {MAX_CHARACTERS} characters")]
    try:
        node = yaml.compose(text, Loader=_CoreLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return tree, [Problem(mark.line + 1 if mark else 1, "file", f"is not YAML: {error.problem or error.context}")]
    except RecursionError:
        return tree, [Problem(1, "file", "is nested too deeply")]
    except yaml.YAMLError:
        return tree, [Problem(1, "file", "is not YAML: it holds a character that YAML does not allow")]
    if not isinstance(node, yaml.MappingNode):
        return tree, [Problem(1, "file", "must be a block of keys")]
    builder = _Builder(tree)
    tree.data = builder.build(node, ())
    return tree, builder.problems


class _Builder:
    """Turns YAML nodes into plain data and notes lines and problems on the way."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.problems: list[Problem] = []
        self._nodes = 0
        self._loader = _CoreLoader("")

    def build(self, node: yaml.Node, path: Path) -> object:
        self._nodes += 1
        self.tree.lines.setdefault(path, node.start_mark.line + 1)
        if self._nodes > MAX_NODES:
            if self._nodes == MAX_NODES + 1:
                self.problems.append(Problem(self.tree.line(path), "file", "has too many values"))
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(child, (*path, index)) for index, child in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        data: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.append(Problem(line, dotted(path), "has a key that is not a word"))
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key in data:
                self.problems.append(
                    Problem(line, dotted(here), f"is given twice, first on line {self.tree.line(here)}")
                )
                continue
            self.tree.lines[here] = line
            data[key] = self.build(value_node, here)
        return data

    def _scalar(self, node: yaml.Node, path: Path) -> object:
        try:
            return self._loader.construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError):
            self.problems.append(Problem(node.start_mark.line + 1, dotted(path), "has a value that cannot be read"))
            return None


def dotted(path: Path) -> str:
    """Return a path as people write it: `changes.fields[2].name`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "file"


def problems_of(error: ValidationError, model: type[BaseModel], tree: Tree) -> list[Problem]:
    """Return pydantic's errors as problems with their lines. No sentence quotes a value of the file."""
    found = []
    items = error.errors(include_url=False, include_input=False)
    paths = [tuple(part for part in item["loc"] if part != "[key]") for item in items]
    for item, path in zip(items, paths, strict=True):
        if item["type"] == "too_short" and any(other[: len(path)] == path != other for other in paths):
            continue  # the entries are there, each with its own problem
        sentence = _sentence(item["type"], item.get("ctx", {}), item["msg"])
        if item["type"] == "extra_forbidden":
            sentence = _unknown_key(model, path)
        found.append(Problem(tree.line(path), dotted(path), sentence))
    return found


_SENTENCES = {
    "missing": "is required",
    "string_type": "must be text; put it in quotes",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "decimal_type": "must be a number",
    "decimal_parsing": "must be a number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a block of keys",
    "model_type": "must be a block of keys",
    "model_attributes_type": "must be a block of keys",
    "string_too_short": "must not be empty",
    "too_short": "must have at least one entry",
    "string_pattern_mismatch": "is not written as this key expects; see docs/profile.md",
}


def _sentence(kind: str, context: dict[str, Any], message: str) -> str:
    limits = {
        "greater_than_equal": ("must be at least", "ge"),
        "less_than_equal": ("must be at most", "le"),
        "string_too_long": ("must have no more characters than", "max_length"),
    }
    if kind in limits:
        words, key = limits[kind]
        return f"{words} {context.get(key)}"
    if kind in {"enum", "literal_error"}:
        return f"must be one of {context.get('expected')}"
    if kind in {"value_error", "assertion_error"}:
        return str(context.get("error", message))
    return _SENTENCES.get(kind, message)


def _unknown_key(model: type[BaseModel], path: Path) -> str:
    known = _keys_at(model, path[:-1])
    near = get_close_matches(str(path[-1]), known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
    return f"is not a known key; {hint}"


def _keys_at(model: type[BaseModel], path: Path) -> list[str]:
    current: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, str) and current is not None and part in current.model_fields:
            current = _block_in(current.model_fields[part].annotation)
    return sorted(current.model_fields) if current is not None else []


def _block_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((block for inner in get_args(annotation) if (block := _block_in(inner))), None)
