"""The table, the bucket and the model's secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.template.conftest import Template


def test_the_table_is_on_demand_encrypted_and_recoverable(template: Template) -> None:
    """No capacity to plan, a restore point for every second."""
    table = template.properties("Table")
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_items_end_by_expires_at(template: Template) -> None:
    """The attribute that the code writes and filters on."""
    assert template.properties("Table")["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_the_only_index_is_sparse_and_holds_keys(template: Template) -> None:
    """`due` lists conversations with a timer, without any text."""
    table = template.properties("Table")
    (index,) = table["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "due"
    assert [(k["AttributeName"], k["KeyType"]) for k in index["KeySchema"]] == [
        ("due_shard", "HASH"),
        ("due_at", "RANGE"),
    ]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    types = {a["AttributeName"]: a["AttributeType"] for a in table["AttributeDefinitions"]}
    assert types == {"pk": "S", "sk": "S", "due_shard": "S", "due_at": "N"}


def test_in_prod_the_table_refuses_to_be_deleted(template: Template) -> None:
    """A stack's deletion fails there; a replacement keeps the old table everywhere."""
    assert template.properties("Table")["DeletionProtectionEnabled"] == {"Fn::If": ["IsProd", True, False]}
    assert template.resources["Table"]["UpdateReplacePolicy"] == "Retain"


def test_the_bucket_is_private_encrypted_and_versioned(template: Template) -> None:
    """A profile can be taken back; nobody outside sees one."""
    bucket = template.properties("Bucket")
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def test_the_bucket_is_reached_over_tls_only(template: Template) -> None:
    """Whoever asks without TLS is refused."""
    policy = template.properties("BucketOverTlsOnly")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert policy["Bucket"] == {"Ref": "Bucket"}
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Resource"] == [{"Fn::GetAtt": ["Bucket", "Arn"]}, {"Fn::Sub": "${Bucket.Arn}/*"}]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_models_secret_has_no_value_in_the_template(template: Template) -> None:
    """Its value is put in by hand; no parameter and no property carries it."""
    secret = template.properties("ModelSecret")
    assert secret["Name"] == {"Fn::Sub": "dealtalk/${AWS::StackName}/model"}
    assert not {"SecretString", "GenerateSecretString"} & set(secret)
    assert not [name for name, p in template.body["Parameters"].items() if p.get("NoEcho")]
