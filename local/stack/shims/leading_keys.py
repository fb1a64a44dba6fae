"""Gap: under AUTH=true the condition key dynamodb:LeadingKeys is not known, so a role may read every item.

AWS fills it with the partition keys that a request names. Known here: the calls that the project makes, on a table
whose partition key is `pk`.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ministack.core import iam_actions

Json = dict[str, Any]
PARTITION_KEY = "pk"


def apply() -> None:
    """Give the policies of DynamoDB requests their leading keys."""
    original = iam_actions.request_tag_context

    def context(service: str, action: str, body: bytes, params: Json) -> Json:
        found: Json = original(service, action, body, params)
        if service == "dynamodb":
            keys = leading_keys(body)
            if keys:
                found = {**found, "dynamodb:LeadingKeys": keys}
        return found

    iam_actions.request_tag_context = context


def leading_keys(body: bytes) -> list[str]:
    """Return the partition keys that a request names."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return []
    return [key for part in parts(request) if (key := partition_key(part)) is not None]


def parts(request: Json) -> list[Json]:
    """Return the request, or the single-item requests that it is made of."""
    found = [request]
    for item in request.get("TransactItems", []):
        found += item.values()
    for table in request.get("RequestItems", {}).values():
        if isinstance(table, dict):
            found += [{"Key": key} for key in table.get("Keys", [])]
        else:
            found += [one for write in table for one in write.values()]
    return found


def partition_key(part: Json) -> str | None:
    """Return the partition key that one single-item request or query names."""
    for named in (part.get("Key"), part.get("Item")):
        if isinstance(named, dict) and PARTITION_KEY in named:
            return str(named[PARTITION_KEY].get("S"))
    names = part.get("ExpressionAttributeNames", {})
    values = part.get("ExpressionAttributeValues", {})
    for name, value in re.findall(r"([#\w]+)\s*=\s*(:\w+)", part.get("KeyConditionExpression", "")):
        if names.get(name, name) == PARTITION_KEY:
            return str(values.get(value, {}).get("S"))
    return None
