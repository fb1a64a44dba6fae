"""The storm's accounts in the simulated CRM, each connected by the code of `dealtalk connect`, in this process."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from dealtalk.messages import ConversationKey
from dealtalk_cli import place, registry
from dealtalk_cli.asking import Asking
from dealtalk_cli.main import parser
from dealtalk_cli.stack import open_stack
from dealtalk_cli.voice import Voice
from tests.storm.crms import Kind, StormCrm, profile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from local.stack import Stack
    from tests.storm.control import StormControl
    from tests.storm.traffic import PlannedAccount

KEPT_FOR_OTHERS = 2
"""Calls per second of an account's limit that the connection is told to leave to other programs."""

AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class StormAccount:
    """A connected account. `id` is the vendor's."""

    planned: PlannedAccount
    kind: Kind
    crm: str
    id: str
    connection: str

    @property
    def name(self) -> str:
        """The account's name in the simulator."""
        return self.planned.name

    def conversation(self, chat: str) -> ConversationKey:
        """Return the key of a chat's conversation."""
        return ConversationKey.of_chat(self.crm, self.id, chat)


class SilentVoice(Voice):
    """Prints nothing: forty connections would print three hundred lines."""

    def _line(self, text: str) -> None:
        """Print nothing."""


def connect_all(
    stack: Stack, control: StormControl, crm: StormCrm, planned: Iterable[PlannedAccount], folder: Path
) -> tuple[StormAccount, ...]:
    """Make the accounts and connect them; `folder` takes the files that the command reads. Raises Trouble."""
    described = folder / "stack.json"
    described.write_text(json.dumps(stack.describe()), encoding="utf-8")
    planned = tuple(planned)
    for number, minutes in {(one.kind, one.resume_after_minutes) for one in planned}:
        kind = crm.kinds[number]
        text = yaml.safe_dump(profile(kind.names, minutes), allow_unicode=True, sort_keys=False)
        _bot(folder, kind, minutes).write_text(text, encoding="utf-8")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(pool.map(lambda one: _connect(control, crm, one, folder), planned))


def _connect(control: StormControl, crm: StormCrm, planned: PlannedAccount, folder: Path) -> StormAccount:
    kind = crm.kinds[planned.kind]
    switches = {**kind.switches, crm.limit_switch: planned.calls_per_second}
    made = control.add_account(kind.factory, planned.name, switches)
    bot = _bot(folder, kind, planned.resume_after_minutes)
    token = folder / f"{planned.name}.token"
    token.write_text(control.token(planned.name), encoding="utf-8")
    words = [
        *("connect", crm.crm, "--json", "--yes", "--stack-file", str(folder / "stack.json")),
        *("--subdomain", planned.name, "--platform", kind.platform, "--api-base", made["base_url"]),
        *("--token-file", str(token), "--profile", str(bot)),
        *("--create-reply-field", kind.names.reply_field, "--bot-id", str(made["bots"][0]["id"])),
        *("--option", f"calls_per_second={planned.calls_per_second - KEPT_FOR_OTHERS}"),
    ]
    arguments = parser().parse_args(words)
    opened = open_stack(place.find_place(arguments))
    said: dict[str, Any] = dict(
        registry.connector(crm.crm).connect(arguments, opened, SilentVoice(as_json=True), Asking(yes=True))
    )
    return StormAccount(planned, kind, crm.crm, str(said["account"]), str(said["connection"]))


def _bot(folder: Path, kind: Kind, resume_after_minutes: int) -> Path:
    return folder / f"{kind.factory}{resume_after_minutes}.yaml"
