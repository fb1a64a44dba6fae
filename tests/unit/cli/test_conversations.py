"""`dealtalk conversations`: the real command line on moto's AWS, over conversations that the real responder has led."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from dealtalk.clock import SystemClock
from dealtalk.connection_store import signpost_key
from dealtalk.connections import Mode
from dealtalk.conversation.doorbell import Ring
from dealtalk.conversation.dynamodb import DynamoTable
from dealtalk.conversation.state import State, meta_key
from dealtalk.conversation.table import Put
from dealtalk.errors import OutcomeUnknown
from dealtalk_cli.main import main
from tests.fakes.model import calls, says
from tests.fakes.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "eu-central-1"
LONG = "очень длинный вопрос " * 20
STACK = ["--region", REGION, "--table", "t", "--bucket", "b", "--api-url", "https://a.example", "--secrets-prefix", "p"]


@dataclass
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object on standard output."""
        return json.loads(self.out)


class Desk:
    """An operator's desk: a table in AWS with what happened in the world's chat, a queue, the command line."""

    def __init__(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        self.world = world
        self._capsys = capsys
        self._client = boto3.client("dynamodb", region_name=REGION)
        self.table = DynamoTable(self._client, "t", pause=lambda _: None)
        self._sqs = boto3.client("sqs", region_name=REGION)
        self.queue = self._sqs.create_queue(QueueName="d.fifo", Attributes={"FifoQueue": "true", "DelaySeconds": "0"})[
            "QueueUrl"
        ]

    def store(self) -> None:
        """Bring the world's table to AWS, the account's signpost with it."""
        connection = self.world.connection
        signpost = {"crm": connection.crm, "account": connection.account, "connection": connection.id}
        self.table.write(Put(signpost_key(connection.crm, connection.account), signpost))
        for key, item in self.world.table.items.items():
            self.table.write(Put(key, {name: value for name, value in item.items() if name not in {"pk", "sk"}}))

    def run(self, action: str, *arguments: str, queue: bool = True) -> Ran:
        """Run an action."""
        self._capsys.readouterr()
        where = [*STACK, "--queue-url", self.queue] if queue else STACK
        try:
            code = main(["conversations", action, *where, *arguments])
        except SystemExit as usage:
            code = int(usage.code or 0)
        return Ran(code, *self._capsys.readouterr())

    @property
    def id(self) -> str:
        """The id of the world's chat."""
        return self.world.conversation.id

    @property
    def state(self) -> State:
        """META in AWS."""
        key = meta_key(self.world.conversation)
        return State.from_item(self.world.conversation, self.table.read([key]).get(key))

    def rings(self) -> list[Ring]:
        """Return what lies in the queue."""
        messages = self._sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        return [Ring.from_body(message["Body"]) for message in messages]

    def everything(self) -> str:
        """Return all items of the table as one text."""
        return json.dumps(self._client.scan(TableName="t")["Items"], ensure_ascii=False, default=str)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    """Have one conversation with a change, a reply and an unanswered question."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    world = World()
    monkeypatch.setattr(SystemClock, "now", lambda _: world.clock.now())
    world.model.lines = [
        calls(("update_deal", {"stage": "Квалификация", "fields": {"Город": "Тверь"}})),
        says("Поняла, Тверь."),
    ]
    world.says("окна в Тверь\x1b[31m\u202e")
    world.work()
    world.wait(minutes=5)
    world.says(LONG)
    with mock_aws():
        boto3.client("dynamodb", region_name=REGION).create_table(
            TableName="t",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        made = Desk(world, capsys)
        made.store()
        yield made


def add_conversations(desk: Desk, count: int, **values: Any) -> None:
    """Put answered conversations of the same account beside it."""
    for number in range(count):
        meta = {"connection": desk.world.connection.id, "arrived": 1, "customer_no": 1, "answered": 1, **values}
        desk.table.write(Put((f"CONV#amocrm#31337#{number:032x}", "META"), meta))


def test_the_list_says_what_waits_since_when(desk: Desk) -> None:
    """Channel, mode, deal and the moment of the oldest unanswered message."""
    (row,) = desk.run("list", "--json").json["conversations"]
    now = desk.world.clock.now().isoformat()
    assert row == {
        "id": desk.id,
        "crm": "amocrm",
        "account": "31337",
        "connection": desk.world.connection.id,
        "channel": "telegram",
        "mode": "auto",
        "own_mode": None,
        "paused": False,
        "waiting": True,
        "waiting_since": now,
        "last_entry_at": now,
        "deal": "500",
        "open_turn": None,
    }


def test_the_list_for_people_is_a_table(desk: Desk) -> None:
    """Heads, and one line per conversation with the beginning of its id, by which it can be named."""
    head, line = desk.run("list").out.splitlines()
    assert head.split("  ")[0] == "id"
    assert line.startswith(desk.id[:12])
    assert "2026-11-23 09:05:05Z" in line
    assert desk.run("show", line.split()[0]).code == 0


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([], 4),
        (["--waiting"], 1),
        (["--mode", "human"], 3),
        (["--mode", "off"], 0),
        (["--deal", "500"], 1),
        (["--contact", "900"], 1),
        (["--connection", "31337"], 4),
    ],
)
def test_the_list_is_narrowed_down(desk: Desk, filters: list[str], found: int) -> None:
    """Each filter leaves out the others."""
    add_conversations(desk, 3, mode="human")
    assert len(desk.run("list", "--json", *filters).json["conversations"]) == found


def test_the_limit_cuts_the_list_and_says_so(desk: Desk) -> None:
    """What is left out is not hidden."""
    add_conversations(desk, 5)
    ran = desk.run("list", "--json", "--limit", "3")
    assert (len(ran.json["conversations"]), ran.json["more"]) == (3, True)
    assert "more than 3" in ran.err
    assert desk.run("list", "--json", "--limit", "6").json["more"] is False


def test_an_unknown_connection_is_an_error(desk: Desk) -> None:
    """Not an empty list."""
    assert desk.run("list", "--connection", "nobody").code == 2


def test_a_conversation_is_shown_from_its_first_message_to_its_last_step(desk: Desk) -> None:
    """Messages, the change with old and new, the reply, the turn with its steps, model and tokens, META's numbers."""
    out = desk.run("show", desk.id).out
    lines = out.splitlines()
    assert "arrived 2, customer's 2" in out
    assert any("#1 customer: окна в Тверь" in line for line in lines)
    assert any("change, turn 1, by the bot: " in line and "-> Тверь]" in line for line in lines)
    assert any("reply, turn 1, by" in line and "Поняла, Тверь." in line for line in lines)
    assert any(
        "turn 1: replied, answers up to #1" in line and "200 tokens in (0 cached), 40 out" in line for line in lines
    )
    assert any("a0 answer done, model scripted" in line and "update_deal" in line for line in lines)
    assert any("u0 update done" in line and "Продажи / Новый -> Продажи / Квалификация" in line for line in lines)
    assert any("r0 reply done" in line for line in lines)


def test_a_turn_that_broke_off_is_shown_as_far_as_it_came(desk: Desk) -> None:
    """The step that was begun and never finished stands there with what was wished."""
    desk.world.model.lines = [calls(("update_deal", {"fields": {"Город": "Псков"}}))]
    desk.world.crm.fail("update_deal", OutcomeUnknown("no answer came"))
    with pytest.raises(OutcomeUnknown):
        desk.world.work()
    desk.store()
    lines = desk.run("show", desk.id).out.splitlines()
    assert any("open turn 2" in line for line in lines)
    assert any("turn 2: open, answers up to #2" in line for line in lines)
    assert any("u0 update started, field 103 Псков" in line for line in lines)
    assert desk.run("list", "--json").json["conversations"][0]["open_turn"] == 2


def test_the_story_is_in_the_order_of_time(desk: Desk) -> None:
    """For scripts as for people."""
    story = desk.run("show", desk.id, "--json").json["story"]
    assert story[0]["kind"] == "message"
    assert [event["at"] for event in story] == sorted(event["at"] for event in story)
    assert {"message", "turn", "change", "reply"} == {event["kind"] for event in story}


def test_what_a_terminal_would_obey_is_made_visible(desk: Desk) -> None:
    """An escape, a mark that turns the writing's direction: for people as escapes, in JSON as the same value."""
    assert r"окна в Тверь\x1b[31m\u202e" in desk.run("show", desk.id).out
    ran = desk.run("show", desk.id, "--json")
    assert "\u202e" not in ran.out
    assert "окна в Тверь\x1b[31m\u202e" in [event.get("text") for event in ran.json["story"]]


def test_long_texts_are_shortened_unless_asked_for(desk: Desk) -> None:
    """The number of characters that are left out is said."""
    assert f"… (+{len(LONG) - 160} characters)" in desk.run("show", desk.id).out
    assert LONG in desk.run("show", desk.id, "--full").out


@pytest.mark.parametrize("wanted", ["", "xyz", "ABCDEF", "12", "0" * 33, "0" * 32])
def test_an_id_that_is_none_or_names_nothing_is_refused(desk: Desk, wanted: str) -> None:
    """Nothing is guessed."""
    ran = desk.run("show", wanted)
    assert ran.code == 2
    assert "error: " in ran.err


def test_a_beginning_that_several_share_is_refused(desk: Desk) -> None:
    """A command never meets another conversation than was meant."""
    add_conversations(desk, 2)
    ran = desk.run("pause", "0" * 8)
    assert ran.code == 2
    assert "2 conversations begin" in ran.err


def test_a_pause_is_written_with_who_gave_it(desk: Desk) -> None:
    """The mode is human without an end; the story shows the operator."""
    ran = desk.run("pause", desk.id, "--json")
    assert (ran.json["mode"], ran.json["paused"]) == ("human", True)
    assert (desk.state.mode, desk.state.paused) == (Mode.HUMAN, True)
    (order,) = [each for each in desk.run("show", desk.id, "--json").json["story"] if each["kind"] == "operator"]
    assert (order["text"], order["who"]) == ("paused", "user/moto")


def test_off_is_a_mode_of_its_own(desk: Desk) -> None:
    """No queue is needed to silence the bot."""
    assert desk.run("pause", desk.id, "--off", queue=False).code == 0
    assert desk.state.mode is Mode.OFF


def test_a_resume_rings_for_what_waits(desk: Desk) -> None:
    """The mode is the connection's again, and a doorbell lies in the queue."""
    desk.run("pause", desk.id)
    ran = desk.run("resume", desk.id, "--json")
    assert ran.json == {"id": desk.id, "mode": "auto", "paused": False, "rung": True}
    (ring,) = desk.rings()
    assert (ring.conversation.id, ring.arrival, ring.reason) == (desk.id, 2, "resumed")


def test_a_retry_rings_and_says_what_keeps_the_bot_silent(desk: Desk) -> None:
    """A ring in a paused conversation is answered by nobody: the command says so."""
    desk.run("pause", desk.id)
    ran = desk.run("retry", desk.id)
    assert ran.code == 0
    assert "conversations resume" in ran.out
    assert [ring.reason for ring in desk.rings()] == ["retried"]


def test_a_retry_of_nothing_says_so(desk: Desk) -> None:
    """No bell is rung for an answered conversation."""
    add_conversations(desk, 1)
    ran = desk.run("retry", "0" * 32, "--json")
    assert (ran.json["rung"], desk.rings()) == (False, [])


@pytest.mark.parametrize("action", ["resume", "retry"])
def test_who_rings_needs_the_queue(desk: Desk, action: str) -> None:
    """Nothing is changed before it is known."""
    before = desk.everything()
    ran = desk.run(action, desk.id, queue=False)
    assert ran.code == 2
    assert "--queue-url" in ran.err
    assert desk.everything() == before


def test_a_queue_that_does_not_answer_is_said_with_what_happens_then(desk: Desk) -> None:
    """The command was written; the timer rings."""
    desk.queue = desk.queue.replace("d.fifo", "gone.fifo")
    ran = desk.run("retry", desk.id)
    assert ran.code == 2
    assert "timer rings" in ran.err
    assert desk.state.due_at is not None


def test_forgetting_asks_before(desk: Desk) -> None:
    """Without a terminal and without --yes nothing is erased."""
    before = desk.everything()
    ran = desk.run("forget", desk.id)
    assert ran.code == 2
    assert "--yes" in ran.err
    assert desk.everything() == before


def test_forgetting_erases_and_says_what_remains(desk: Desk) -> None:
    """Nothing of the customer's is in any item in AWS; the CRM, the logs and the backups are named."""
    ran = desk.run("forget", desk.id, "--yes")
    assert ran.code == 0
    for word in ("CRM", "logs", "queues", "backups"):
        assert word in ran.out
    for secret in ("Тверь", "вопрос", "Поняла", "chat-1", '"900"', "m1"):
        assert secret not in desk.everything()
    shown = desk.run("show", desk.id)
    assert "operator user/moto: forgotten" in shown.out
