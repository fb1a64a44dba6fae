"""Bad input, one by one: the documented status, nothing stored twice, no customer's word in any log."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from dealtalk.errors import Retryable
from tests.unit.ingress.fakes import ACCOUNT, KEY, NOW, RememberedMessages, compose, message_form, post

TEXT = "Мой адрес Ленина 5, звоните"
PHONE = "+7 917 555-01-23"
NAME = "Олег Приметный"
CHAT = "79175550123@c.us"
WRONG_KEY = "wrong-key-8d1f"
MIB = 1024 * 1024

PLANTED = message_form(
    text=f"{TEXT} {PHONE}", author__name=NAME, chat_id=CHAT, attachment__link="https://amojo.amocrm.ru/priv4te"
)
MESSAGE = ACCOUNT | PLANTED


@dataclass(frozen=True)
class Case:
    """An event, the status that it gets, and how many messages it leaves in the store."""

    name: str
    event: dict[str, Any]
    status: int
    stored: int = 0


def changed(**changes: str | None) -> dict[str, str]:
    """Return the planted message as a form with other fields."""
    planted: dict[str, str | None] = {"text": f"{TEXT} {PHONE}", "author__name": NAME, "chat_id": CHAT}
    return ACCOUNT | message_form(**(planted | changes))


def lasting(text: str) -> Case:
    """Return the case of a text that is to be stored as it is."""
    return Case(f"text {text[:20]!r}", post(changed(text=text)), 200, stored=1)


def at(seconds: float) -> dict[str, str]:
    """Return the planted message, sent `seconds` from now."""
    return changed(created_at=str(int(NOW.timestamp() + seconds)))


FORM = urlencode(MESSAGE)
DEEP_JSON = '{"message": ' + '{"add": ' * 50 + json.dumps(TEXT) + "}" * 51
LONE_SURROGATE = '{"account": {"id": "31337000"}, "add": [{"id": "a", "chat_id": "b", "text": "\\ud83d!"}]}'

CASES = [
    Case("good", post(MESSAGE), 200, stored=1),
    Case("wrong key", post(MESSAGE, key=WRONG_KEY), 401),
    Case("empty key", post(MESSAGE, key=""), 401),
    Case("wrong account", post(MESSAGE | {"account[id]": "31337001"}), 401),
    Case("wrong subdomain", post(MESSAGE | {"account[subdomain]": "stranger"}), 401),
    Case("no account", post(PLANTED), 401),
    Case("account that is no group", post(PLANTED | {"account": "31337000"}), 401),
    Case("body over 1 MiB", post(FORM.encode() + b"&x=" + b"a" * MIB), 413),
    Case("plain body over 1 MiB", post(b"", body=FORM + "&x=" + "a" * MIB, isBase64Encoded=False), 413),
    Case("base64 over 1 MiB that is broken too", post(b"", body="*" * 2 * MIB), 413),
    Case("10,000 form keys", post(FORM + "".join(f"&k{number}=1" for number in range(10_000))), 400),
    Case("10,000 empty parts", post(FORM + "&" * 10_000), 400),
    Case("10,000 JSON keys", post(json.dumps({str(number): PHONE for number in range(10_000)})), 400),
    Case("form of depth 50", post(FORM + "&message" + "[a]" * 49 + "=" + quote(TEXT)), 400),
    Case("JSON of depth 50", post(DEEP_JSON), 400),
    Case("JSON of depth 100,000", post('{"a":' * 100_000), 400),
    Case("JSON list", post(json.dumps([{"text": TEXT}])), 400),
    Case("JSON with NaN", post('{"account": {"id": NaN, "text": "' + TEXT + '"}}'), 400),
    Case("cut JSON", post(json.dumps({"text": TEXT})[:-2]), 400),
    Case("broken UTF-8 in a form", post(FORM.encode() + b"&message[add][0][text]=%D0%BF%D1"), 400),
    Case("raw broken UTF-8", post(FORM.encode() + b"\xff\xfe"), 400),
    Case("broken UTF-8 in JSON", post(b'{"text": "\xd0"}'), 400),
    Case("broken base64", post(b"", body=FORM), 400),
    Case("base64 cut off", post(b"", body="YWNjb3VudA="), 400),
    Case("empty body", post(b""), 400),
    Case("plain text as a body", post(f"{TEXT} {PHONE}"), 400),
    Case("body that is no text", post(b"", body={"text": TEXT}), 400),
    Case("no HTTP event", {"text": TEXT, "Records": [PHONE]}, 400),
    Case("PUT", post(MESSAGE, requestContext={"http": {"method": "PUT"}}), 405),
    Case("GET", post(MESSAGE, requestContext={"http": {"method": "GET"}}), 200),
    Case("HEAD", post(MESSAGE, requestContext={"http": {"method": "HEAD"}}), 200),
    *(Case(f"no {name}", post(changed(**{name: None})), 200) for name in ("id", "text")),
    *(
        Case(f"no {name}", post(changed(**{name: None})), 200, stored=1)
        for name in ("chat_id", "talk_id", "created_at", "contact_id", "author__type", "origin", "element_id", "type")
    ),
    Case("neither chat nor talk", post(changed(chat_id=None, talk_id=None)), 200),
    *(
        Case(f"huge {name}", post(changed(**{name: "9" * 100_000})), 200, stored=1)
        for name in ("id", "chat_id", "talk_id", "contact_id", "element_id", "created_at", "author__id", "author__name")
    ),
    Case("empty text", post(changed(text="")), 200),
    Case("blank text", post(changed(text=" \n ")), 200),
    Case("a year ahead", post(at(365 * 86_400)), 200, stored=1),
    Case("ten years ago", post(at(-3_650 * 86_400)), 200, stored=1),
    Case("before the epoch", post(changed(created_at="-1")), 200, stored=1),
    Case("only NULs", post(changed(text="\x00\x00")), 200),
    Case("NULs and controls", post(changed(text=f"{TEXT}\x00\x1b[2J\x07")), 200, stored=1),
    Case("100,000 characters", post(changed(text="я" * 100_000)), 200, stored=1),
    lasting("👨‍👩‍👧‍👦 🇷🇺 👍🏽"),
    lasting("שלום \u200fמה המחיר? \u202bхорошо\u202c"),
    lasting("<img src=x onerror=alert(1)><b>цена</b> &amp; <!-- -->"),
    lasting("[b]цена[/b] [url=javascript:alert(1)]тут[/url]"),
    lasting("${jndi:ldap://x/a} {{7*7}} %s %(text)s {0} '; DROP TABLE x; --"),
    lasting("CONV#amocrm#1#2"),
    Case("lone surrogate", post(LONE_SURROGATE), 200, stored=1),
    Case("value where a group belongs", post(MESSAGE | {"message[add][0][author]": NAME}), 200, stored=1),
    Case("unknown event", post(ACCOUNT | {f"{TEXT}[add][0][phone]": PHONE}), 200),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_gets_its_status_and_leaves_no_trace_of_the_customer(
    case: Case, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the answer nor any log or metric carries a text, phone, name, chat id, link or key."""
    caplog.set_level(logging.DEBUG)
    rig = compose()
    answer = rig.webhook.handle(case.event, None)
    assert answer["statusCode"] == case.status
    assert len(rig.intake.messages) == case.stored
    printed = "".join(capfd.readouterr())
    left = "\n".join([rig.log.getvalue(), printed, caplog.text, json.dumps(answer)])
    for text in (left, json.loads(f'"{escaped(left)}"')):
        for secret in (TEXT, PHONE, "555-01-23", NAME, CHAT, "priv4te", KEY, WRONG_KEY, "oknaufa", "stranger"):
            assert secret not in text
    assert "Traceback" not in left


