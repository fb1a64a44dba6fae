# ruff: noqa: INP001 (a folder of events and the scripts that write them, no package)
"""An HTTP API event, payload 2.0, as a CRM's webhook reaches a function."""

from __future__ import annotations

import base64
from typing import Any

KEY = "demo-connection-key"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
HOST = "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"

Event = dict[str, Any]


def http_event(
    crm: str,
    method: str = "POST",
    body: str | None = None,
    *,
    user_agent: str,
    content_type: str = FORM,
    on_aws: bool = True,
    key: str = KEY,
    more_headers: dict[str, str] | None = None,
) -> Event:
    """Return the event of a request to `/<crm>/<key>`. On AWS a form's body is base64, `sam local` hands it plain."""
    path, route = f"/{crm}/{key}", f"{method} /{crm}/{{connection+}}"
    headers = {
        "accept": "*/*",
        "content-length": str(len(body.encode()) if body else 0),
        "host": HOST,
        "user-agent": user_agent,
        "x-forwarded-for": "203.0.113.7",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
        **(more_headers or {}),
    }
    complete: Event = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": HOST.partition(".")[0],
            "domainName": HOST,
            "domainPrefix": HOST.partition(".")[0],
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": user_agent,
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": route,
            "stage": "$default",
            "time": "20/Nov/2026:09:46:40 +0000",
            "timeEpoch": 1_795_168_000_000,
        },
        "pathParameters": {"connection": key},
        "isBase64Encoded": False,
    }
    if body is not None:
        encoded = on_aws and content_type == FORM
        headers["content-type"] = content_type
        complete["body"] = base64.b64encode(body.encode()).decode() if encoded else body
        complete["isBase64Encoded"] = encoded
    return complete


def flat(group: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return a nested group as a form's keys and values."""
    pairs: list[tuple[str, str]] = []
    for name, value in group.items():
        key = f"{prefix}[{name}]" if prefix else name
        pairs += flat(value, key) if isinstance(value, dict) else [(key, value)]
    return pairs
