"""The deployed stack: where its parts are, and how to reach them."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.stack import sam
from local.stack.emulator import CREDENTIALS, REGION, emulator
from local.stack.paths import STACK_FILE
from local.stack.progress import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

STACK_NAME = "dealtalk-local"
NO_MODEL = "http://127.0.0.1:9/v1"
"""A port on which nobody listens: a stack without a model answers nothing."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack that is up. `api` is the base URL of the webhooks; `functions` maps logical to physical names."""

    api: str
    aws_endpoint: str
    region: str
    table: str
    queue_url: str
    dlq_url: str
    bucket: str
    secrets_prefix: str
    functions: Mapping[str, str]
    model: Mapping[str, str]
    credentials: Mapping[str, str] = field(default_factory=lambda: dict(CREDENTIALS), repr=False)

    def env(self) -> dict[str, str]:
        """Return the environment in which boto3, SAM CLI and `dealtalk` talk to this stack."""
        return {**self.credentials, "AWS_ENDPOINT_URL": self.aws_endpoint, "AWS_DEFAULT_REGION": self.region}

    def client(self, service: str) -> Any:
        """Return a boto3 client for this stack."""
        import boto3  # noqa: PLC0415 (the emulator's process imports this package without it)

        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.aws_endpoint,
            region_name=self.region,
            aws_access_key_id=self.credentials["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.credentials["AWS_SECRET_ACCESS_KEY"],
        )

    def describe(self, *, page: str | None = None, connections: Sequence[Mapping[str, str]] = ()) -> dict[str, Any]:
        """Return what .local/stack.json says.

        `page` is the demo's page; each connection has crm, key, account, webhook_url, crm_base_url.
        """
        return {
            "api": self.api,
            "aws_endpoint": self.aws_endpoint,
            "region": self.region,
            "table": self.table,
            "queue_url": self.queue_url,
            "dlq_url": self.dlq_url,
            "bucket": self.bucket,
            "secrets_prefix": self.secrets_prefix,
            "functions": dict(self.functions),
            "model": dict(self.model),
            "page": page,
            "connections": [dict(c) for c in connections],
        }


@contextmanager
def up(
    model_base_url: str = NO_MODEL,
    model: str = "none",
    *,
    api_key: str = "local",
    auth: bool = False,
    parameters: Mapping[str, str] | None = None,
) -> Iterator[Stack]:
    """Build and deploy the project's template on an emulator of its own; everything ends with the block.

    `api_key` goes into the model's secret. `auth` enforces the roles. `parameters` override the template's
    defaults. Progress goes to standard error. Raises SamError, EmulatorError or ToolMissingError.
    """
    template = sam.build_for_here()
    with emulator(auth=auth) as endpoint:
        env = {**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint, "AWS_DEFAULT_REGION": REGION}
        chosen = {
            **sam.machine_parameters(),
            "ModelBaseUrl": model_base_url,
            "Model": model,
            **(parameters or {}),
        }
        sam.deploy(STACK_NAME, template, chosen, env)
        stack = deployed(endpoint, {"base_url": model_base_url, "model": model})
        secret = json.dumps({"api_key": api_key})
        stack.client("secretsmanager").put_secret_value(SecretId=f"{stack.secrets_prefix}/model", SecretString=secret)
        say(f"The stack is up: {stack.api}")
        yield stack


def deployed(endpoint: str, model: Mapping[str, str]) -> Stack:
    """Ask CloudFormation what was deployed."""
    import boto3  # noqa: PLC0415 (see Stack.client)

    cloudformation = boto3.client(
        "cloudformation",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    (description,) = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
    outputs = {o["OutputKey"]: o["OutputValue"] for o in description["Outputs"]}
    suffix = "Function"
    return Stack(
        api=f"{endpoint}/_aws/execute-api/{outputs['ApiId']}",
        aws_endpoint=endpoint,
        region=REGION,
        table=outputs["TableName"],
        queue_url=outputs["QueueUrl"],
        dlq_url=outputs["DlqUrl"],
        bucket=outputs["BucketName"],
        secrets_prefix=outputs["SecretsPrefix"],
        functions={key.removesuffix(suffix): name for key, name in outputs.items() if key.endswith(suffix)},
        model=model,
    )


def publish(description: Mapping[str, Any]) -> None:
    """Write .local/stack.json at once, so that a reader never sees half of it."""
    draft = STACK_FILE.with_suffix(".draft")
    draft.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    draft.replace(STACK_FILE)


def withdraw() -> None:
    """Remove .local/stack.json: what it describes is no longer there."""
    STACK_FILE.unlink(missing_ok=True)
