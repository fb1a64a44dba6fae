"""Planted secrets, phones, names and texts: none in any log line, metric, exception, answer or queue message."""

from __future__ import annotations

import json
import logging
import traceback
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from dealtalk.agent.model import ModelEndpoint, OpenAiModel
from dealtalk.connections import Auth
from dealtalk.conversation.doorbell import Ring
from dealtalk.conversation.table import TableBusy
from dealtalk.crm.oauth import TokenPair, first_pair
from dealtalk.errors import DealtalkError, NeedsAttention, Permanent, Retryable
from tests.fakes.model import calls, says
from tests.security.house import House, opened
from tests.security.servers import say, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TEXT = "Мой адрес Ленина 5, код домофона 38к"
PHONE = "+7 917 555-01-23"
NAME = "Олег Приметный"
MAIL = "oleg.primetny@example.org"
MODEL_KEY = "sk-pl4nted-m0del-key"
REFRESH = "def50200pl4ntedrefresh"
ACCESS = "eyJpl4ntedaccess"
CLIENT_SECRET = "pl4nted-client-secret"
MODEL_WORDS = "СЕКРЕТНАЯ СКИДКА для вас"
CRM_WORDS = "CRM quotes a customer"
pytestmark = pytest.mark.filterwarnings("ignore:No application metrics", "ignore:Dimension 'crm'")
PLANTED = (
    *(TEXT, "Ленина", "домофона", PHONE, "555-01-23", NAME, "Приметн", MAIL, MODEL_KEY, REFRESH, ACCESS, CLIENT_SECRET),
    *(MODEL_WORDS, "СКИДКА", CRM_WORDS, "key-of-mine-8d1f", "key-of-strangers-77aa", "oknamaster"),
)


@dataclass
class Scanned:
    """A house, and all that it tells anybody but the customer, the CRM and the model."""

    house: House
    capfd: pytest.CaptureFixture[str]
    caplog: pytest.LogCaptureFixture
    printed: str = ""
    raised: str = ""

    def doing(self, work: Callable[[], object]) -> None:
        """Do something; keep the text of what it raises, as Lambda would write it."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 (Lambda's runtime prints whatever escapes)
            self.raised += "".join(traceback.format_exception_only(error)) + repr(error.__cause__)

    def told(self) -> str:
        """Return all of it as one text, escapes undone."""
        self.printed += "".join(self.capfd.readouterr())
        house = self.house
        records = "\n".join(f"{record.getMessage()} {vars(record)}" for record in self.caplog.records)
        reasons = [item.get("state_reason", "") for item in house.table.items.values()]
        left = [house.log.getvalue(), self.printed, self.raised, records, *house.bodies, json.dumps(house.answers)]
        left += [ring.body() for ring in house.doorbell.rings] + [str(house.doorbell._ids), *reasons]
        text = "\n".join(left)
        return text + text.encode().decode("unicode_escape", "replace") + _unescaped(text)

    def assert_clean(self) -> None:
        """Fail where a planted word was told, naming it."""
        told = self.told()
        tokens = [world.token for world in (self.house.mine.world, self.house.strangers.world)]
        assert [word for word in (*PLANTED, *tokens) if word in told] == []
        assert '"webhook"' in told


def _unescaped(text: str) -> str:
    r"""Return the text with \u0441 read as the letter that it stands for."""
    return str(
        json.loads(f'"{text.replace(chr(92) + "u", chr(0)).translate(_PLAIN)}"'.replace(chr(0), "\\u"), strict=False)
    )


_PLAIN = str.maketrans({"\\": "/", '"': "'"})


@pytest.fixture
def scanned(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Iterator[Scanned]:
    """Open a house whose every output is kept; a customer with a name writes into it."""
    caplog.set_level(logging.INFO)
    with opened() as house:
        yield Scanned(house, capfd, caplog)


def planted(house: House, text: str = f"{TEXT}, {PHONE}, {MAIL}", **changes: str | None) -> dict[str, str]:
    """Return a body with everything planted."""
    fields: dict[str, str | None] = {
        "author__name": NAME,
        "attachment__type": "picture",
        "attachment__link": f"https://amojo.amocrm.ru/{MAIL}/{PHONE}",
        "attachment__file_name": f"{NAME}.jpg",
    }
    return house.mine.message(text, **(fields | changes))


def obeying() -> list[Any]:
    """Return a model's lines that repeat all that it was told, to every tool and to the customer."""
    words = f"{TEXT} {PHONE} {NAME} {MODEL_WORDS}"
    every = calls(
        ("update_deal", {"stage": words, "fields": {"Город": words, words: words}, "add_tags": [words]}),
        ("add_note", {"text": words}),
        ("create_task", {"text": words, "due_at": words}),
        ("hand_over", {"reason": words, "summary": words}),
        (words, {words: words}),
    )
    return [every, says(words)]


