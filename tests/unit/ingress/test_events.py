"""The events: all are what the script writes, and the webhook takes each of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dealtalk.messages import AttachmentKind, Author
from events import build
from tests.unit.ingress.fakes import ComposedWebhook, compose

FOLDER = Path(build.__file__).parent / "amocrm_webhook"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


def taken(name: str) -> ComposedWebhook:
    """Return a webhook that was given the event of a file and answered 200."""
    rig = compose()
    event: Any = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert rig.status(event) == 200
    return rig


def test_the_files_are_what_the_script_writes() -> None:
    """Nobody edited them by hand, and none is left over."""
    found = FOLDER.parent.glob("*/*.json")
    assert {path: path.read_text(encoding="utf-8") for path in found} == build.files()


def test_the_readme_names_every_event() -> None:
    """Who looks for a case finds it."""
    readme = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    names = [path.stem for path in FOLDER.parent.glob("*/*.json")]
    assert [name for name in names if f"`{name}`" not in readme] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_event_is_answered_with_200(name: str) -> None:
    """All of them are well-formed."""
    taken(name)


@pytest.mark.parametrize("name", ["text_plain", "text_json", "text_unwrapped", "trailing_slash", "several_groups"])
def test_the_same_message_is_the_same_in_every_format(name: str) -> None:
    """Plain or base64, form or JSON, wrapped or not: one message."""
    assert taken(name).intake.messages == taken("text").intake.messages


def test_the_text_is_decoded_exactly_once() -> None:
    """`&` and `+` are the customer's."""
    (message,) = taken("text").intake.messages
    assert message.text == "Здравствуйте! Сколько стоит окно 1300 на 1400 & когда замер? +7 917 000-00-00"


def test_a_burst_is_several_messages_of_one_conversation() -> None:
    """In the order in which they stand."""
    messages = taken("burst").intake.messages
    assert [message.text for message in messages] == ["Добрый день", "нужно окно на кухню", "1300 на 1400, белое 🙂"]
    assert len({message.conversation for message in messages}) == 1


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("voice", AttachmentKind.VOICE),
        ("picture", AttachmentKind.PICTURE),
        ("location", AttachmentKind.LOCATION),
    ],
)
def test_a_message_without_text_carries_its_attachment(name: str, kind: AttachmentKind) -> None:
    """It is stored, so that it can have an honest answer."""
    (message,) = taken(name).intake.messages
    assert ([attachment.kind for attachment in message.attachments], message.text) == ([kind], "")


def test_a_contacts_message_has_no_deal() -> None:
    """The lead is to be found through the talk."""
    (message,) = taken("contact_only").intake.messages
    assert (message.chat.deal_id, message.chat.contact_id, message.chat.talk_id) == (None, "93589657", "100")


def test_an_unsorted_item_names_the_lead() -> None:
    """Its contact is the message's."""
    (message,) = taken("unsorted").intake.messages
    assert message.chat.deal_id == "27754601"


@pytest.mark.parametrize(
    ("name", "author"),
    [
        ("outgoing_employee", Author.EMPLOYEE),
        ("outgoing_employee_in_message", Author.EMPLOYEE),
        ("outgoing_own_echo", Author.BOT),
        ("outgoing_other_bot", Author.BOT),
    ],
)
def test_an_outgoing_messages_author_is_known(name: str, author: Author) -> None:
    """A person silences the bot, a bot does not."""
    (message,) = taken(name).intake.messages
    assert (message.author, message.outgoing) == (author, True)


@pytest.mark.parametrize(("name", "ignored"), [("unknown_event", {"unknown_event": 1}), ("lead_update", {"leads": 1})])
def test_other_events_are_ignored_and_counted(name: str, ignored: dict[str, int]) -> None:
    """They are well-formed, and not ours to answer."""
    rig = taken(name)
    assert rig.intake.messages == []
    assert rig.log_lines[-1]["ignored"] == ignored
