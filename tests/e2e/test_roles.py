"""The hand-written roles, enforced: what a function's policy lets it reach on the deployed stack."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.stack import Stack

pytestmark = pytest.mark.e2e


@dataclass(frozen=True, slots=True)
class Standin:
    """A user with exactly the policy of a function's role, since a role itself can be taken by Lambda only."""

    stack: Stack
    key: str
    secret: str

    def client(self, service: str) -> Any:
        """Return a client that acts under the role's policy."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.stack.aws_endpoint,
            region_name=self.stack.region,
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
        )


@pytest.fixture(scope="module")
def standin(stack: Stack) -> Iterator[Callable[[str], Standin]]:
    """Return a maker of stand-ins for the roles of functions, by logical id."""
    iam = stack.client("iam")
    made: list[str] = []

    def make(function: str) -> Standin:
        configuration = stack.client("lambda").get_function_configuration(FunctionName=stack.functions[function])
        role = configuration["Role"].rsplit("/", 1)[1]
        user = f"standin-{function}-{len(made)}"
        made.append(user)
        iam.create_user(UserName=user)
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            iam.put_user_policy(UserName=user, PolicyName=name, PolicyDocument=json.dumps(document))
        key = iam.create_access_key(UserName=user)["AccessKey"]
        return Standin(stack, key["AccessKeyId"], key["SecretAccessKey"])

    yield make
    for user in made:
        for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
        for name in iam.list_user_policies(UserName=user)["PolicyNames"]:
            iam.delete_user_policy(UserName=user, PolicyName=name)
        iam.delete_user(UserName=user)


def refused(call: Callable[[], object]) -> bool:
    """Return whether the call is refused for lack of a permission; any other failure is raised."""
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException"}:
            return True
        raise
    return False


@pytest.mark.parametrize(
    ("function", "key", "reached"),
    [
        ("AmocrmWebhook", "CONN#amocrm#1", True),
        ("AmocrmWebhook", "CONV#amocrm#1#2", True),
        ("AmocrmWebhook", "TOKEN#amocrm#1", False),
        ("AmocrmWebhook", "CONV#bitrix24#1#2", False),
        ("Bitrix24Webhook", "CONV#bitrix24#1#2", True),
        ("Bitrix24Webhook", "CONV#amocrm#1#2", False),
        ("Bitrix24Webhook", "TOKEN#bitrix24#1", False),
        ("Responder", "TOKEN#amocrm#1", True),
        ("Responder", "DEAL#amocrm#1#2", True),
        ("Redriver", "DEAL#amocrm#1#2", True),
        ("Reconciler", "TOKEN#amocrm#1", True),
        ("Reconciler", "CONV#amocrm#1#2", True),
        ("Reconciler", "DEAL#amocrm#1#2", False),
        ("RetailcrmPoller", "CONV#retailcrm#1#2", True),
        ("RetailcrmPoller", "CONV#amocrm#1#2", False),
        ("RetailcrmPoller", "TOKEN#retailcrm#1", False),
        ("RetailcrmCallback", "CONN#retailcrm#1", True),
        ("RetailcrmCallback", "CONV#retailcrm#1#2", False),
        ("Sweeper", "DEAL#amocrm#1#2", False),
        ("Sweeper", "CONV#amocrm#1#2", True),
        ("Sweeper", "TOKEN#amocrm#1", False),
    ],
)
def test_a_role_reaches_its_own_items_only(
    stack: Stack, standin: Callable[[str], Standin], function: str, key: str, *, reached: bool
) -> None:
    """A webhook sees its CRM's connections and conversations, never a token or another CRM's."""
    table = standin(function).client("dynamodb")
    asked = {stack.table: {"Keys": [{"pk": {"S": key}, "sk": {"S": "nothing"}}]}}
    assert refused(lambda: table.batch_get_item(RequestItems=asked)) is not reached


def test_a_webhook_cannot_hide_a_token_in_a_transaction(stack: Stack, standin: Callable[[str], Standin]) -> None:
    """Each item of a transaction is judged."""
    table = standin("AmocrmWebhook").client("dynamodb")
    items = [
        {"Put": {"TableName": stack.table, "Item": {"pk": {"S": key}, "sk": {"S": "e2e"}}}}
        for key in ("CONV#amocrm#1#2", "TOKEN#amocrm#1")
    ]
    assert refused(lambda: table.transact_write_items(TransactItems=items))


def test_a_webhook_cannot_scan_the_table(stack: Stack, standin: Callable[[str], Standin]) -> None:
    """A scan names no keys, so it is not among the actions at all."""
    assert refused(lambda: standin("AmocrmWebhook").client("dynamodb").scan(TableName=stack.table))


def test_a_webhook_rings_but_does_not_listen(stack: Stack, standin: Callable[[str], Standin]) -> None:
    """It sends doorbells; it cannot take one away."""
    queue = standin("AmocrmWebhook").client("sqs")
    assert refused(lambda: queue.receive_message(QueueUrl=stack.queue_url))
    assert refused(lambda: queue.send_message(QueueUrl=stack.dlq_url, MessageBody="{}", MessageGroupId="e2e"))


@pytest.mark.parametrize(("function", "reached"), [("Responder", True), ("Redriver", False), ("AmocrmWebhook", False)])
def test_the_models_key_is_the_responders(
    stack: Stack, standin: Callable[[str], Standin], function: str, *, reached: bool
) -> None:
    """Nobody else reads it."""
    vault = standin(function).client("secretsmanager")
    assert refused(lambda: vault.get_secret_value(SecretId=f"{stack.secrets_prefix}/model")) is not reached


def test_a_responder_cannot_change_a_profile(stack: Stack, standin: Callable[[str], Standin]) -> None:
    """Schemas are its to write, profiles are not."""
    bucket = standin("Responder").client("s3")
    assert refused(lambda: bucket.put_object(Bucket=stack.bucket, Key="profiles/bot.yaml", Body=b""))
    assert not refused(lambda: bucket.put_object(Bucket=stack.bucket, Key="schemas/e2e", Body=b""))
