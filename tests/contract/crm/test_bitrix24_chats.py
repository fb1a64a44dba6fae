"""Chats of Bitrix24: a person's signs, sending where the bot is gone, handing over, tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from dealtalk.connections import Auth
from dealtalk.errors import NeedsAttention, Permanent
from dealtalk.ports import Certainty
from tests.contract.crm.bitrix24_world import NAME, BitrixWorld, bitrix_simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.simulators.bitrix24 import BitrixSimulator


@pytest.fixture
def simulator() -> Iterator[BitrixSimulator]:
    """Serve two portals."""
    with bitrix_simulator() as made:
        yield made


@pytest.fixture
def world(simulator: BitrixSimulator) -> BitrixWorld:
    """Return the usual world."""
    return BitrixWorld(simulator)


def test_an_operator_who_took_the_dialog_leads_it_without_a_word(world: BitrixWorld) -> None:
    """Until nothing has happened for as long as the profile waits."""
    since = world.now()
    world.pass_time(5)
    world.simulator.take(NAME, world.chat_id)
    world.pass_time(5)

    assert world.crm.employee_wrote(world.chat, since)
    assert not world.crm.employee_wrote(world.chat, world.now())


def test_the_owner_s_sign_can_be_switched_off(world: BitrixWorld) -> None:
    """A portal may name its queue's first person there while the bot leads."""
    since = world.now() - timedelta(minutes=1)
    world.simulator.switch(NAME, owner_while_bot_leads="3")

    assert world.crm.employee_wrote(world.chat, since)
    assert not world.open(owner_leads=False).employee_wrote(world.chat, since)


@pytest.mark.parametrize("owner", ["0", "bot"])
def test_a_dialog_of_nobody_or_of_the_bot_is_free(world: BitrixWorld, owner: str) -> None:
    """Both are what may stand there while the bot leads."""
    world.simulator.switch(NAME, owner_while_bot_leads=owner)

    assert not world.crm.employee_wrote(world.chat, world.now() - timedelta(minutes=1))


def test_a_session_that_the_message_did_not_name_is_asked_for(world: BitrixWorld) -> None:
    """One call more."""
    crm = world.open()
    world.pass_time(5)
    world.employee_writes("Это Олег")

    assert crm.employee_wrote(world.chat_now(talk_id=None), world.now() - timedelta(minutes=1))
    assert crm.calls == 2


def test_an_answer_from_the_company_s_own_phone_is_a_person_s(world: BitrixWorld) -> None:
    """Wazzup's connector echoes it in the customer's name."""
    since = world.now()
    world.pass_time(5)
    world.simulator.customer_says(NAME, world.chat_id, "=== Исходящее сообщение, автор: Марина ===\nПерезвоню")

    assert world.crm.employee_wrote(world.chat, since)


def test_a_bot_that_was_sent_away_cannot_write(world: BitrixWorld) -> None:
    """That is for a person, not for a retry."""
    world.simulator.attach(NAME, world.bot, left="queue")
    world.employee_writes("Это Олег")

    with pytest.raises(Permanent) as refused:
        world.crm.send(world.chat, None, "Здравствуйте")

    assert not isinstance(refused.value, NeedsAttention)


def test_words_of_a_person_are_not_taken_for_ours(world: BitrixWorld) -> None:
    """Even where they are the same."""
    since = world.now()
    world.pass_time(5)
    world.employee_writes("Добрый день!")

    assert world.crm.was_sent(world.chat, None, "Добрый день!", since) is Certainty.NO


def test_a_history_that_may_not_be_seen_leaves_it_open(world: BitrixWorld) -> None:
    """Neither yes nor no."""
    assert world.crm.was_sent(world.chat_now(talk_id="1"), None, "Привет", world.now()) is Certainty.UNKNOWN


def test_the_line_s_queue_gets_the_dialog(world: BitrixWorld) -> None:
    """The bot stays and goes on seeing what is said."""
    world.crm.leave_to_person(world.chat)

    assert world.methods()[-1] == "imopenlines.bot.session.operator"
    assert {1, 3, world.bot.id} <= world.dialog.members


def test_a_person_of_the_connection_s_choice_gets_the_dialog(world: BitrixWorld) -> None:
    """By a transfer, which is refused where that person leads already: nothing happens then."""
    crm = world.open(handover="transfer", transfer_to="3")

    crm.leave_to_person(world.chat)
    crm.leave_to_person(world.chat)

    assert world.dialog.owner == 3


@pytest.mark.parametrize("api", ["v1", "v2"])
def test_the_bot_leaves_the_chat_where_that_is_wished(simulator: BitrixSimulator, api: str) -> None:
    """And saying it again does no harm."""
    world = BitrixWorld(simulator, api=api)
    crm = world.open(handover="leave")

    crm.leave_to_person(world.chat)
    crm.leave_to_person(world.chat)

    assert world.bot.id not in world.dialog.members


def test_nothing_is_called_where_the_portal_is_to_be_left_alone(world: BitrixWorld) -> None:
    """The note and the task are all."""
    crm = world.open(handover="none")

    crm.leave_to_person(world.chat)

    assert crm.calls == 0


def test_an_expired_token_is_renewed_once_and_stored(simulator: BitrixSimulator) -> None:
    """The call that met it is repeated with the new one."""
    world = BitrixWorld(simulator, auth=Auth.OAUTH)
    before = world.stored_version()
    world.portal.apps[world.app.client_id].access.clear()
    world.app.access.clear()

    assert world.crm.read_deal(world.deal_id).id == world.deal_id
    assert world.stored_version() == before + 1


def test_a_pair_of_another_portal_is_not_taken(simulator: BitrixSimulator) -> None:
    """An app may be installed in many; a mixed-up answer must not lead into a stranger's CRM."""
    world = BitrixWorld(simulator, auth=Auth.OAUTH, options={"member_id": "ffffffffffffffffffffffffffffffff"})
    world.app.access.clear()

    with pytest.raises(NeedsAttention):
        world.crm.read_deal(world.deal_id)


def test_a_webhook_that_was_replaced_is_read_anew(world: BitrixWorld) -> None:
    """The integrator stores the new secret, and the next call takes it."""
    world.crm.read_deal(world.deal_id)
    world.simulator.revoke(NAME, world.secret)
    user, secret = world.simulator.webhook(NAME)
    world.secrets.values["token"] = {"token": f"{user}/{secret}", "bot_token": "dt-bot-token"}

    assert world.crm.read_deal(world.deal_id).id == world.deal_id


def test_the_webhook_s_secret_stands_in_no_error(world: BitrixWorld) -> None:
    """Its address is the secret, and addresses like to stand in errors."""
    world.kill_token()

    with pytest.raises(NeedsAttention) as refused:
        world.crm.read_deal(world.deal_id)

    assert world.secret not in str(refused.value)
    assert refused.value.__context__ is None or world.secret not in repr(refused.value.__context__)
