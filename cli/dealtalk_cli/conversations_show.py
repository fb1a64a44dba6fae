"""`dealtalk conversations show`: one conversation, from its first message to its last step."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dealtalk.conversation.state import moment
from dealtalk_cli.conversations_archive import Archive
from dealtalk_cli.conversations_list import deal_of
from dealtalk_cli.conversations_story import Event, read_story
from dealtalk_cli.conversations_words import spoken_mode, visible, when

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from dealtalk.connections import Connection
    from dealtalk.conversation.state import State
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice


def run(arguments: argparse.Namespace, stack: Stack, voice: Voice) -> int:
    """Print the whole conversation. Raises Trouble and DealtalkError."""
    archive = Archive(stack)
    state = archive.find(arguments.id)
    connection = stack.directory.load(state.conversation.crm, state.connection)
    story = read_story(archive, state)
    for line in _head(state, connection):
        voice.line(visible(line, full=True))
    voice.line()
    for event in story:
        for line in _lines(event, full=arguments.full):
            voice.line(line)
    if not story:
        voice.line("nothing was said, or all of it was forgotten or has expired")
    voice.result({**_numbers(state, connection), "story": [event.as_json() for event in story]})
    return 0


def _head(state: State, connection: Connection | None) -> Iterator[str]:
    chat = state.chat
    ids = {"chat": chat.chat_id, "talk": chat.talk_id, "contact": chat.contact_id, "deal": deal_of(state)}
    yield f"conversation {state.conversation.id}"
    yield f"  {state.conversation.crm} account {state.conversation.account}, connection {state.connection}"
    yield f"  channel {chat.channel or '-'}, " + ", ".join(f"{name} {value or '-'}" for name, value in ids.items())
    yield f"  mode {spoken_mode(state, connection)}, {'something waits' if state.is_waiting else 'nothing waits'}"
    due = moment(state.due_at * 1000) if state.due_at else None
    yield f"  looked at again {when(due)}, an employee wrote last {when(state.employee_at)}"
    yield (
        f"  numbers: arrived {state.arrived}, customer's {state.customer_no}, employee's {state.employee_no}, "
        f"answered {state.answered}, fence {state.fence}, open turn {state.turn or '-'}"
    )
    yield f"  rings {state.rings}, redrives {state.redrives}, tries of the sweeper {state.due_tries}"
    if state.day:
        yield f"  on {state.day}: {state.day_replies} replies, {state.day_tokens} tokens"
    if state.forgotten:
        yield f"  forgotten up to number {state.forgotten}"


def _numbers(state: State, connection: Connection | None) -> dict[str, Any]:
    return {
        "id": state.conversation.id,
        "crm": state.conversation.crm,
        "account": state.conversation.account,
        "connection": state.connection,
        "channel": state.chat.channel,
        "chat": state.chat.chat_id or None,
        "talk": state.chat.talk_id,
        "contact": state.chat.contact_id,
        "deal": deal_of(state),
        "mode": spoken_mode(state, connection),
        "waiting": state.is_waiting,
        "due_at": moment(state.due_at * 1000).isoformat() if state.due_at else None,
        "employee_at": state.employee_at.isoformat() if state.employee_at else None,
        "arrived": state.arrived,
        "customer_no": state.customer_no,
        "employee_no": state.employee_no,
        "answered": state.answered,
        "fence": state.fence,
        "open_turn": state.turn,
        "unconfirmed_turn": state.unconfirmed.turn if state.unconfirmed else None,
        "rings": state.rings,
        "redrives": state.redrives,
        "due_tries": state.due_tries,
        "forgotten_up_to": state.forgotten or None,
        "day": {"date": state.day, "replies": state.day_replies, "tokens": state.day_tokens} if state.day else None,
    }


def _lines(event: Event, *, full: bool) -> Iterator[str]:
    facts, text = event.facts, visible(event.text, full=full)
    head = when(event.at)
    match event.kind:
        case "message":
            name = f" ({visible(facts['name'], full=full)})" if facts.get("name") else ""
            yield f"{head}  #{facts['number']} {event.who}{name}: {text}{_attached(event, full=full)}"
        case "reply":
            yield f"{head}  reply, turn {event.turn}, by {facts.get('way') or '-'}: {text}"
        case "change":
            yield f"{head}  change, turn {event.turn}, by the {event.who}: {text}{_values(event, full=full)}"
        case "handoff":
            yield f"{head}  handoff, turn {event.turn}: {text}"
        case "operator":
            yield f"{head}  operator {visible(event.who, full=full)}: {text}"
        case _:
            yield f"{head}  turn {event.turn}: {_turn(event)}"
            for step in event.steps:
                yield f"    {when(step.at)}  {_step(step, full=full)}"


def _attached(event: Event, *, full: bool) -> str:
    attached = event.facts.get("attachments") or ()
    parts = [" ".join(str(each[name]) for name in ("kind", "file_name", "url") if each[name]) for each in attached]
    return "".join(f" [{visible(part, full=full)}]" for part in parts)


def _values(event: Event, *, full: bool) -> str:
    old, new = event.facts.get("old"), event.facts.get("new")
    if old is None and new is None:
        return ""
    return f" [{visible(_plain(old), full=full)} -> {visible(_plain(new), full=full)}]"


def _turn(event: Event) -> str:
    facts = event.facts
    parts = [str(facts["status"]), f"answers up to #{facts['answers_up_to']}"]
    if facts["closed_at"]:
        parts.append(f"closed {when(datetime.fromisoformat(facts['closed_at']))}")
    if facts["tokens_in"]:
        parts.append(_tokens(facts))
    if facts["cost_usd"]:
        parts.append(f"${facts['cost_usd']}")
    return ", ".join(parts)


def _step(step: Event, *, full: bool) -> str:
    facts = step.facts
    parts = [f"{facts['step']} {step.kind} {facts['state']}"]
    if "model" in facts:
        parts += [f"model {visible(str(facts['model']), full=full)}", _tokens(facts)]
    for name in ("calls", "acts"):
        parts += [visible(each, full=full) for each in facts.get(name) or ()]
    parts += [visible(_change(each), full=full) for each in facts.get("changes") or ()]
    parts += [f"{name} {facts[name]}" for name in ("way", "confirmed", "uncertain") if facts.get(name) is not None]
    if step.text:
        parts.append(visible(step.text, full=full))
    return ", ".join(parts)


def _change(each: dict[str, Any]) -> str:
    """Return a change of a step: what was wished, and what came of it where that is known."""
    wished = each.get("change", each)
    words = [str(value) for name, value in wished.items() if name not in {"value", "marker"}]
    if "value" in wished:
        words.append(_plain(wished["value"][1]))
    text = " ".join(words)
    if "applied" not in each:
        return text
    if not each["applied"]:
        return f"{text}: not done, {each.get('refusal') or 'the CRM does not show it'}"
    return f"{text}: {_plain(each['old'])} -> {_plain(each.get('new'))}" if "old" in each else f"{text}: done"


def _tokens(facts: dict[str, Any]) -> str:
    return f"{facts['tokens_in']} tokens in ({facts['tokens_cached']} cached), {facts['tokens_out']} out"


def _plain(value: object) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
