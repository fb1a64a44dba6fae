"""Static secrets of a connection, read from Secrets Manager and kept in the process for five minutes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from dealtalk.errors import NeedsAttention, Retryable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mypy_boto3_secretsmanager import SecretsManagerClient

    from dealtalk.ports import Clock

KEPT = timedelta(minutes=5)
_MISSING = frozenset({"ResourceNotFoundException", "AccessDeniedException", "InvalidRequestException"})


class Secrets(Protocol):
    """Where a connection's secret is read.

    A secret is a JSON object of texts; a bare text stands for `{"token": …}`.
    """

    def read(self, name: str, *, fresh: bool = False) -> Mapping[str, str]:
        """Return the secret; `fresh` goes past the cache. Raises NeedsAttention where it is absent, Retryable."""
        ...


@dataclass(frozen=True, slots=True)
class _Kept:
    value: Mapping[str, str]
    until: datetime


class SecretsManager:
    """See `Secrets`. One per process."""

    def __init__(self, client: SecretsManagerClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    def read(self, name: str, *, fresh: bool = False) -> Mapping[str, str]:
        """Return the secret; `fresh` goes past the cache. Raises NeedsAttention where it is absent, Retryable."""
        now = self._clock.now()
        kept = self._kept.get(name)
        if kept and not fresh and now < kept.until:
            return kept.value
        value = parse_secret(self._fetch(name))
        self._kept[name] = _Kept(value, now + KEPT)
        return value

    def _fetch(self, name: str) -> str:
        try:
            return self._client.get_secret_value(SecretId=name).get("SecretString", "")
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _MISSING:
                msg = f"the connection's secret cannot be read ({code})"
                raise NeedsAttention(msg) from None
            msg = f"Secrets Manager answered {code}"
            raise Retryable(msg) from None
        except BotoCoreError as error:
            msg = f"Secrets Manager: {type(error).__name__}"
            raise Retryable(msg) from None


def parse_secret(text: str) -> Mapping[str, str]:
    """Return the secret's texts by name. Raises NeedsAttention where there is none."""
    try:
        value = json.loads(text)
    except ValueError:
        value = text.strip()
    if isinstance(value, dict) and value:
        return {str(name): str(each) for name, each in value.items()}
    if isinstance(value, str | int) and not isinstance(value, bool) and str(value):
        return {"token": text.strip().strip('"')}
    msg = "the connection's secret is empty"
    raise NeedsAttention(msg)
