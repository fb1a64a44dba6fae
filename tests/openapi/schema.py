"""The part of JSON Schema that docs/openapi-custom.yaml uses, and the document itself."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

from local.stack.paths import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
KNOWN = {
    *("$ref", "type", "const", "enum", "anyOf", "oneOf", "description", "default"),
    *("required", "properties", "additionalProperties", "items", "minItems", "minLength", "pattern", "minimum"),
}


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    loaded: dict[str, Any] = yaml.safe_load((PROJECT / "docs" / "openapi-custom.yaml").read_text(encoding="utf-8"))
    return loaded


def problems(value: Any, schema: Any, where: str = "") -> Iterator[str]:
    """Yield why the value does not fit; `schema` may be the name of one of the document's schemas."""
    if isinstance(schema, str):
        schema = document()["components"]["schemas"][schema]
    if unknown := set(schema) - KNOWN:
        msg = f"the document uses {unknown}, which is not checked here"
        raise NotImplementedError(msg)
    if "$ref" in schema:
        yield from problems(value, schema["$ref"].rpartition("/")[2], where)
    yield from _own(value, schema, where)
    for keyword, least, most in (("anyOf", 1, None), ("oneOf", 1, 1)):
        if keyword in schema:
            fits = sum(not list(problems(value, each, where)) for each in schema[keyword])
            if fits < least or (most is not None and fits > most):
                yield f"{where}: fits {fits} of {keyword}"
    yield from _inside(value, schema, where)


def _own(value: Any, schema: dict[str, Any], where: str) -> Iterator[str]:
    types = schema.get("type")
    names = types if isinstance(types, list) else [types] if types else []
    if names and not any(_is(value, name) for name in names):
        yield f"{where}: is no {' or '.join(names)}"
    if "const" in schema and (value != schema["const"] or isinstance(value, bool) != isinstance(schema["const"], bool)):
        yield f"{where}: is not {schema['const']}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: is none of {schema['enum']}"
    if isinstance(value, str):
        if len(value) < schema.get("minLength", 0):
            yield f"{where}: is too short"
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{where}: does not match {schema['pattern']}"
    if "minimum" in schema and _is(value, "number") and value < schema["minimum"]:
        yield f"{where}: is too small"
    if isinstance(value, list) and len(value) < schema.get("minItems", 0):
        yield f"{where}: has too few items"


def _inside(value: Any, schema: dict[str, Any], where: str) -> Iterator[str]:
    if isinstance(value, list) and "items" in schema:
        for number, each in enumerate(value):
            yield from problems(each, schema["items"], f"{where}[{number}]")
    if not isinstance(value, dict):
        return
    properties, more = schema.get("properties", {}), schema.get("additionalProperties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{where}.{name}: is missing"
    for name, each in value.items():
        if name in properties:
            yield from problems(each, properties[name], f"{where}.{name}")
        elif more is False:
            yield f"{where}.{name}: is not described"
        elif more:
            yield from problems(each, more, f"{where}.{name}")


def _is(value: Any, name: str) -> bool:
    if name in {"integer", "number"} and isinstance(value, bool):
        return False
    return isinstance(value, TYPES[name])
