"""The HTTP API and what its access log may say."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.template.conftest import Json, Template


def routes(template: Template) -> Json:
    """Return path -> method -> operation."""
    paths: Json = template.properties("Api")["Body"]["paths"]
    return paths


def test_each_crm_has_its_route_and_methods(template: Template) -> None:
    """The path is greedy, so that a URL with a trailing slash is the same webhook; Kommo probes with GET."""
    assert {path: set(methods) for path, methods in routes(template).items()} == {
        "/amocrm/{connection+}": {"post", "get", "head"},
        "/amocrm/widget/{connection+}": {"post"},
        "/bitrix24/{connection+}": {"post", "get", "head"},
        "/custom/{connection+}": {"post"},
        "/getcourse/{connection+}": {"post"},
        "/retailcrm/{connection+}": {"post"},
        "/hubspot/{connection+}": {"post"},
    }


def test_every_route_hands_the_raw_body_to_its_webhook(template: Template) -> None:
    """Payload 2.0 by Lambda proxy: body and signature arrive as they were sent."""
    for path, methods in routes(template).items():
        crm = path.split("/")[1]
        for operation in methods.values():
            integration = operation["x-amazon-apigateway-integration"]
            assert (integration["type"], integration["payloadFormatVersion"]) == ("aws_proxy", "2.0")
            # RetailCRM's chats are read; its route only brings what the module is told.
            function = "RetailcrmCallback" if crm == "retailcrm" else f"{crm.capitalize()}Webhook"
            assert f"${{{function}.Arn}}" in integration["uri"]["Fn::Sub"]


def test_the_stage_is_the_default_one_and_throttled(template: Template) -> None:
    """No stage name in the URL; a flood stops at the API."""
    (stage,) = template.of_type("AWS::ApiGatewayV2::Stage").values()
    assert stage["StageName"] == "$default"
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] > 0


def test_the_access_log_has_no_path_and_no_query(template: Template) -> None:
    """The path holds the connection's key: only ids, times, sizes and the route's pattern are written."""
    (stage,) = template.of_type("AWS::ApiGatewayV2::Stage").values()
    fields = json.loads(stage["AccessLogSettings"]["Format"])
    assert set(fields.values()) <= {
        "$context.requestId",
        "$context.requestTimeEpoch",
        "$context.routeKey",
        "$context.status",
        "$context.responseLatency",
        "$context.integration.latency",
        "$context.integration.integrationStatus",
        "$context.responseLength",
        "$context.identity.sourceIp",
    }
    assert not re.search(r"path|query|uri|header|authorizer", stage["AccessLogSettings"]["Format"], re.IGNORECASE)


def test_the_access_log_is_kept_for_a_limited_time(template: Template) -> None:
    """It goes to a group of this stack with the stack's retention."""
    (stage,) = template.of_type("AWS::ApiGatewayV2::Stage").values()
    assert stage["AccessLogSettings"]["DestinationArn"] == {"Fn::GetAtt": ["ApiLogs", "Arn"]}
    assert template.properties("ApiLogs")["RetentionInDays"] == {"Ref": "LogRetentionDays"}
