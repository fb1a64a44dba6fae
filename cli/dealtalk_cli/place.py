"""Where the stack is: a CloudFormation stack, the local one, or its parts by name. Nothing is guessed."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from dealtalk_cli.errors import Trouble

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

STACK_FILE = Path(".local") / "stack.json"
LOCAL_KEY = "test"
"""The local emulator's root user; real credentials are never shown to it."""

PARTS = {"table": "TableName", "bucket": "BucketName", "api_url": "ApiUrl", "secrets_prefix": "SecretsPrefix"}
"""Option to the template's output."""

QUEUE = {"queue_url": "QueueUrl"}
"""A part that only who rings needs."""

_LOCAL_NAMES = {
    "table": "table",
    "bucket": "bucket",
    "api_url": "api",
    "secrets_prefix": "secrets_prefix",
    "queue_url": "queue_url",
}
_CALLS = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 3, "mode": "standard"})


@dataclass(frozen=True, slots=True)
class Place:
    """A deployed stack. `name` is what the output calls it; `api_url` has no slash at its end.

    `queue_url` is None where nothing told it.
    """

    name: str
    table: str
    bucket: str
    api_url: str
    secrets_prefix: str
    session: boto3.Session = field(repr=False)
    endpoint: str | None = None
    queue_url: str | None = None

    def client(self, service: str) -> Any:  # noqa: ANN401 (boto3 makes its clients' types at run time)
        """Return a boto3 client. Raises Trouble."""
        return _client(self.session, service, self.endpoint)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where the stack is."""
    group = parser.add_argument_group(
        "where the stack is", "one of --stack, --local, or all four parts; a part beside them replaces theirs"
    )
    group.add_argument("--stack", metavar="NAME", help="the CloudFormation stack's name; its outputs are read")
    group.add_argument("--region", help="its AWS region (default: as AWS's own tools choose it)")
    group.add_argument("--local", action="store_true", help=f"the local stack that {STACK_FILE} describes")
    group.add_argument("--stack-file", metavar="FILE", help=f"another file than {STACK_FILE}; means --local")
    group.add_argument("--table", help="the DynamoDB table's name")
    group.add_argument("--bucket", help="the bucket of profiles")
    group.add_argument("--api-url", metavar="URL", help="base URL of the webhooks, or your own domain before it")
    group.add_argument("--secrets-prefix", metavar="PREFIX", help="where the stack's secrets are, dealtalk/NAME")
    group.add_argument("--queue-url", metavar="URL", help="the queue of doorbells, for commands that ring")


def find_place(arguments: argparse.Namespace) -> Place:
    """Return the stack that the options name. Raises Trouble."""
    given = {name: value for name in PARTS | QUEUE if (value := getattr(arguments, name))}
    local = arguments.local or arguments.stack_file is not None
    if local and arguments.stack:
        raise Trouble("--stack and --local name two stacks")
    if local:
        return _local(arguments.stack_file, given)
    session = _session(arguments.region)
    if arguments.stack:
        outputs = _outputs(session, arguments.stack)
        found = {name: outputs[output] for name, output in (PARTS | QUEUE).items() if output in outputs}
        return _place(f"stack {arguments.stack} in {session.region_name}", {**found, **given}, session)
    if given:
        return _place(f"table {given.get('table', '?')} in {session.region_name}", given, session)
    raise Trouble(
        "which stack is not said",
        "Give --stack NAME for one in AWS, or --local for the one that `make up` or `make demo` started.",
    )


@contextmanager
def aws_calls(doing: str) -> Iterator[None]:
    """Turn what AWS refuses into Trouble that says what was being done."""
    try:
        yield
    except (NoCredentialsError, NoRegionError) as error:
        what = "credentials" if isinstance(error, NoCredentialsError) else "region"
        raise Trouble(f"no AWS {what} found", "Set them up as for AWS's own command line.") from None
    except ClientError as error:
        raise Trouble(f"AWS refused to {doing} ({error.response.get('Error', {}).get('Code', '?')})") from None
    except BotoCoreError as error:
        raise Trouble(f"AWS could not be asked to {doing} ({type(error).__name__})") from None


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _session(region: str | None, **credentials: str) -> boto3.Session:
    with aws_calls("choose a profile"):
        session = boto3.Session(region_name=region, **credentials)  # type: ignore[arg-type]
    if session.region_name is None:
        raise Trouble("no AWS region found", "Give --region.")
    return session


def _client(session: boto3.Session, service: str, endpoint: str | None) -> Any:  # noqa: ANN401 (see Place.client)
    with aws_calls(f"open {service}"):
        return session.client(service, endpoint_url=endpoint, config=_CALLS)  # type: ignore[call-overload]


def _outputs(session: boto3.Session, stack: str) -> dict[str, str]:
    client = _client(session, "cloudformation", None)
    try:
        with aws_calls(f"describe the stack {stack}"):
            (description,) = client.describe_stacks(StackName=stack)["Stacks"]
    except Trouble as refused:
        if "ValidationError" in refused.sentence:
            raise Trouble(
                f"there is no stack {stack} in {session.region_name}", "Check --stack and --region."
            ) from None
        raise
    return {each["OutputKey"]: each["OutputValue"] for each in description.get("Outputs", [])}


def _local(file: str | None, given: Mapping[str, str]) -> Place:
    path = Path(file) if file else _upwards(STACK_FILE)
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        parts = {name: str(described[key]) for name, key in _LOCAL_NAMES.items() if key in described}
        region, endpoint = str(described["region"]), str(described["aws_endpoint"])
    except (OSError, ValueError, KeyError, TypeError):
        raise Trouble(f"{path} does not describe a stack", "Start one: `make up`.") from None
    session = _session(region, aws_access_key_id=LOCAL_KEY, aws_secret_access_key=LOCAL_KEY)
    return _place(f"local stack of {path}", {**parts, **given}, session, endpoint)


def _upwards(relative: Path) -> Path:
    here = Path.cwd()
    return next((file for folder in (here, *here.parents) if (file := folder / relative).is_file()), relative)


def _place(name: str, parts: Mapping[str, str], session: boto3.Session, endpoint: str | None = None) -> Place:
    for part in PARTS:
        if not parts.get(part):
            raise Trouble(f"--{part.replace('_', '-')} is missing: {name} does not tell it")
    return Place(
        name=name,
        table=parts["table"],
        bucket=parts["bucket"],
        api_url=_checked_api(parts["api_url"]),
        secrets_prefix=parts["secrets_prefix"].strip("/"),
        session=session,
        endpoint=endpoint,
        queue_url=parts.get("queue_url"),
    )


def _checked_api(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if not safe or not host.isascii() or parts.query or parts.fragment or parts.username:
        raise Trouble("--api-url must be https://host, in Latin letters: CRMs accept no other webhook")
    return url.rstrip("/")
