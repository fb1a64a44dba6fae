"""Least privilege: what each function's role may do, and nothing else."""

from __future__ import annotations

import pytest

from tests.template.conftest import Template, as_list

READ = {"dynamodb:BatchGetItem", "dynamodb:Query"}
WRITE = {"dynamodb:PutItem", "dynamodb:UpdateItem"}
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
CONSUME = {"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}

TURN = (
    READ
    | WRITE
    | LOGS
    | {"dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "sqs:SendMessage"}
    | {"s3:GetObject", "s3:ListBucket", "s3:PutObject", "secretsmanager:GetSecretValue"}
)

ALLOWED = {
    "AmocrmWebhook": READ | WRITE | LOGS | {"sqs:SendMessage"},
    "CustomWebhook": READ | WRITE | LOGS | {"sqs:SendMessage"},
    "GetcourseWebhook": READ | WRITE | LOGS | {"sqs:SendMessage"},
    "Bitrix24Webhook": READ | WRITE | LOGS | {"sqs:SendMessage"},
    "HubspotWebhook": READ | WRITE | LOGS | {"sqs:SendMessage"},
    "Responder": TURN | CONSUME,
    "Redriver": TURN | {"sqs:DeleteMessage", "sqs:ReceiveMessage"},
    "RetailcrmCallback": LOGS | {"dynamodb:BatchGetItem", "dynamodb:UpdateItem"},
    "RetailcrmPoller": READ | WRITE | LOGS | {"sqs:SendMessage", "secretsmanager:GetSecretValue"},
    "Reconciler": LOGS
    | {"dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"}
    | {"sqs:SendMessage", "secretsmanager:GetSecretValue"},
    "Sweeper": LOGS | {"dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:UpdateItem", "sqs:SendMessage"},
}
LEADING_KEYS = {
    "AmocrmWebhook": {"CONN#amocrm#*", "CONV#amocrm#*"},
    "CustomWebhook": {"CONN#custom#*", "CONV#custom#*"},
    "GetcourseWebhook": {"CONN#getcourse#*", "CONV#getcourse#*"},
    "Bitrix24Webhook": {"CONN#bitrix24#*", "CONV#bitrix24#*"},
    "HubspotWebhook": {"CONN#hubspot#*", "CONV#hubspot#*"},
    "Responder": {"CONN#*", "CONV#*", "TOKEN#*", "DEAL#*", "MODEL#*"},
    "Redriver": {"CONN#*", "CONV#*", "TOKEN#*", "DEAL#*", "MODEL#*"},
    "RetailcrmCallback": {"CONN#retailcrm#*"},
    "RetailcrmPoller": {"CONN#retailcrm#*", "CONV#retailcrm#*"},
    "Reconciler": {"CONN#*", "CONV#*", "TOKEN#*"},
    "Sweeper": {"CONV#*"},
}
TABLE = {"Fn::GetAtt": ["Table", "Arn"]}


def test_every_function_stands_in_the_table_of_allowed_actions(template: Template) -> None:
    """A new function is not forgotten here."""
    assert set(template.of_type("AWS::Lambda::Function")) == set(ALLOWED) == set(LEADING_KEYS)


def test_every_function_has_a_role_of_its_own(template: Template) -> None:
    """No two functions share a role, and no role is SAM's."""
    roles = {name: p["Role"] for name, p in template.of_type("AWS::Lambda::Function").items()}
    assert roles == {name: {"Fn::GetAtt": [f"{name}Role", "Arn"]} for name in ALLOWED}
    assert set(template.of_type("AWS::IAM::Role")) == {f"{name}Role" for name in ALLOWED}


@pytest.mark.parametrize("function", ALLOWED)
def test_a_role_may_do_exactly_what_the_table_says(template: Template, function: str) -> None:
    """No action too many and none forgotten."""
    actions = {a for s in template.statements(f"{function}Role") for a in s["Action"]}
    assert actions == ALLOWED[function]


@pytest.mark.parametrize("function", ALLOWED)
def test_a_role_has_no_wildcards_and_no_managed_policies(template: Template, function: str) -> None:
    """Actions are spelled out, resources are this stack's, only Lambda may take the role."""
    role = template.properties(f"{function}Role")
    assert "ManagedPolicyArns" not in role
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "lambda.amazonaws.com"}
    for statement in template.statements(f"{function}Role"):
        assert statement["Effect"] == "Allow"
        assert not [a for a in statement["Action"] if "*" in a]
        assert "*" not in statement["Resource"]
        assert statement["Resource"]


@pytest.mark.parametrize("function", ALLOWED)
def test_a_role_reaches_only_its_own_items(template: Template, function: str) -> None:
    """Each statement on the table is bound to leading keys: a webhook cannot read a token."""
    on_table = [s for s in template.statements(f"{function}Role") if TABLE in s["Resource"]]
    assert on_table
    for statement in on_table:
        assert statement["Resource"] == [TABLE]
        keys = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        # Who may delete at all deletes from conversations only.
        deletes = "dynamodb:DeleteItem" in statement["Action"]
        assert set(as_list(keys)) == ({"CONV#*"} if deletes else LEADING_KEYS[function])


@pytest.mark.parametrize("function", ALLOWED)
def test_a_role_writes_only_its_own_log_group(template: Template, function: str) -> None:
    """Logs of one function cannot be written by another, and a role cannot make a group without retention."""
    for statement in template.statements(f"{function}Role"):
        if set(statement["Action"]) & LOGS:
            assert statement["Resource"] == [{"Fn::GetAtt": [f"{function}Logs", "Arn"]}]


def test_only_the_sweeper_queries_the_index(template: Template) -> None:
    """The index lists conversations of all CRMs; nobody else may read it."""
    index = {"Fn::Sub": "${Table.Arn}/index/due"}
    readers = {f for f in ALLOWED if any(index in s["Resource"] for s in template.statements(f"{f}Role"))}
    assert readers == {"Sweeper"}


@pytest.mark.parametrize("function", ALLOWED)
def test_only_the_redriver_consumes_dead_doorbells(template: Template, function: str) -> None:
    """The queue is the responder's to consume, the dead-letter queue the redriver's."""
    consumed = [
        resource
        for statement in template.statements(f"{function}Role")
        if "sqs:ReceiveMessage" in statement["Action"]
        for resource in statement["Resource"]
    ]
    mine = {"Responder": [{"Fn::GetAtt": ["Queue", "Arn"]}], "Redriver": [{"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}]}
    assert consumed == mine.get(function, [])


@pytest.mark.parametrize("function", ["Responder", "Redriver"])
def test_secrets_are_this_stacks_own(template: Template, function: str) -> None:
    """A role reads the connections' secrets under its stack's prefix, and only the responder the model's key."""
    resources = [
        resource
        for statement in template.statements(f"{function}Role")
        if "secretsmanager:GetSecretValue" in statement["Action"]
        for resource in statement["Resource"]
    ]
    prefix = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:dealtalk/${AWS::StackName}"
    connections = {"Fn::Sub": f"{prefix}/connections/*"}
    model = {"Fn::Sub": f"{prefix}/model-??????"}
    assert resources == ([model, connections] if function == "Responder" else [connections])


def test_profiles_are_read_and_only_schemas_are_written(template: Template) -> None:
    """A function cannot change a bot's profile."""
    written = [
        r
        for f in ALLOWED
        for s in template.statements(f"{f}Role")
        if "s3:PutObject" in s["Action"]
        for r in s["Resource"]
    ]
    assert written == [{"Fn::Sub": "${Bucket.Arn}/schemas/*"}] * 2
