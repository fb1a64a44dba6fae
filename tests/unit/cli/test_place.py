"""Where the stack is, from options alone."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.stub import Stubber

from dealtalk_cli import place
from dealtalk_cli.errors import Trouble

if TYPE_CHECKING:
    from pathlib import Path

    from dealtalk_cli.place import Place

OUTPUTS = {
    "TableName": "shop-table",
    "BucketName": "shop-bucket",
    "ApiUrl": "https://abc.execute-api.eu-central-1.amazonaws.com",
    "SecretsPrefix": "dealtalk/shop",
}
LOCAL = {
    "api": "http://127.0.0.1:4566/_aws/execute-api/abc",
    "aws_endpoint": "http://127.0.0.1:4566",
    "region": "us-east-1",
    "table": "local-table",
    "bucket": "local-bucket",
    "secrets_prefix": "dealtalk/dealtalk-local",
}


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Stand in an empty folder, with credentials of nobody."""
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "something")


def found(*options: str) -> Place:
    """Return the place that the options name."""
    parser = argparse.ArgumentParser()
    place.add_arguments(parser)
    return place.find_place(parser.parse_args(options))


@pytest.fixture
def cloudformation(monkeypatch: pytest.MonkeyPatch) -> Stubber:
    """Answer for CloudFormation."""
    client = boto3.client("cloudformation", region_name="eu-central-1")
    stub = Stubber(client)
    stub.activate()
    monkeypatch.setattr(boto3.Session, "client", lambda *_, **__: client)
    return stub


def described(outputs: dict[str, str]) -> dict[str, object]:
    """Return CloudFormation's description of a stack."""
    rows = [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()]
    stack = {"StackName": "shop", "CreationTime": "2026-11-01", "StackStatus": "CREATE_COMPLETE", "Outputs": rows}
    return {"Stacks": [stack]}


def test_a_stack_is_found_by_its_outputs(cloudformation: Stubber) -> None:
    """The name says which stack is meant, and where."""
    cloudformation.add_response("describe_stacks", described(OUTPUTS), {"StackName": "shop"})
    one = found("--stack", "shop", "--region", "eu-central-1")
    assert one.name == "stack shop in eu-central-1"
    assert (one.table, one.bucket, one.secrets_prefix) == ("shop-table", "shop-bucket", "dealtalk/shop")
    assert one.api_url == OUTPUTS["ApiUrl"]


def test_an_own_domain_stands_before_the_stacks_address(cloudformation: Stubber) -> None:
    """A part that is given replaces the stack's; the slash at its end goes."""
    cloudformation.add_response("describe_stacks", described(OUTPUTS), {"StackName": "shop"})
    one = found("--stack", "shop", "--region", "eu-central-1", "--api-url", "https://bots.example.test/")
    assert one.api_url == "https://bots.example.test"


def test_a_stack_that_is_not_there_is_told(cloudformation: Stubber) -> None:
    """With the region, which is the usual mistake."""
    cloudformation.add_client_error("describe_stacks", "ValidationError", "Stack with id shop does not exist")
    with pytest.raises(Trouble, match="there is no stack shop in eu-central-1"):
        found("--stack", "shop", "--region", "eu-central-1")


def test_missing_rights_are_told(cloudformation: Stubber) -> None:
    """AWS's own code for it stands in the sentence."""
    cloudformation.add_client_error("describe_stacks", "AccessDenied", "no")
    with pytest.raises(Trouble, match=r"AWS refused to describe the stack shop \(AccessDenied\)"):
        found("--stack", "shop", "--region", "eu-central-1")


def test_a_stack_of_something_else_is_told(cloudformation: Stubber) -> None:
    """It has none of our outputs."""
    cloudformation.add_response("describe_stacks", described({"Other": "x"}), {"StackName": "shop"})
    with pytest.raises(Trouble, match="--table is missing: stack shop"):
        found("--stack", "shop", "--region", "eu-central-1")


def test_the_local_stack_is_found_from_a_folder_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file lies in the project, and the command may run anywhere in it."""
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "stack.json").write_text(json.dumps(LOCAL), encoding="utf-8")
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path / "docs")
    one = found("--local")
    assert (one.table, one.endpoint, one.api_url) == ("local-table", LOCAL["aws_endpoint"], LOCAL["api"])


def test_real_credentials_are_not_shown_to_the_local_stack(tmp_path: Path) -> None:
    """The emulator has its own user."""
    file = tmp_path / "stack.json"
    file.write_text(json.dumps(LOCAL), encoding="utf-8")
    credentials = found("--stack-file", str(file)).session.get_credentials()
    assert credentials is not None
    assert credentials.access_key == place.LOCAL_KEY


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"region": "x"}'])
def test_a_broken_description_of_the_local_stack_is_told(tmp_path: Path, text: str) -> None:
    """It names the file and how to start a stack."""
    file = tmp_path / "stack.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(Trouble, match=r"stack\.json does not describe a stack") as told:
        found("--stack-file", str(file))
    assert "make up" in told.value.advice


def test_without_a_region_the_option_is_named() -> None:
    """boto3 would raise something of its own."""
    with pytest.raises(Trouble, match="no AWS region") as told:
        found("--stack", "shop")
    assert told.value.advice == "Give --region."


def test_all_four_parts_are_needed() -> None:
    """The missing one is named."""
    with pytest.raises(Trouble, match="--secrets-prefix is missing"):
        found("--region", "eu-central-1", "--table", "t", "--bucket", "b", "--api-url", "https://x.example.test")


@pytest.mark.parametrize(
    "url",
    ["http://x.example.test", "https://окна.example.test", "https://x.example.test?a=1", "https://u@x.test", "x", ""],
)
def test_an_address_that_no_crm_accepts_is_refused(url: str) -> None:
    """https, Latin letters, nothing behind it; plain http for this machine alone."""
    with pytest.raises(Trouble):
        place._place("here", {**dict.fromkeys(place.PARTS, "x"), "api_url": url}, boto3.Session())


@pytest.mark.parametrize(
    ("host", "loopback"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("10.0.0.1", False), ("x", False)]
)
def test_this_machine_is_known(host: str, loopback: bool) -> None:
    """Addresses and the name."""
    assert place.is_loopback(host) is loopback