def escaped(text: str) -> str:
    r"""Return a text fit to be read as JSON once more, so that \u0041 in a log is read as it is meant."""
    return (
        text.replace("\\u", "\0u").replace("\\", "\\\\").replace("\0u", "\\u").replace('"', '\\"').replace("\n", "\\n")
    )


@pytest.mark.parametrize("case", [case for case in CASES if case.stored], ids=lambda case: case.name)
def test_a_second_delivery_stores_nothing_twice(case: Case) -> None:
    """However odd the message is, it is recognised when it comes again."""
    rig = compose()
    assert [rig.status(case.event), rig.status(case.event)] == [200, 200]
    assert len(rig.intake.messages) == case.stored


@pytest.mark.parametrize("case", [case for case in CASES if case.stored], ids=lambda case: case.name)
def test_what_is_stored_is_fit_to_be_stored(case: Case) -> None:
    """UTF-8, no control characters, short ids, a text within its limit, a time that can be."""
    rig = compose()
    rig.status(case.event)
    for message in rig.intake.messages:
        assert message.text.encode()
        assert not any(character < " " and character not in "\n\t" for character in message.text)
        assert len(message.text) <= 20_000
        assert len(message.id) <= 128
        assert len(message.chat.chat_id) <= 128
        assert message.sent_at <= NOW
        assert message.sent_at.year >= 2010


@pytest.mark.parametrize("error", [Retryable(TEXT), RuntimeError(f"{TEXT} {PHONE}"), ValueError(KEY)])
def test_a_failure_to_store_leaves_no_trace_of_the_customer(
    error: Exception, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """500, and neither the exception's text nor a stack trace anywhere."""
    caplog.set_level(logging.DEBUG)
    rig = compose(intake=RememberedMessages(error=error))
    answer = rig.webhook.handle(post(MESSAGE), None)
    assert (answer["statusCode"], answer["body"]) == (500, "")
    left = rig.log.getvalue() + "".join(capfd.readouterr()) + caplog.text + json.dumps(answer)
    assert "Traceback" not in left
    for secret in (TEXT, PHONE, KEY):
        assert secret not in json.loads(f'"{escaped(left)}"')


def test_only_what_cannot_be_stored_is_answered_with_500() -> None:
    """No input alone makes the webhook fail."""
    assert [case.name for case in CASES if compose().status(case.event) >= 500] == []
