"""Gap: the `Body` (OpenAPI) of AWS::ApiGatewayV2::Api is ignored, so SAM's HttpApi events get no routes.

AWS imports the body when the API is created and again whenever it changes.
"""

from __future__ import annotations

from typing import Any

from ministack.services.cloudformation import provisioners

Json = dict[str, Any]


def apply() -> None:
    """Import the body after the API was created or updated."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"]
    create, update = handler["create"], handler["update"]

    def create_with_body(logical_id: str, props: Json, stack: str) -> Any:
        result = create(logical_id, props, stack)
        import_body(result[0], props, stack)
        return result

    def update_with_body(physical_id: str, old: Json, new: Json, stack: str, logical_id: str | None = None) -> Any:
        result = update(physical_id, old, new, stack, logical_id)
        import_body(result[0], new, stack)
        return result

    handler["create"], handler["update"] = create_with_body, update_with_body


def import_body(api: str, props: Json, stack: str) -> None:
    """Replace the API's routes and integrations by those of its body."""
    paths: Json = (props.get("Body") or {}).get("paths") or {}
    if not paths:
        return
    service = provisioners._apigw_v2
    service._routes[api], service._integrations[api] = {}, {}
    for path, methods in paths.items():
        for method, operation in methods.items():
            wanted = operation.get("x-amazon-apigateway-integration")
            if wanted is None:
                continue
            integration, _ = provisioners._apigw_v2_integration_create(
                "Integration",
                {
                    "ApiId": api,
                    "IntegrationType": wanted["type"].upper(),
                    "IntegrationUri": wanted["uri"],
                    "IntegrationMethod": wanted.get("httpMethod", "POST"),
                    "PayloadFormatVersion": wanted.get("payloadFormatVersion", "2.0"),
                },
                stack,
            )
            key = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
            provisioners._apigw_v2_route_create(
                "Route",
                {"ApiId": api, "RouteKey": f"{key} {path}", "Target": f"integrations/{integration}"},
                stack,
            )
