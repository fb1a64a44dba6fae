"""Connecting the simulated accounts: with the real `dealtalk connect`, as a person would on a terminal."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from dealtalk.messages import ConversationKey
from local.stack.paths import PROJECT, STATE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from local.demo.control import Control
    from local.stack import Stack

CONNECT_SECONDS = 120
BOTS: Mapping[str, str] = {"amocrm.ru": "windows-ru.yaml", "kommo.com": "booking-en.yaml"}
"""Which of the example profiles answers in an account of this platform."""


class ConnectError(RuntimeError):
    """`dealtalk connect` failed; the text ends with what it said."""


@dataclass(frozen=True, slots=True)
class ConnectedAccount:
    """A simulated account that is connected. `account` is the vendor's id, `profile` the file of its bot."""

    crm: str
    key: str
    account: str
    webhook_url: str
    crm_base_url: str
    subdomain: str
    platform: str
    name: str
    profile: Path

    def conversation(self, chat: str) -> ConversationKey:
        """Return the key of a chat's conversation."""
        return ConversationKey.of_chat(self.crm, self.account, chat)

    def describe(self) -> dict[str, str]:
        """Return what .local/stack.json says of it."""
        names = ("crm", "key", "account", "webhook_url", "crm_base_url")
        return {name: getattr(self, name) for name in names}


def connect_all(
    stack: Stack, control: Control, bots: Mapping[str, str], changes: Mapping[str, Any] | None = None
) -> tuple[ConnectedAccount, ...]:
    """Connect every account of the simulator; `bots` names the profile of each platform.

    `changes` are blocks that replace values of the profiles (see `local_profile`). Raises ConnectError.
    """
    accounts = control.accounts()
    with ThreadPoolExecutor(len(accounts)) as pool:
        profile = {each["subdomain"]: local_profile(bots[each["settings"]["platform"]], changes) for each in accounts}
        return tuple(pool.map(lambda one: connect(stack, control, one, profile[one["subdomain"]]), accounts))


def local_profile(name: str, changes: Mapping[str, Any] | None = None) -> Path:
    """Return an example profile as the local stack uses it: without a model of its own, so that the stack's answers.

    `changes` maps a block's name to the keys that are replaced in it. A profile that needs no change is used as it is.
    """
    source = PROJECT / "profiles" / name
    profile = yaml.safe_load(source.read_text(encoding="utf-8"))
    model = {key: value for key, value in profile.get("model", {}).items() if key not in {"name", "fallback"}}
    if model == profile.get("model", {}) and not changes:
        return source
    profile["model"] = model
    for block, values in (changes or {}).items():
        profile[block] = {**profile.get(block, {}), **values}
    text = yaml.safe_dump(profile, allow_unicode=True, sort_keys=False)
    target = STATE / "profiles" / hashlib.sha256(text.encode()).hexdigest()[:12] / name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return target


def connect(stack: Stack, control: Control, account: Mapping[str, Any], profile: Path) -> ConnectedAccount:
    """Run `dealtalk connect amocrm` for one account. Raises ConnectError."""
    subdomain = account["subdomain"]
    said = dealtalk(
        stack,
        ("connect", "amocrm", "--json", "--yes"),
        ("--platform", account["settings"]["platform"]),
        ("--subdomain", subdomain),
        ("--api-base", account["base_url"]),
        ("--profile", str(profile)),
        ("--create-reply-field",),
        ("--bot-id", str(account["bots"][0]["id"])),
        secrets={"DEALTALK_AMOCRM_TOKEN": control.token(subdomain)},
    )
    if not said["webhook_registered"]:
        raise ConnectError(f"the webhook of {subdomain} was not registered: {said['warnings']}")
    return ConnectedAccount(
        crm=said["crm"],
        key=said["key"],
        account=said["account"],
        webhook_url=said["webhook_url"],
        crm_base_url=said["crm_base_url"],
        subdomain=subdomain,
        platform=said["platform"],
        name=account["name"],
        profile=profile,
    )


def dealtalk(stack: Stack, *words: Sequence[str], secrets: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run the console script `dealtalk` against the stack and return the JSON that it prints.

    `secrets` are put into its environment. Raises ConnectError.
    """
    with TemporaryDirectory() as folder:
        described = Path(folder) / "stack.json"
        described.write_text(json.dumps(stack.describe()), encoding="utf-8")
        given = [word for group in words for word in group]
        command = [sys.executable, "-m", "dealtalk_cli.main", *given, "--stack-file", str(described)]
        done = subprocess.run(
            command,
            cwd=PROJECT,
            env={**os.environ, **(secrets or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=CONNECT_SECONDS,
        )
    if done.returncode:
        raise ConnectError(f"dealtalk {given[0]} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
    said: dict[str, Any] = json.loads(done.stdout)
    return said
