"""Random input: only documented statuses, no exception, nothing stored that cannot be stored.

A normal run is repeatable. `DEALTALK_FUZZ_EXAMPLES=100000` makes a long one, random each time.
"""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dealtalk.crm.amocrm.inbound import authenticate, parse
from dealtalk.ingress.http import Request
from tests.unit.ingress.fakes import ACCOUNT, KEY, NOW, compose, connection, message_form, post

if TYPE_CHECKING:
    from dealtalk.messages import InboundMessage

EXAMPLES = os.environ.get("DEALTALK_FUZZ_EXAMPLES")
fuzz = settings(
    max_examples=int(EXAMPLES or 2_000) // 4,
    deadline=None,
    derandomize=EXAMPLES is None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
DOCUMENTED = {200, 400, 401, 405, 413}

WORDS = [
    *("account", "id", "subdomain", "31337000", "oknaufa", "message", "outgoing_message", "unsorted", "leads"),
    *("add", "update", "delete", "0", "1", "2", "", "chat_id", "talk_id", "contact_id", "text", "created_at"),
    *("type", "incoming", "outgoing", "author", "external", "internal", "bot", "user_id", "name", "origin"),
    *("entity_type", "entity_id", "element_type", "element_id", "lead", "lead_id", "source_data", "data", "contacts"),
    *("attachment", "link", "file_name", "message_type", "voice", "1795168000"),
]
words = st.sampled_from(WORDS) | st.text(max_size=8)
characters = st.text(st.characters(codec=None), max_size=30) | st.sampled_from(
    ["\x00", "\ud800", "👍🏽", "%", "&", "[", "9" * 500]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | words | characters | st.just(10**21)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=6), max_leaves=20
)
MESSAGE_FIELDS = [key.split("[")[3].rstrip("]") for key in message_form()] + [
    "attachment",
    "message_type",
    "entity_type",
]
messages = st.dictionaries(st.sampled_from(MESSAGE_FIELDS), documents, max_size=14).map(
    lambda fields: {"id": "a", "chat_id": "b", "text": "c"} | fields
)
payloads = st.fixed_dictionaries(
    {},
    optional={
        "account": documents | st.just({"id": "31337000", "subdomain": "oknaufa"}),
        "message": st.fixed_dictionaries({"add": st.lists(messages | documents, max_size=3)}) | documents,
        "outgoing_message": st.fixed_dictionaries({"add": st.dictionaries(words, messages, max_size=3)}) | documents,
        "add": st.lists(messages, max_size=2) | documents,
        "unsorted": st.fixed_dictionaries({"add": st.lists(documents, max_size=3)}) | documents,
        "leads": documents,
    },
)


def assert_fit(message: InboundMessage) -> None:
    """Fail where a message could not be stored or shown."""
    texts = [
        message.id,
        message.text,
        message.chat.chat_id,
        message.author_id,
        message.author_name,
        message.chat.channel,
    ]
    texts += [text for attachment in message.attachments for text in (attachment.url, attachment.file_name)]
    for text in texts:
        assert text is None or text.encode() is not None
        assert text is None or not any(character < " " and character not in "\n\t" for character in text)
    assert len(message.text) <= 20_000
    assert 0 < len(message.id) <= 128
    assert 0 < len(message.chat.chat_id) <= 128
    for number in (message.chat.deal_id, message.chat.talk_id, message.chat.contact_id):
        assert number is None or (number.isascii() and number.isdigit() and len(number) <= 20)
    assert message.sent_at.tzinfo is not None


def assert_documented(event: Any) -> None:
    """Fail where a webhook that can store does not answer with a documented status."""
    rig = compose()
    assert rig.status(event) in DOCUMENTED
    for message in rig.intake.messages:
        assert_fit(message)


@fuzz
@given(st.binary(max_size=400), st.sampled_from([KEY, "", "other"]))
def test_random_bytes_get_a_documented_status(body: bytes, key: str) -> None:
    """With the right key and with others."""
    assert_documented(post(body, key=key))


@fuzz
@given(st.data())
def test_a_broken_form_gets_a_documented_status(data: st.DataObject) -> None:
    """Random keys beside a good message's, then random bytes cut out and put in."""
    keys = st.lists(words, min_size=1, max_size=12).map(
        lambda parts: parts[0] + "".join(f"[{part}]" for part in parts[1:])
    )
    pairs = data.draw(st.lists(st.tuples(keys, st.text(max_size=30)), max_size=12))
    extra = "".join(f"&{quote_plus(key)}={quote_plus(value)}" for key, value in pairs)
    body = urlencode(ACCOUNT | message_form()).encode() + extra.encode()
    for _ in range(data.draw(st.integers(0, 3))):
        start = data.draw(st.integers(0, len(body)))
        end = data.draw(st.integers(start, min(len(body), start + 40)))
        body = body[:start] + data.draw(st.binary(max_size=6) | st.sampled_from([b"%", b"[", b"]", b"&"])) + body[end:]
    assert_documented(post(body))


@fuzz
@given(payloads)
def test_no_payload_makes_the_adapter_raise(payload: dict[str, Any]) -> None:
    """Whatever its values are, and what it calls a message can be stored."""
    assert authenticate(connection(), Request("POST", "key", {}, b""), payload, NOW) in {True, False}
    events = parse(connection(), payload, NOW)
    assert len({(message.conversation, message.id) for message in events.messages}) == len(events.messages)
    for message in events.messages:
        assert_fit(message)
    for kind, count in events.ignored.items():
        assert count > 0
        assert kind.isascii()


@fuzz
@given(documents, st.sampled_from(["body", "isBase64Encoded", "headers", "requestContext", "pathParameters", "event"]))
def test_an_event_of_any_shape_gets_a_documented_status(value: Any, place: str) -> None:
    """Nobody can make the function fail by how it is invoked."""
    event = post(ACCOUNT | message_form())
    assert_documented(value if place == "event" else event | {place: value})


def test_the_fuzzers_message_is_one_that_is_stored() -> None:
    """Otherwise the runs above would only ever see refusals."""
    rig = compose()
    body = base64.b64decode(post(ACCOUNT | message_form())["body"])
    assert rig.status(post(body)) == 200
    assert len(rig.intake.messages) == 1