def test_a_whole_talk_tells_nothing(scanned: Scanned) -> None:
    """Taken in, answered, changed, refused, handed over, an employee's message, an echo, a replay."""
    house = scanned.house
    house.said.lines = obeying()
    body = planted(house)
    assert [house.post(body), house.post(body)] == [200, 200]
    house.work()
    house.work(30)
    employee = {"type": "outgoing", "author__type": "internal", "author__id": "7", "author__name": NAME}
    house.post(house.mine.message(TEXT, **employee))
    house.post(house.mine.message(MODEL_WORDS, type="outgoing", author__type="bot", author__name=NAME))
    house.work(30)
    assert house.mine.world.notes()
    scanned.assert_clean()


REFUSED_BODIES: list[Any] = [
    f"{TEXT} {PHONE}",
    f'{{"text": "{TEXT}", "phone": "{PHONE}"',
    f"a[{NAME}][{PHONE}]" * 12 + f"={TEXT}",
    TEXT.encode("cp1251"),
    {f"{TEXT}[add][0][{PHONE}]": NAME},
]


@pytest.mark.parametrize("body", REFUSED_BODIES, ids=range(len(REFUSED_BODIES)))
def test_a_refused_body_tells_nothing(scanned: Scanned, body: Any) -> None:
    """Broken, unknown, of another account, with another key."""
    house = scanned.house
    house.post(body)
    house.post(body, key=TEXT)
    house.post(planted(house), key=f"{PHONE}")
    house.post(house.strangers.message(TEXT))
    scanned.assert_clean()


CRM_FAULTS: dict[str, dict[str, Any]] = {
    "429": {"kind": "status", "status": 429},
    "500": {"kind": "status", "status": 500},
    "502": {"kind": "status", "status": 502, "body": {"detail": f"{CRM_WORDS} {PHONE}"}},
    "400": {"kind": "status", "status": 400, "body": {"title": CRM_WORDS, "detail": f"{CRM_WORDS} {TEXT}"}},
    "401": {"kind": "status", "status": 401, "body": {"detail": f"{CRM_WORDS} {PHONE}"}},
    "402": {"kind": "status", "status": 402, "body": {"detail": CRM_WORDS}},
    "403": {"kind": "status", "status": 403, "body": {"detail": f"{CRM_WORDS} {NAME}"}},
    "403 scope": {"kind": "status", "status": 403, "body": {"detail": f"Invalid scope {CRM_WORDS}"}},
    "404": {"kind": "status", "status": 404, "body": {"detail": CRM_WORDS}},
    "422": {"kind": "status", "status": 422, "body": {"detail": CRM_WORDS, "hint": PHONE}},
    "cut before": {"kind": "drop_before"},
    "cut after": {"kind": "drop_after"},
}


@pytest.mark.parametrize("method", ["GET", "PATCH", "POST"])
@pytest.mark.parametrize("fault", CRM_FAULTS.values(), ids=CRM_FAULTS)
def test_a_failing_crm_tells_nothing(scanned: Scanned, fault: dict[str, Any], method: str) -> None:
    """Each family of failure in each kind of call, quoting the customer; then the sweeper and the redriver."""
    house = scanned.house
    house.said.lines = [*obeying(), *obeying(), *obeying()]
    options = {name: value for name, value in fault.items() if name != "kind"}
    house.mine.world.simulator.fault(fault["kind"], house.mine.world.account.subdomain, method=method, **options)
    house.post(planted(house))
    for seconds in (5, 30, 120):
        scanned.doing(lambda seconds=seconds: house.work(seconds))  # type: ignore[misc]
        scanned.doing(house.sweep)
    for _ in range(3):
        scanned.doing(lambda: house.redrive(*[ring.body() for ring in house.doorbell.rings[:1]], f"{TEXT} {PHONE}"))
    scanned.assert_clean()


MODEL_ANSWERS: dict[str, tuple[str, bytes]] = {
    "400 that quotes": ("400 Bad", json.dumps({"error": {"message": f"{TEXT} {MODEL_KEY}", "code": TEXT}}).encode()),
    "401 that quotes": ("401 No", json.dumps({"error": {"message": f"Incorrect API key: {MODEL_KEY}"}}).encode()),
    "429 that quotes": ("429 Slow", json.dumps({"error": {"message": f"{TEXT} {PHONE}"}}).encode()),
    "500 that quotes": ("500 Oops", f"{TEXT} {PHONE} {MODEL_KEY}".encode()),
    "nonsense": ("200 OK", f"{TEXT} {PHONE} {MODEL_KEY}".encode()),
    "no message": ("200 OK", json.dumps({"choices": [{"text": TEXT}]}).encode()),
    "a call": (
        "200 OK",
        json.dumps(
            {"choices": [{"message": {"tool_calls": [{"id": PHONE, "function": {"name": TEXT, "arguments": PHONE}}]}}]}
        ).encode(),
    ),
    "silence": ("200 OK", json.dumps({"choices": [{"message": {"content": ""}}]}).encode()),
}


