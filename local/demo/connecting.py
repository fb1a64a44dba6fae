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
    from local.demo.crms import DemoCrm
    from local.stack import Stack

CONNECT_SECONDS = 120


class ConnectError(RuntimeError):
    """`dealtalk connect` failed; the text ends with what it said."""


@dataclass(frozen=True, slots=True)
class ConnectedAccount:
    """A simulated account that is connected, `connection` being the connection's id.

    `account` is the vendor's id, `profile` the file of its bot, `language` its customers'.
    """

    crm: str
    connection: str
    key: str
    account: str
    webhook_url: str
    crm_base_url: str
    subdomain: str
    platform: str
    name: str
    profile: Path
    language: str

    def conversation(self, chat: str) -> ConversationKey:
        """Return the key of a chat's conversation."""
        return ConversationKey.of_chat(self.crm, self.account, chat)

    def describe(self) -> dict[str, str]:
        """Return what .local/stack.json says of it."""
        names = ("crm", "key", "account", "webhook_url", "crm_base_url")
        return {name: getattr(self, name) for name in names}


def connect_all(
    stack: Stack, control: Control, crm: DemoCrm, changes: Mapping[str, Any] | None = None
) -> tuple[ConnectedAccount, ...]:
    """Connect every account of the CRM's simulator, each with the bot of its platform.

    `changes` are blocks that replace values of the profiles (see `local_profile`). Raises ConnectError.
    """
    accounts = control.accounts()
    # Written before the threads start, since two accounts may have the same bot.
    files = {bot.profile: local_profile(bot.profile, changes) for bot in crm.bots.values()}
    with ThreadPoolExecutor(len(accounts)) as pool:
        return tuple(pool.map(lambda one: connect(stack, control, crm, one, files), accounts))


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


def connect(
    stack: Stack, control: Control, crm: DemoCrm, account: Mapping[str, Any], profiles: Mapping[str, Path]
) -> ConnectedAccount:
    """Run `dealtalk connect` for one account; `profiles` are the files by their names. Raises ConnectError."""
    subdomain, platform = account["subdomain"], account["settings"]["platform"]
    bot = crm.bots[platform]
    said = dealtalk(
        stack,
        ("connect", crm.name, "--json", "--yes"),
        ("--profile", str(profiles[bot.profile])),
        *crm.connect_words(account),
        secrets={
            **crm.secrets(control.token(subdomain)),
            **(crm.account_secrets(account) if crm.account_secrets else {}),
        },
    )
    # A CRM that is polled has no webhook.
    if not said.get("webhook_registered", True):
        raise ConnectError(f"the webhook of {subdomain} was not registered: {said['warnings']}")
    if crm.tell_crm is not None:
        crm.tell_crm(control, account, said)
    return ConnectedAccount(
        crm=said["crm"],
        connection=said["connection"],
        key=said["key"],
        account=said["account"],
        webhook_url=said["webhook_url"],
        crm_base_url=said["crm_base_url"],
        subdomain=subdomain,
        platform=platform,
        name=account["name"],
        profile=profiles[bot.profile],
        language=bot.language,
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
