"""RetailCRM's chats: sending, takeovers, the dialog that is left to a person, and the list that is polled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from dealtalk.crm.registry import open_history
from dealtalk.errors import NeedsAttention, Permanent
from dealtalk.messages import Author
from dealtalk.ports import Certainty
from tests.contract.crm.retailcrm_world import RetailcrmWorld, retailcrm_simulator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dealtalk.crm.retailcrm.history import MessageList

SUB = "oknamaster"


@pytest.fixture
def world() -> Iterator[RetailcrmWorld]:
    """Serve a fresh account."""
    with retailcrm_simulator() as simulator:
        yield RetailcrmWorld(simulator, simulator.account(SUB), simulator.account("other"))


def history(world: RetailcrmWorld) -> MessageList:
    """Return the account's messages."""
    return cast("MessageList", open_history(world.connection(), world.opening()))


def read_all(world: RetailcrmWorld, cursor: Mapping[str, Any] | None = None) -> tuple[list[str], Mapping[str, Any]]:
    """Read to the end and return the texts and the cursor."""
    texts: list[str] = []
    more, record = True, history(world)
    while more:
        page = record.read(cursor, world.opened_at)
        texts += [message.text for message in page.messages]
        cursor, more = page.cursor, page.more
    return texts, cursor or {}


class TestSending:
    """POST /messages."""

    def test_a_receipt_names_the_message(self, world: RetailcrmWorld) -> None:
        """So that its echo is known by its id."""
        receipt = world.crm.send(world.chat, None, "Добрый день!")
        assert receipt.confirmed
        assert receipt.message_id == world.simulator.chat(SUB, world.chat_id)[-1]["id"]

    def test_the_limit_is_the_channel_s(self, world: RetailcrmWorld) -> None:
        """As the account's channels say it, by the channel's type."""
        limited = world.open(channel_limits={"telegram": 4096})
        assert (limited.reply_limit, world.open().reply_limit) == (4096, 1000)

    def test_a_chat_that_takes_no_message_is_said_so(self, world: RetailcrmWorld) -> None:
        """A channel that was removed: a person must look."""
        for channel in world.account.channels.values():
            channel.active = False
        with pytest.raises(Permanent):
            world.crm.send(world.chat, None, "Добрый день!")
        assert world.received() == []

    def test_a_message_that_the_channel_refused_was_not_sent(self, world: RetailcrmWorld) -> None:
        """Its status says so, though it stands in the chat."""
        since = world.now()
        world.crm.send(world.chat, None, "Добрый день!")
        for message in world.account.messages.values():
            message.status = "failed"
        assert world.crm.was_sent(world.chat, None, "Добрый день!", since) is Certainty.NO

    def test_a_note_for_colleagues_is_no_reply(self, world: RetailcrmWorld) -> None:
        """The customer never sees it."""
        since = world.now()
        for message in world.account.messages.values():
            message.scope = "private"
        world.simulator.employee_says(SUB, world.chat_id, "Добрый день!", scope="private")
        assert world.crm.was_sent(world.chat, None, "Добрый день!", since) is Certainty.NO

    def test_another_bot_s_words_are_not_ours(self, world: RetailcrmWorld) -> None:
        """Two robots may greet alike."""
        since = world.now()
        world.simulator.bot_says(SUB, world.chat_id, "Добрый день!")
        assert world.crm.was_sent(world.chat, None, "Добрый день!", since) is Certainty.NO

    def test_a_dead_bot_needs_attention(self, world: RetailcrmWorld) -> None:
        """The module was switched off in the CRM."""
        world.simulator.revoke(SUB, world.bot.token)
        with pytest.raises(NeedsAttention):
            world.crm.send(world.chat, None, "Добрый день!")


class TestTakeover:
    """Asked before the first effect."""

    def test_a_note_for_colleagues_is_no_takeover(self, world: RetailcrmWorld) -> None:
        """Somebody thinks aloud."""
        since = world.now()
        world.pass_time(1)
        world.simulator.employee_says(SUB, world.chat_id, "дорогой клиент", scope="private")
        assert not world.crm.employee_wrote(world.chat, since)

    def test_a_person_who_takes_the_dialog_leads(self, world: RetailcrmWorld) -> None:
        """Without a word; not where the connection says that this is the account's routine."""
        since = world.now()
        world.pass_time(1)
        world.simulator.take_dialog(SUB, world.chat_id)
        assert world.crm.employee_wrote(world.chat, since)
        assert not world.crm.employee_wrote(world.chat, world.now())
        assert not world.open(assignment_is_takeover=False).employee_wrote(world.chat, since)

    def test_the_company_s_own_messenger_is_a_person(self, world: RetailcrmWorld) -> None:
        """What went out past the CRM was somebody's."""
        since = world.now()
        world.pass_time(1)
        world.simulator.channel_says(SUB, world.chat_id, "Ок")
        assert world.crm.employee_wrote(world.chat, since)

    def test_another_bot_is_no_person(self, world: RetailcrmWorld) -> None:
        """A greeting by itself takes nothing over."""
        since = world.now()
        world.pass_time(1)
        world.simulator.bot_says(SUB, world.chat_id, "Мы открыты")
        assert not world.crm.employee_wrote(world.chat, since)


