"""Reading a connection's secret: cached, re-read where a token was refused, and honest about what is missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError

from dealtalk.crm.oauth import StaticToken
from dealtalk.crm.secrets import SecretsManager, parse_secret
from dealtalk.errors import NeedsAttention, Retryable

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


@dataclass
class Clock:
    """A clock that is moved by hand."""

    at: datetime = datetime(2026, 11, 2, tzinfo=UTC)

    def now(self) -> datetime:
        """Return the time."""
        return self.at

    def sleep(self, seconds: float) -> None:
        """Move it."""
        self.at += timedelta(seconds=seconds)


@dataclass
class Client:
    """Secrets Manager with one secret; `code` lets it refuse."""

    text: str = '{"token": "t1"}'
    code: str = ""
    reads: list[str] = field(default_factory=list)

    def get_secret_value(self, **request: Any) -> dict[str, str]:
        """Return the secret."""
        self.reads.append(request["SecretId"])
        if self.code:
            raise ClientError({"Error": {"Code": self.code, "Message": "x"}}, "GetSecretValue")
        return {"SecretString": self.text}


def secrets(client: Client, clock: Clock) -> SecretsManager:
    """Return the reader."""
    return SecretsManager(cast("SecretsManagerClient", client), clock)


def test_a_token_is_read_once_in_five_minutes() -> None:
    """A warm process asks Secrets Manager rarely."""
    client, clock = Client(), Clock()
    token = StaticToken(secrets(client, clock), "dealtalk/x")
    assert [token.bearer(), token.bearer()] == ["t1", "t1"]
    assert client.reads == ["dealtalk/x"]

    clock.sleep(300)
    token.bearer()
    assert len(client.reads) == 2


def test_a_refused_token_is_read_again_at_once() -> None:
    """The integrator may have replaced it a minute ago."""
    client = Client()
    token = StaticToken(secrets(client, Clock()), "dealtalk/x")
    token.bearer()
    client.text = '{"token": "t2"}'

    assert token.renew("t1") == "t2"
    assert token.bearer() == "t2"


@pytest.mark.parametrize(
    ("text", "found"), [('{"token": "a"}', "a"), ("raw.jwt.token", "raw.jwt.token"), ("123456", "123456")]
)
def test_a_secret_may_be_json_or_the_bare_token(text: str, found: str) -> None:
    """A pasted token works too."""
    assert parse_secret(text)["token"] == found


@pytest.mark.parametrize("text", ["", "  ", "{}", "null", "[]", "true"])
def test_an_empty_secret_needs_attention(text: str) -> None:
    """Nothing is sent with an empty token."""
    with pytest.raises(NeedsAttention):
        parse_secret(text)


def test_a_secret_without_a_token_needs_attention() -> None:
    """An OAuth client's secret in the place of a token is said, its content is not."""
    with pytest.raises(NeedsAttention) as refused:
        StaticToken(secrets(Client('{"client_secret": "hush"}'), Clock()), "dealtalk/x").bearer()

    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ResourceNotFoundException", NeedsAttention),
        ("AccessDeniedException", NeedsAttention),
        ("ThrottlingException", Retryable),
    ],
)
def test_an_absent_secret_needs_attention_and_a_busy_service_a_retry(code: str, error: type[Exception]) -> None:
    """What the integrator must fix is told from what passes."""
    with pytest.raises(error):
        secrets(Client(code=code), Clock()).read("dealtalk/x")
