"""A CRM's host that is slow, huge or leads away: a worker is held no longer than its budget, a token goes nowhere."""

from __future__ import annotations

import gzip
import json
import resource
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from dealtalk.connections import Connection
from dealtalk.crm.http import MAX_ANSWER_BYTES, Http, checked_base
from dealtalk.crm.registry import Opening, open_crm
from dealtalk.errors import CrmUnavailable, DealtalkError, NeedsAttention, OutcomeUnknown
from dealtalk.messages import Chat
from tests.contract.crm.world import FakeClock, GivenSecrets
from tests.fakes.table import MemoryTable
from tests.security.servers import drip, say, serving

if TYPE_CHECKING:
    from tests.security.servers import Speak

TOKEN = "s3cr3t-t0k3n"
OK = b"HTTP/1.1 200 OK\r\n"

DRIPS: dict[str, Speak] = {
    "status line": drip(b"HTTP/1.1 200 ", b"O"),
    "headers": drip(OK, b"X-Wait: 1\r\n"),
    "one header": drip(OK + b"X-Wait: ", b"1"),
    "body": drip(OK + b"Content-Length: 100000\r\n\r\n", b" "),
    "chunks": drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "one chunk": drip(OK + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n", b" "),
    "body without an end": drip(OK + b"Connection: close\r\n\r\n", b" "),
    "nothing but continue": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("speak", DRIPS.values(), ids=DRIPS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_host_that_drips_its_answer_is_left(speak: Speak, method: str) -> None:
    """The read timeout counts for the whole answer; a write is then of unknown outcome, and neither is repeated."""
    with serving(speak) as evil:
        http = Http(evil.base, seconds_left=lambda: 30, read_timeout=0.2)
        with pytest.raises(OutcomeUnknown if method == "POST" else CrmUnavailable):
            http.get("/x") if method == "GET" else http.write(method, "/x", payload={})
        assert len(evil.heard) == 1


def test_the_turns_own_time_ends_a_dripping_answer_too() -> None:
    """Less time left than the read timeout: the lesser counts."""
    with serving(DRIPS["body"]) as evil, pytest.raises(CrmUnavailable):
        Http(evil.base, seconds_left=lambda: 0.6, read_timeout=30).get("/x")


@pytest.mark.parametrize(
    "speak",
    [
        say(b"[" + b"1," * MAX_ANSWER_BYTES + b"1]"),
        say(gzip.compress(b"a" * 64 * MAX_ANSWER_BYTES), "Content-Encoding: gzip"),
        say(gzip.compress(gzip.compress(b"a" * 64 * MAX_ANSWER_BYTES)), "Content-Encoding: gzip, gzip"),
    ],
    ids=["plain", "gzip bomb", "gzip in gzip"],
)
def test_an_answer_without_measure_is_not_read_to_its_end(speak: Speak) -> None:
    """Four megabytes are enough for any page; what unpacks to more is left while it is unpacked."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with serving(speak) as evil, pytest.raises(CrmUnavailable):
        Http(evil.base, seconds_left=lambda: 30).get("/x")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b'{"a":' * 500_000,
        b'{"id": ' + b"9" * 1_000_000 + b"}",
        b'{"id": "x", "_embedded": "no object", "_links": [1]}',
        b'{"id": 1, "pipeline_id": 1, "status_id": 1, "price": 1e999999999}',
        b'{"id": 1, "pipeline_id": 1, "status_id": 1, "price": NaN}',
        b'{"id": 1, "pipeline_id": 1, "status_id": 1, "price": {"a": 1}, "custom_fields_values": 7, "name": [1]}',
        b'{"price": 5}',
        b"\xff\xfe\x00",
        b'"text"',
        b"[1]",
        b"null",
    ],
    ids=lambda body: repr(body[:60]),
)
def test_an_answer_of_nonsense_is_an_error_of_a_known_family(body: bytes) -> None:
    """No shape of a lead leads to an unknown exception, a hang or a number that eats the memory."""
    with serving(say(body)) as evil, suppress(DealtalkError):
        found = opened(evil.base).read_deal("500")
        assert found.price is None or len(str(found.price)) < 40


REDIRECTS = ["https://stranger.example/", "http://169.254.169.254/latest/meta-data", "//stranger.example/x", "/x"]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("location", REDIRECTS)
def test_a_redirect_is_not_followed(status: str, location: str) -> None:
    """A renamed account or a stranger: nobody is sent the token a second time."""
    with serving(say(b"{}", f"Location: {location}", status=status)) as evil:
        with pytest.raises(NeedsAttention):
            opened(evil.base).read_deal("500")
        assert len(evil.heard) == 1


def test_cookies_of_a_crm_are_not_kept() -> None:
    """What one account's host sets is never sent again."""
    with serving(say(b"{}", "Set-Cookie: session=stranger; Path=/")) as evil:
        http = Http(evil.base, seconds_left=lambda: 30)
        http.get("/x")
        http.get("/x")
        assert len(evil.heard) == 2
        assert b"cookie" not in evil.heard[1].lower()


BAD_BASES = [
    "http://oknaufa.amocrm.ru",
    "https://user:pass@oknaufa.amocrm.ru",
    "https://oknaufa.amocrm.ru@stranger.example",
    "https://stranger.example\\.amocrm.ru",
    "https://stranger.example\\@oknaufa.amocrm.ru",
    "https://stranger.example#.amocrm.ru",
    "https://stranger.example?.amocrm.ru",
    "https://oknaufa.amocrm.ru/api",
    "https://oknaufa.amocrm.ru:99999",
    "https://oknaufa.amocrm.ru:443@stranger.example",
    "https://oknaufa.amocrm.ru:port",
    "https://",
    "https:///oknaufa.amocrm.ru",
    "https:oknaufa.amocrm.ru",
    "ftp://oknaufa.amocrm.ru",
    "file:///etc/passwd",
    "https://окна.amocrm.ru",
    "https://oknaufa\u3002amocrm\u3002ru",
    "https://oknaufa.amocrm.ru\u2044x.stranger.example",
    "https://okna ufa.amocrm.ru",
    "https://oknaufa.amocrm.ru\t.stranger.example",
    "https://oknaufa.amocrm.ru\r\nHost: stranger.example",
    "https://oknaufa.amocrm.ru%2f.stranger.example",
    "https://[::ffff:169.254.169.254%25eth0]",
    "http://127.0.0.1.stranger.example",
    "http://localhost.stranger.example",
    "http://169.254.169.254",
]


@pytest.mark.parametrize("base", BAD_BASES)
def test_an_address_that_two_readers_could_read_differently_is_refused(base: str) -> None:
    """Only https, a plain host name and perhaps a port; the sentence does not quote the address."""
    with pytest.raises(ValueError, match="address") as refused:
        checked_base(base)
    assert "stranger" not in str(refused.value)
    with pytest.raises(NeedsAttention):
        Http(base, seconds_left=lambda: 30)


@pytest.mark.parametrize(
    "base", ["https://oknaufa.amocrm.ru", "https://oknaufa.amocrm.ru:8443", "https://xn--80a.kommo.com"]
)
def test_a_plain_address_is_taken(base: str) -> None:
    """The rule above refuses no honest host."""
    assert checked_base(f"{base}/") == base


STRANGE_IDS = ["../../oauth2", "1/../../2", "1?with=contacts", "1#", "1%2f2", "٣", "-1", "1e3", "1 ", "", "9" * 21]


@pytest.mark.parametrize("identity", STRANGE_IDS)
def test_an_id_cannot_bend_a_path(identity: str) -> None:
    """Whatever a body called an id, no request leaves with it unless it is a number."""
    with serving(say(b"{}")) as evil:
        with pytest.raises(DealtalkError):
            opened(evil.base).read_deal(identity)
        assert evil.heard == []


def opened(base: str) -> Any:
    """Return the adapter of an account whose host is `base`."""
    connection = Connection("amocrm", "c1", "31337", base, "token", "p.yaml")
    clock = FakeClock()
    secrets = GivenSecrets({"token": {"token": TOKEN}})
    chat = Chat("chat")
    return open_crm(connection, Opening(MemoryTable(), secrets, clock, lambda: 30.0, chat.channel))


def test_an_entity_of_another_account_is_refused() -> None:
    """The host answers for another account than the connection's: the address leads to a stranger."""
    lead = {"id": 500, "account_id": 4711, "pipeline_id": 1, "status_id": 1}
    with serving(say(json.dumps(lead).encode())) as evil, pytest.raises(NeedsAttention):
        opened(evil.base).read_deal("500")
