"""The real command line in this process, on moto's AWS and the simulator's CRM."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from dealtalk.clock import SystemClock
from dealtalk.conversation.dynamodb import DynamoTable
from dealtalk_cli.directory import Directory
from dealtalk_cli.main import main
from local.simulators.amocrm import oauth

if TYPE_CHECKING:
    import pytest

    from dealtalk.connections import Connection
    from dealtalk.conversation.table import Item, Key
    from local.simulators.amocrm import AmocrmSimulator
    from local.simulators.amocrm.entities import Hook
    from local.simulators.amocrm.state import Account

REGION = "eu-central-1"
TABLE = "t"
BUCKET = "profiles-of-tests"
API = "https://abc123.execute-api.eu-central-1.amazonaws.com"
PREFIX = "dealtalk/test"
PROFILES = Path(__file__).resolve().parents[3] / "profiles"
STACK = ["--region", REGION, "--table", TABLE, "--bucket", BUCKET, "--api-url", API, "--secrets-prefix", PREFIX]


@dataclass
class Ran:
    """What a command did: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object on standard output."""
        return json.loads(self.out)


def table() -> DynamoTable:
    """Return the stack's table."""
    return DynamoTable(boto3.client("dynamodb", region_name=REGION), TABLE, pause=lambda _: None)


@dataclass
class World:
    """One account at the simulator, a stack, and the command line between them."""

    simulator: AmocrmSimulator
    account: Account
    folder: Path
    capsys: pytest.CaptureFixture[str]

    def __post_init__(self) -> None:
        """Make the account's token and its file."""
        self.platform = self.account.settings.platform.value
        self.subdomain = self.account.subdomain
        self.base = self.simulator.account_url(self.subdomain)
        self.profile = PROFILES / ("windows-ru.yaml" if self.account.lang == "ru" else "booking-en.yaml")
        self.token = self.simulator.token(self.subdomain)
        self.token_file = self.file(f"token-{self.subdomain}", self.token)
        self.printed = ""

    def file(self, name: str, text: str) -> str:
        """Write a file and return its path."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def run(self, *arguments: str) -> Ran:
        """Run the command line."""
        self.capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as usage:
            code = int(usage.code or 0)
        out, err = self.capsys.readouterr()
        self.printed += out + err
        return Ran(code, out, err)

    def connect(self, *more: str, signed: bool = True, profile: bool = True) -> Ran:
        """Run `dealtalk connect amocrm` with what every run needs."""
        where = ["--subdomain", self.subdomain, "--platform", self.platform, "--api-base", self.base]
        token = ["--token-file", self.token_file] if signed else []
        bot = ["--profile", str(self.profile)] if profile else []
        return self.run("connect", "amocrm", *STACK, "--yes", *where, *token, *bot, *more)

    def connected(self, *more: str) -> Any:
        """Connect the account, which must work, and return the result."""
        ran = self.connect("--json", *more)
        assert ran.code == 0, ran.err
        return ran.json

    def doctor(self, *more: str) -> Ran:
        """Run `dealtalk doctor`."""
        return self.run("doctor", *STACK, *more)

    def findings(self, *more: str) -> dict[str, dict[str, str]]:
        """Return what the doctor finds in the account, the worst of each check."""
        order = ["ok", "warning", "problem"]
        found: dict[str, dict[str, str]] = {}
        for each in self.doctor("--json", *more).json["connections"][0]["findings"]:
            before = found.get(each["check"])
            if before is None or order.index(each["level"]) > order.index(before["level"]):
                found[each["check"]] = each
        return found

    def oauth_options(self) -> list[str]:
        """Register an integration and return the options of its owner's consent."""
        with self.account.lock:
            made = oauth.add_integration(self.account, "Dealtalk", "https://example.test/oauth")
            code = oauth.authorization_code(self.account, made.client_id)
        secret = self.file("client_secret", made.client_secret)
        options = ["--client-id", made.client_id, "--client-secret-file", secret]
        return [*options, "--redirect-uri", made.redirect_uri, "--code", code]

    @property
    def table(self) -> DynamoTable:
        """The stack's table."""
        return table()

    def item(self, key: Key) -> Item:
        """Return an item of the table, empty where there is none."""
        return self.table.read([key]).get(key, {})

    def connection(self) -> Connection:
        """Return the account's connection."""
        found = Directory(self.table, SystemClock()).find("amocrm", str(self.account.id))
        assert found is not None
        return found

    def secret(self, name: str) -> Any:
        """Return a secret's JSON."""
        client = boto3.client("secretsmanager", region_name=REGION)
        return json.loads(client.get_secret_value(SecretId=name)["SecretString"])

    def stored_profile(self, name: str) -> str:
        """Return a profile's text in the bucket."""
        return boto3.client("s3", region_name=REGION).get_object(Bucket=BUCKET, Key=name)["Body"].read().decode()

    def hooks(self) -> list[Hook]:
        """Return the account's webhooks."""
        return list(self.account.hooks.values())
