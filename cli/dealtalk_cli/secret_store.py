"""Writing a connection's secret to Secrets Manager."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dealtalk_cli.place import aws_calls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_secretsmanager import SecretsManagerClient

KEEP_DELETED_DAYS = 7


class SecretStore:
    """Secrets by name, each a JSON object of texts. All methods raise Trouble."""

    def __init__(self, client: SecretsManagerClient) -> None:
        self._client = client

    def put(self, name: str, value: Mapping[str, str]) -> bool:
        """Store the secret and return whether it is new; one that was to be deleted is kept again."""
        text = json.dumps(dict(value))
        client = self._client
        with aws_calls("store the connection's secret"):
            try:
                client.create_secret(
                    Name=name, SecretString=text, Description="A CRM account's token, made by dealtalk connect."
                )
            except (client.exceptions.ResourceExistsException, client.exceptions.InvalidRequestException):
                if "DeletedDate" in client.describe_secret(SecretId=name):
                    client.restore_secret(SecretId=name)
            else:
                return True
            client.put_secret_value(SecretId=name, SecretString=text)
        return False

    def remove(self, name: str) -> None:
        """Delete a secret that is not used any more; AWS keeps it for a week."""
        with aws_calls("delete an old secret"):
            try:
                self._client.delete_secret(SecretId=name, RecoveryWindowInDays=KEEP_DELETED_DAYS)
            except self._client.exceptions.ResourceNotFoundException:
                return
