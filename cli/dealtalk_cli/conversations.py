"""`dealtalk conversations`: look at conversations, pause and resume them, try again, forget them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dealtalk.connections import ConnectionState, Mode
from dealtalk.conversation.doorbell import SqsDoorbell
from dealtalk.conversation.forgetting import Forgetting
from dealtalk.conversation.oversight import Order, Oversight
from dealtalk.errors import Retryable
from dealtalk_cli import conversations_list, conversations_show, place
from dealtalk_cli.asking import Asking
from dealtalk_cli.conversations_archive import Archive
from dealtalk_cli.conversations_words import mode_of, spoken_mode
from dealtalk_cli.errors import Trouble
from dealtalk_cli.leftovers import forget_leftovers
from dealtalk_cli.stack import open_stack

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from dealtalk.conversation.state import State
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice

    Command = Callable[[argparse.Namespace, Stack, Voice], int]

REMAINS = (
    "numbers and the mode, under the hash of the chat's id: for 31 days, without an end where the bot is silent there",
    "hashes of known messages' ids for up to 30 days, so that a webhook which comes again brings nothing back",
    "who gave which command in this conversation, for 180 days",
    "in the CRM: the chat, the deal and the notes there; erase them there",
    "in the logs: ids and hashes, no text; in the queues: hashes, for up to 14 days",
    "in the table's point-in-time backups: everything, for up to 35 days; and at the model's provider what it keeps",
)


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command with its actions."""
    conversations = commands.add_parser("conversations", help="look at conversations, pause, resume, retry, forget")
    actions = conversations.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = _action(actions, "list", "which there are, and which wait", conversations_list.run)
    conversations_list.add_arguments(listing)
    show = _one(actions, "show", "all that happened in one", conversations_show.run)
    show.add_argument("--full", action="store_true", help="do not shorten texts")
    pause = _one(actions, "pause", "silence the bot until you resume it: a person leads", _pause)
    pause.add_argument("--off", action="store_true", help="nobody is to be written to, also after a person wrote")
    _one(actions, "resume", "let the bot come back; what waits is answered", _resume)
    _one(actions, "retry", "ring anew for what is unanswered or unfinished", _retry)
    forget = _one(actions, "forget", "erase all of the customer's data", _forget)
    forget.add_argument("--yes", action="store_true", help="do not ask")


def run(arguments: argparse.Namespace, voice: Voice) -> int:
    """Do the action. Raises Trouble and DealtalkError."""
    stack = open_stack(place.find_place(arguments))
    command: Command = arguments.do
    return command(arguments, stack, voice)


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str, do: Command
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=text, description=text)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    place.add_arguments(parser)
    parser.set_defaults(run=run, do=do)
    return parser


def _one(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str, do: Command
) -> argparse.ArgumentParser:
    parser = _action(actions, name, text, do)
    parser.add_argument("id", metavar="ID", help="the conversation's id, or the beginning of it")
    return parser


def _pause(arguments: argparse.Namespace, stack: Stack, voice: Voice) -> int:
    state = Archive(stack).find(arguments.id)
    _oversight(stack, needs_queue=False).pause(state.conversation, off=arguments.off)
    voice.done("nobody is written to there until you resume it" if arguments.off else "a person leads until you resume")
    return _tell(state, stack, voice)


def _resume(arguments: argparse.Namespace, stack: Stack, voice: Voice) -> int:
    state = Archive(stack).find(arguments.id)
    oversight = _oversight(stack, needs_queue=True)
    rung = _ringing(lambda: oversight.resume(state.conversation), Order.RESUMED)
    voice.done("the bot is back")
    voice.line("what waits there is rung for" if rung else "nothing waits there: the next message is answered")
    return _tell(state, stack, voice, rung=rung)


def _retry(arguments: argparse.Namespace, stack: Stack, voice: Voice) -> int:
    state = Archive(stack).find(arguments.id)
    oversight = _oversight(stack, needs_queue=True)
    rung = _ringing(lambda: oversight.retry(state.conversation), Order.RETRIED)
    if rung:
        voice.done("rung anew")
    else:
        voice.warn("nothing is unanswered or unfinished there: nothing was done")
    return _tell(state, stack, voice, rung=rung)


def _forget(arguments: argparse.Namespace, stack: Stack, voice: Voice) -> int:
    state = Archive(stack).find(arguments.id)
    conversation = state.conversation
    account = f"{conversation.crm} account {conversation.account}"
    Asking(yes=arguments.yes).agree(f"Erase the conversation {conversation.id} of the {account}?")
    connection = stack.directory.load(conversation.crm, state.connection)
    if connection is not None:
        # First, since the chat's id is among what is erased then.
        forget_leftovers(connection, state.chat.chat_id, stack.table, stack.clock)
    erased = Forgetting(stack.table, stack.clock, _operator(stack)).forget(conversation)
    voice.done(f"erased: {erased.entries} entries, {erased.turns} turns, the ids of chat, contact and deal")
    voice.line("What remains:")
    for sentence in REMAINS:
        voice.line(f"  {sentence}")
    if state.mode in {Mode.HUMAN, Mode.OFF}:
        voice.line("The bot stays silent there, as before.")
    voice.result(
        {"id": conversation.id, "entries": erased.entries, "turns": erased.turns, "what_remains": list(REMAINS)}
    )
    return 0


def _tell(before: State, stack: Stack, voice: Voice, **facts: Any) -> int:  # noqa: ANN401 (any JSON)
    """Say how the conversation stands now, and what keeps the bot silent all the same."""
    state = _oversight(stack, needs_queue=False).look(before.conversation)
    connection = stack.directory.load(state.conversation.crm, state.connection)
    mode = mode_of(state, connection)
    voice.line(f"conversation {state.conversation.id}: {spoken_mode(state, connection)}")
    rung = facts.get("rung")
    if rung and state.mode in {Mode.HUMAN, Mode.OFF}:
        voice.warn("the bot is silent there: `dealtalk conversations resume` lets it come back")
    elif rung and mode in {Mode.HUMAN, Mode.OFF}:
        voice.warn(f"the connection's own mode is {mode}")
    if rung is not None and connection is not None and connection.state is not ConnectionState.ACTIVE:
        voice.warn(f"the connection is {connection.state}: nothing is answered before dealtalk doctor is content")
    voice.result({"id": state.conversation.id, "mode": mode.value, "paused": state.paused, **facts})
    return 0


def _oversight(stack: Stack, *, needs_queue: bool) -> Oversight:
    queue = stack.place.queue_url
    if needs_queue and not queue:
        raise Trouble(f"--queue-url is missing: {stack.place.name} does not tell it")
    return Oversight(stack.table, SqsDoorbell(stack.place.client("sqs"), queue or ""), stack.clock, _operator(stack))


def _ringing(give: Callable[[], bool], order: Order) -> bool:
    try:
        return give()
    except Retryable as failure:
        advice = f"If the conversation shows `{order}`, its timer rings within three minutes; else run this again."
        raise Trouble(str(failure), advice) from None


def _operator(stack: Stack) -> str:
    """Return who runs this, by AWS's word: the last part of the caller's ARN, a role's session or a user's name."""
    with place.aws_calls("say who you are"):
        arn: str = stack.place.client("sts").get_caller_identity()["Arn"]
    return arn.split(":", 5)[-1]
