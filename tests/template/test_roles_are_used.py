"""Roles are minimal: what a role may do is what the modules of its function do, and nothing of that is forgotten.

The modules are found by their imports (closure.py). What Lambda does itself under the role is named here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.template.closure import modules

if TYPE_CHECKING:
    from tests.template.conftest import Template

TABLES = {"dealtalk.conversation.table", "dealtalk.conversation.dynamodb"}
"""They describe and do all that a table can; what a function wants of them stands where it calls them."""

DONE_BY = {
    "dynamodb:BatchGetItem": r"\.read\(",
    "dynamodb:ConditionCheckItem": r"\bCheck\(",
    "dynamodb:DeleteItem": r"\bDelete\(",
    "dynamodb:PutItem": r"\bPut\(",
    "dynamodb:Query": r"\.(newest|due)\(",
    "dynamodb:UpdateItem": r"\bUpdate\(",
    "s3:GetObject": r"\bget_object\b",
    "s3:PutObject": r"\bput_object\b",
    "secretsmanager:GetSecretValue": r"\bget_secret_value\b",
    "sqs:ChangeMessageVisibility": r"\bchange_message_visibility\b",
    "sqs:DeleteMessage": r"\bdelete_message\b",
    "sqs:ReceiveMessage": r"\breceive_message\b",
    "sqs:SendMessage": r"\bsend_message\(",
}
"""Action to how a module that does it looks."""

BY_LAMBDA = {"logs:CreateLogStream", "logs:PutLogEvents"}
BY_THE_MAPPING = {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}
"""The queue's mapping polls under the role of the function that it calls."""

FOR_A_404 = {"s3:ListBucket"}
"""Without it S3 answers "access denied" where an object is not there."""

NEVER_COMES_TO = {"retailcrm_callback": {"dynamodb:PutItem", "dynamodb:Query", "sqs:SendMessage"}}
"""What is imported and not reached: this callback has an intake as every webhook, and brings no messages."""


def actions(template: Template) -> dict[str, set[str]]:
    """Return folder of a function to the actions of its role."""
    functions = template.of_type("AWS::Lambda::Function")
    return {
        re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower(): {
            action for statement in template.statements(f"{name}Role") for action in statement["Action"]
        }
        for name in functions
    }


def used(function: str) -> set[str]:
    """Return the actions that a function's modules take."""
    sources = [source for name, source in modules(function).items() if name not in TABLES]
    return {action for action, mark in DONE_BY.items() if any(re.search(mark, source) for source in sources)}


def test_no_role_may_do_what_its_function_never_does(template: Template) -> None:
    """An action that no module takes is taken away, however harmless it looks."""
    for function, allowed in actions(template).items():
        by_aws = BY_LAMBDA | FOR_A_404 | (BY_THE_MAPPING if function == "responder" else set())
        assert allowed - by_aws - used(function) == set(), function


def test_no_function_does_what_its_role_may_not(template: Template) -> None:
    """It would be refused on AWS, perhaps in a case that comes once a month."""
    for function, allowed in actions(template).items():
        assert used(function) - allowed == NEVER_COMES_TO.get(function, set()), function


@pytest.mark.parametrize(
    ("function", "module", "runs"),
    [
        ("responder", "dealtalk.conversation.journal", True),
        ("responder", "dealtalk.crm.amocrm.client", True),
        ("amocrm_webhook", "dealtalk.conversation.intake", True),
        ("amocrm_webhook", "dealtalk.conversation.journal", False),
        ("sweeper", "dealtalk.connection_store", False),
    ],
)
def test_the_modules_of_a_function_are_found(function: str, module: str, *, runs: bool) -> None:
    """Otherwise the tests above would compare nothing."""
    assert (module in modules(function)) is runs
