"""Two chats of one deal whose replies pass through one field: one after the other, and no request more for one chat."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dealtalk.conversation.reply_lane import HELD
from dealtalk.conversation.rules import Doing
from dealtalk.messages import ConversationKey
from dealtalk.recovery.sweep import Sweeper
from tests.contract.crm.fake import FakeCrm
from tests.fakes.model import says
from tests.fakes.world import CHAT, SCHEMA, World

if TYPE_CHECKING:
    from dealtalk.messages import Chat


class FieldCrm(FakeCrm):
    """A CRM that sends what stands in a field of the deal."""

    def reply_lane(self, chat: Chat, deal_id: str | None) -> str | None:
        """See `ports.SharesReplies`."""
        return deal_id or chat.deal_id


def shared(world: World) -> World:
    """Let this account's replies pass through a field of the deal."""
    world.crm = FieldCrm(SCHEMA, [world.deal, replace(world.deal, id="501")], clock=world.clock)
    return world


def key_of(name: str) -> ConversationKey:
    """Return the key of a chat."""
    return ConversationKey.of_chat("amocrm", "31337", name)


def ask(world: World, name: str, deal: str = "500") -> None:
    """Let a customer write in a chat of their own."""
    chat = replace(CHAT, chat_id=name, deal_id=deal)
    world.take(world.message("окна", conversation=key_of(name), chat=chat))


def answered(world: World) -> list[str]:
    """Return the chats that got a reply, in order."""
    return [sent.chat_id for sent in world.crm.sent]


def test_the_second_chat_of_a_deal_waits_for_a_minute_and_is_answered_then() -> None:
    """Its doorbell is acknowledged with a timer; its answer is kept and not bought again."""
    world = shared(World())
    world.model.lines = [says("первому"), says("второму")]
    ask(world, "a")
    ask(world, "b")
    first, second = world.work()
    assert first.doing is Doing.ANSWER
    assert (second.doing, second.why) == (Doing.LOOK_AGAIN, "another_chat_of_the_deal_is_answered")
    assert answered(world) == ["a"]
    world.wait(seconds=HELD.total_seconds() + 1)
    Sweeper(world.table, world.doorbell, world.clock).run()
    world.work()
    assert [(sent.chat_id, sent.text) for sent in world.crm.sent] == [("a", "первому"), ("b", "второму")]
    assert len(world.model.prompts) == 2


def test_chats_of_two_deals_do_not_wait_for_each_other() -> None:
    """Each deal has a field of its own."""
    world = shared(World())
    ask(world, "a", "500")
    ask(world, "b", "501")
    world.work()
    assert sorted(answered(world)) == ["a", "b"]


def test_a_chat_does_not_wait_for_itself() -> None:
    """Its next reply and the parts of a long one follow each other as ever."""
    world = shared(World())
    world.crm.reply_limit = 20
    world.model.lines = [says("Первая часть ответа. Вторая часть ответа."), says("ещё")]
    ask(world, "a")
    world.work()
    ask(world, "a")
    world.work()
    assert answered(world) == ["a", "a", "a"]


@pytest.mark.parametrize("field", [False, True])
def test_one_chat_costs_no_request_more(field: bool) -> None:
    """The lane is taken in the transaction that begins the reply."""
    world = shared(World()) if field else World()
    ask(world, "a")
    world.table.calls.clear()
    world.work()
    assert answered(world) == ["a"]
    other = World()
    ask(other, "a")
    other.table.calls.clear()
    other.work()
    assert world.table.calls == other.table.calls


def test_a_reply_that_is_stopped_takes_no_lane() -> None:
    """An employee was quicker: the guard fails, and with it all that would have been written."""
    world = shared(World())
    ask(world, "a")
    world.at("read_deal", lambda: world.table.items[key_of("a").partition, "META"].update(mode="human"))
    world.work()
    assert answered(world) == []
    assert not [key for key in world.table.items if key[1] == "REPLY"]


def test_the_lane_of_a_worker_that_died_is_free_after_a_minute() -> None:
    """What it had begun may be sent yet; later than that it is asked about as ever."""
    world = shared(World())
    world.crm.drop_answer("send")
    ask(world, "a")
    with pytest.raises(Exception, match="lost"):
        world.work()
    ask(world, "b")
    (waits,) = world.work()
    assert waits.why == "another_chat_of_the_deal_is_answered"
    for _ in range(4):
        world.wait(minutes=1)
        Sweeper(world.table, world.doorbell, world.clock).run()
        world.work()
    assert sorted(answered(world)) == ["a", "b"]