class TestLeaving:
    """PATCH /dialogs/{id}/assign and /unassign."""

    def responsible(self, world: RetailcrmWorld) -> Any:
        """Return who has the dialog."""
        return world.account.dialogs[int(world.chat.talk_id or 0)].responsible

    def test_the_bot_s_dialog_is_freed(self, world: RetailcrmWorld) -> None:
        """The account's own rules give it to somebody."""
        dialog = world.account.dialogs[int(world.chat.talk_id or 0)]
        dialog.responsible = {"id": world.bot.id, "type": "bot", "assigned_at": "2026-11-02T09:00:00.000000Z"}
        world.crm.leave_to_person(world.chat)
        assert self.responsible(world) is None

    def test_the_chosen_person_gets_the_dialog_once(self, world: RetailcrmWorld) -> None:
        """Saying it again changes nothing."""
        person = next(iter(world.account.users.values())).mg_id
        crm = world.open(handover_user_id=str(person))
        crm.leave_to_person(world.chat)
        crm.leave_to_person(world.chat)
        assert self.responsible(world)["id"] == person
        assert len(world.simulator.calls(SUB, path_regex="assign$")) == 1

    def test_a_person_s_dialog_is_left_alone(self, world: RetailcrmWorld) -> None:
        """Whoever has it keeps it."""
        world.simulator.take_dialog(SUB, world.chat_id, user="Мария Кузнецова")
        before = self.responsible(world)
        person = next(iter(world.account.users.values())).mg_id
        world.open(handover_user_id=str(person)).leave_to_person(world.chat)
        assert self.responsible(world) == before

    def test_a_closed_dialog_is_nobody_s(self, world: RetailcrmWorld) -> None:
        """There is nothing to leave."""
        world.simulator.close_talk(SUB, world.chat_id)
        world.crm.leave_to_person(world.chat)
        assert world.simulator.calls(SUB, method="PATCH") == []


class TestList:
    """GET /messages as a history."""

    def test_all_is_read_once_in_the_order_in_which_it_was_said(self, world: RetailcrmWorld) -> None:
        """A cursor that was stored goes on where it stood."""
        world.simulator.customer_says(SUB, world.chat_id, "окна")
        world.simulator.employee_says(SUB, world.chat_id, "сколько?")
        texts, cursor = read_all(world)
        assert texts == ["окна", "сколько?"]
        world.simulator.customer_says(SUB, world.chat_id, "три")
        assert read_all(world, cursor)[0] == ["три"]

    @pytest.mark.parametrize("inclusive", [True, False])
    def test_nothing_is_missed_or_repeated_over_many_pages(self, world: RetailcrmWorld, inclusive: bool) -> None:
        """Whether the list begins with the id that is named, or behind it."""
        world.simulator.switch(SUB, since_id_inclusive=inclusive)
        cursor: Mapping[str, Any] | None = None
        expected: list[str] = []
        found: list[str] = []
        for part in range(4):
            for number in range(130):
                expected.append(f"{part}-{number}")
                world.simulator.customer_says(SUB, world.chat_id, expected[-1])
            texts, cursor = read_all(world, cursor)
            found += texts
        assert found == expected

    def test_a_message_that_appears_late_with_a_lower_id_is_read(self, world: RetailcrmWorld) -> None:
        """The cursor stays behind the newest message for its sake."""
        for number in range(30):
            world.simulator.customer_says(SUB, world.chat_id, str(number))
        late = max(world.account.messages) - 3
        hidden = world.account.messages.pop(late)
        texts, cursor = read_all(world)
        assert hidden.content not in texts
        world.account.messages[late] = hidden
        assert read_all(world, cursor)[0] == [hidden.content]

    def test_an_idle_account_costs_one_call_and_its_cursor_stands_still(self, world: RetailcrmWorld) -> None:
        """So that nothing is written every few seconds."""
        world.simulator.customer_says(SUB, world.chat_id, "окна")
        _, cursor = read_all(world)
        before = len(world.simulator.calls(SUB))
        page = history(world).read(cursor, world.opened_at)
        assert (page.messages, page.cursor, page.more) == ((), cursor, False)
        assert len(world.simulator.calls(SUB)) == before + 1

    def test_what_was_said_before_the_connection_is_left_alone(self, world: RetailcrmWorld) -> None:
        """Nobody waits for an answer to it."""
        world.simulator.customer_says(SUB, world.chat_id, "вчера")
        world.pass_time(60)
        page = history(world).read(None, world.now())
        assert page.messages == ()

    def test_a_taken_dialog_is_in_the_list(self, world: RetailcrmWorld) -> None:
        """As an employee's message without words."""
        world.simulator.take_dialog(SUB, world.chat_id)
        page = history(world).read(None, world.opened_at)
        assert [(m.author, m.text) for m in page.messages] == [(Author.EMPLOYEE, "")]