@pytest.mark.parametrize("answer", MODEL_ANSWERS.values(), ids=MODEL_ANSWERS)
def test_a_failing_model_tells_nothing(scanned: Scanned, answer: tuple[str, bytes]) -> None:
    """The real client of the model, its endpoint quoting prompt and key in what it answers."""
    house = scanned.house
    status, body = answer
    with serving(say(body, "Content-Type: application/json", "Connection: close", status=status)) as endpoint:
        house.model = OpenAiModel([ModelEndpoint(f"{endpoint.base}/v1", MODEL_KEY, "m")])
        house.post(planted(house, attachment__type=None))
        for seconds in (5, 30, 120):
            scanned.doing(lambda seconds=seconds: house.work(seconds))  # type: ignore[misc]
        assert any(MODEL_KEY.encode() in heard for heard in endpoint.heard)
    scanned.assert_clean()


def test_a_refused_refresh_token_tells_nothing(scanned: Scanned) -> None:
    """OAuth's pair and the client's secret: the CRM refuses them, the connection's reason says so without them."""
    house = scanned.house
    mine = house.mine
    oauth = replace(mine.connection, auth=Auth.OAUTH)
    house.connections.save(oauth)
    mine.world.secrets.values["token"] = {
        "client_id": "c",
        "client_secret": CLIENT_SECRET,
        "redirect_uri": "https://example.org/back",
    }
    pair = TokenPair(ACCESS, REFRESH, house.clock.now() - timedelta(hours=1))
    house.table.write(first_pair("amocrm", oauth.account, pair))
    house.post(planted(house))
    for seconds in (5, 30):
        scanned.doing(lambda seconds=seconds: house.work(seconds))  # type: ignore[misc]
    connection = house.connections.load("amocrm", oauth.id)
    assert connection is not None
    assert connection.state_reason
    assert ACCESS not in repr(pair)
    scanned.assert_clean()


WORDS = f"{TEXT} {PHONE} {MODEL_KEY}"
FAULTS = [
    RuntimeError(WORDS),
    ValueError(WORDS),
    KeyError(WORDS),
    UnicodeDecodeError("utf-8", WORDS.encode(), 0, 1, WORDS),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_an_unknown_fault_tells_nothing(scanned: Scanned, fault: Exception) -> None:
    """An exception that nobody thought of, its text full of a customer's words: in the webhook and in the responder."""
    house = scanned.house
    house.post(planted(house))

    def fail(name: str) -> None:
        if name == "write":
            raise fault

    house.table.before = fail
    house.post(planted(house))
    house.work()
    house.table.before = None
    house.profiles.error = fault
    house.work(30)
    scanned.assert_clean()
    assert "UnknownErrors" in scanned.printed


@pytest.mark.parametrize("error", [TableBusy("the table is contended"), NeedsAttention("the profile is missing")])
def test_a_known_fault_tells_its_own_words_only(scanned: Scanned, error: DealtalkError) -> None:
    """Our own sentences may be told; they quote nothing."""
    house = scanned.house
    house.profiles.error = error
    house.post(planted(house))
    scanned.doing(house.work)
    scanned.doing(lambda: house.redrive(house.doorbell.rings[0].body()))
    scanned.assert_clean()
    assert str(error) in scanned.told()


@pytest.mark.parametrize("kind", [Retryable, Permanent])
def test_a_bell_that_does_not_ring_tells_nothing(scanned: Scanned, kind: type[Exception]) -> None:
    """The queue is down while a customer writes."""
    house = scanned.house
    house.doorbell.fail = kind("the queue answered 503")  # type: ignore[assignment]
    assert house.post(planted(house)) == 500
    scanned.assert_clean()


def test_a_doorbell_is_keys_only(scanned: Scanned) -> None:
    """Of a message with everything planted the queue carries six short words, the group and the id are hashes."""
    house = scanned.house
    house.post(planted(house, chat_id=f"{PHONE}@c.us"))
    (ring,) = house.doorbell.rings
    assert set(json.loads(ring.body())) == {"crm", "account", "conversation", "connection", "arrival", "reason"}
    assert Ring.from_body(ring.body()) == ring
    assert len(ring.conversation.id) == len(ring.connection) == 32
    scanned.assert_clean()


def test_the_scan_would_find_what_is_told(scanned: Scanned) -> None:
    """Escaped or not, in a log line's extra too: otherwise the tests above prove nothing."""
    scanned.house.post(planted(scanned.house))
    scanned.house.services.watch.say("x", fact={"deep": [f"a {TEXT} b"]})
    with pytest.raises(AssertionError, match="домофона"):
        scanned.assert_clean()
