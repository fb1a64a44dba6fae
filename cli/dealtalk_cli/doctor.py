"""`dealtalk doctor`: look at connections as they are now, and say what to do about what is wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from dealtalk.connections import ConnectionState
from dealtalk.crm.registry import HISTORIES, POLLED
from dealtalk.errors import DealtalkError, NeedsAttention
from dealtalk.recovery.bookmark import Stand, reader_key
from dealtalk_cli import place, registry
from dealtalk_cli.errors import Trouble
from dealtalk_cli.findings import Finding, Level, ok, problem, warning
from dealtalk_cli.stack import open_stack
from dealtalk_cli.waking import woken

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from dealtalk.connections import Connection
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice

PROBLEMS = 1
LATE = timedelta(minutes=40)
"""Four runs of the reconciler: then what no webhook brought is no longer found in time."""
LATE_POLLED = timedelta(minutes=5)
"""The poller looks every few seconds, and nothing else brings these messages."""


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    doctor = commands.add_parser("doctor", help="check connections: token, webhook, field, bot, profile")
    which = doctor.add_mutually_exclusive_group()
    which.add_argument("--connection", metavar="ID", help="one: its id, its account's id or its subdomain")
    which.add_argument("--all", action="store_true", help="all of the stack, as without this option")
    doctor.add_argument("--fix", action="store_true", help="switch on again what works again")
    doctor.add_argument("--json", action="store_true", help="one JSON object on standard output")
    place.add_arguments(doctor)
    doctor.set_defaults(run=run)


def run(arguments: argparse.Namespace, voice: Voice) -> int:
    """Examine: 0 nothing is broken (warnings are no breakage), 1 problems. Raises Trouble and DealtalkError."""
    stack = open_stack(place.find_place(arguments))
    voice.line(f"{stack.place.name}: webhooks at {stack.place.api_url}")
    of_stack = _say(voice, list(_model(stack)))
    patients = chosen_connections(stack, arguments.connection)
    report: list[dict[str, object]] = []
    found = of_stack
    if not patients:
        found = [*found, *_say(voice, [warning("connections", "none yet", "Connect an account: dealtalk connect.")])]
    for connection in patients:
        voice.line(f"{connection.crm} account {connection.account}, connection {connection.id}")
        findings = _say(voice, _examine(connection, stack, fix=arguments.fix))
        found = [*found, *findings]
        report.append(
            {
                "crm": connection.crm,
                "connection": connection.id,
                "account": connection.account,
                "findings": [each.as_json() for each in findings],
            }
        )
    problems = sum(each.level is Level.PROBLEM for each in found)
    warnings = sum(each.level is Level.WARNING for each in found)
    voice.line(f"{problems} problems, {warnings} warnings")
    voice.result(
        {
            "stack": [each.as_json() for each in of_stack],
            "connections": report,
            "problems": problems,
            "warnings": warnings,
        }
    )
    return PROBLEMS if problems else 0


def chosen_connections(stack: Stack, wanted: str | None) -> list[Connection]:
    """Return the connection with this id, account or subdomain, or all. Raises Trouble where there is none such."""
    every = [each for crm in registry.crms() for each in stack.directory.connections(crm)]
    if wanted is None:
        return every
    named = [each for each in every if wanted in {each.id, each.account, each.options.get("subdomain")}]
    if not named:
        loaded = (stack.directory.load(crm, wanted) for crm in registry.crms())
        named = [each for each in loaded if each is not None]
    if not named:
        raise Trouble(f"the {stack.place.name} has no connection {wanted}", "dealtalk doctor lists them all.")
    if len(named) > 1:
        raise Trouble(f"{len(named)} connections are called {wanted}", "Give the connection's id.")
    return named


def _say(voice: Voice, findings: Iterator[Finding] | list[Finding]) -> list[Finding]:
    said = []
    for finding in findings:
        voice.line(finding.line())
        said.append(finding)
    return said


def _examine(connection: Connection, stack: Stack, *, fix: bool) -> Iterator[Finding]:
    profile = None
    try:
        profile = stack.profiles.store.get(connection.profile)
    except DealtalkError as error:
        yield problem("profile", str(error), "Correct it, then run dealtalk connect with --profile.")
    else:
        yield ok("profile", f"{connection.profile}: {profile.name}")
    works = True
    for finding in registry.doctor(connection.crm).examine(connection, profile, stack, fix=fix):
        works = works and not (finding.check == "token" and finding.level is Level.PROBLEM)
        yield finding
    yield from _history(connection, stack)
    yield from _state(connection, stack, works=works, fix=fix)


def _state(connection: Connection, stack: Stack, *, works: bool, fix: bool) -> Iterator[Finding]:
    now = stack.clock.now()
    if connection.state is ConnectionState.OFF:
        yield warning("state", "switched off: nothing is answered", "Connect the account again to switch it on.")
    elif connection.state is ConnectionState.NEEDS_ATTENTION:
        if works and fix:
            stack.connections.recovered(connection)
            yield ok("state", f"active again; it needed attention: {connection.state_reason}")
            if waited := woken(connection, stack):
                yield ok("waiting", waited)
        else:
            advice = "The token works: run dealtalk doctor --fix." if works else "Repair what stands above first."
            yield problem("state", f"needs attention: {connection.state_reason}", advice)
    else:
        yield ok("state", f"active, {connection.mode}")
    if connection.cooldown_until is not None and connection.cooldown_until > now:
        seconds = int((connection.cooldown_until - now).total_seconds())
        yield warning("state", f"the CRM asked for a pause: nobody calls it for {seconds} s more")


def _history(connection: Connection, stack: Stack) -> Iterator[Finding]:
    """Say when the account's own record was last read, where the CRM has one that is read."""
    if connection.crm not in HISTORIES or connection.state is ConnectionState.OFF:
        return
    key = reader_key(connection)
    stand = Stand.of(stack.table.read([key]).get(key))
    begun = stand.read_at or connection.connected_at
    polled = connection.crm in POLLED
    late = begun is not None and stack.clock.now() - begun > (LATE_POLLED if polled else LATE)
    if stand.read_at is None:
        sentence = "not read yet" if stand.failed_why is None else f"never read to its end ({stand.failed_why})"
    else:
        since = f", {stand.failed_why} since" if stand.failed_why else ""
        sentence = f"last read at {stand.read_at:%Y-%m-%d %H:%M} UTC{since}"
    if late:
        found = problem if polled else warning
        yield found("history", sentence, "Look at the log of the function that reads it: reconciler or poller.")
    else:
        yield ok("history", sentence)


def _model(stack: Stack) -> Iterator[Finding]:
    name = f"{stack.place.secrets_prefix}/model"
    put = f'Put {{"api_key": "…"}} into the secret {name}.'
    try:
        secret = stack.secrets.read(name)
    except NeedsAttention:
        yield warning("model", f"the secret {name} has no value or may not be read from here", put)
        return
    except DealtalkError as error:
        yield warning("model", str(error))
        return
    if secret.get("api_key") or secret.get("token"):
        yield ok("model", "a key is set")
    else:
        yield warning("model", f"the secret {name} holds no api_key", put)
