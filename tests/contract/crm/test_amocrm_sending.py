"""How amoCRM's adapter sends: the ways in their order, what closes a way, and what a reply costs."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dealtalk.errors import NeedsAttention, OutcomeUnknown, Permanent, RateLimited, Retryable
from dealtalk.ports import Certainty
from local.simulators.amocrm.settings import Plan

if TYPE_CHECKING:
    from tests.contract.crm.amocrm_world import AmocrmWorld

TEXT = "Секретный ответ клиенту"


def send_calls(world: AmocrmWorld) -> list[str]:
    """Return the paths of the calls that wrote something."""
    return [path for method, path in world.calls() if method != "GET"]


def test_kommo_sends_by_the_talk_and_has_the_message_s_id(kommo: AmocrmWorld) -> None:
    """One call; the id is that of the line that the customer sees."""
    receipt = kommo.crm.send(kommo.chat, kommo.deal_id, TEXT)

    line = kommo.simulator.chat(kommo.account.subdomain, kommo.chat_id)[-1]
    assert (receipt.message_id, receipt.confirmed, receipt.way) == (line.id, True, "talks")
    assert send_calls(kommo) == [f"/api/v4/talks/{kommo.chat.talk_id}/send_message"]


def test_amocrm_writes_the_field_and_then_starts_the_bot(amocrm: AmocrmWorld) -> None:
    """Two calls in this order; the bot sends what the field holds, and nothing is confirmed yet."""
    receipt = amocrm.crm.send(amocrm.chat, amocrm.deal_id, TEXT)
    amocrm.pass_time(2)

    assert (receipt.message_id, receipt.confirmed, receipt.way) == (None, False, "salesbot")
    assert send_calls(amocrm) == [f"/api/v4/leads/{amocrm.deal_id}", "/api/v2/salesbot/run"]
    assert amocrm.received() == [TEXT]


def test_the_newer_call_starts_the_bot_where_it_is_configured(kommo: AmocrmWorld) -> None:
    """`salesbot_run: v4` names the bot in the path and the entity by a word."""
    crm = kommo.open(send_order=["salesbot"], salesbot_run="v4")

    crm.send(kommo.chat, kommo.deal_id, TEXT)
    kommo.pass_time(2)

    assert send_calls(kommo)[-1].endswith("/run")
    assert "/api/v4/bots/" in send_calls(kommo)[-1]
    assert kommo.received() == [TEXT]


@pytest.mark.parametrize(
    ("switches", "reason"), [({"plan": Plan.ADVANCED}, "unpaid"), ({"send_message_max_chars": 5}, "refused")]
)
def test_a_refused_talk_is_left_for_the_bot(kommo: AmocrmWorld, switches: dict[str, object], reason: str) -> None:
    """402 and a refused message fall back within the same send."""
    kommo.simulator.switch(kommo.account.subdomain, **switches)

    receipt = kommo.crm.send(kommo.chat, kommo.deal_id, TEXT)
    kommo.pass_time(2)

    assert receipt.way == "salesbot"
    assert kommo.received() == [TEXT]
    assert kommo.left == [("talks", reason)]
    assert kommo.crm.fallbacks == {("talks", reason): 1}


def test_a_missing_scope_is_left_for_the_bot_and_remembered_for_ten_minutes(kommo: AmocrmWorld) -> None:
    """Only the first reply pays for the failed call; after ten minutes the way is tried again."""
    kommo.secrets.values["token"]["token"] = kommo.simulator.token(kommo.account.subdomain, scopes=["crm"])
    for _ in range(3):
        kommo.open().send(kommo.chat, kommo.deal_id, TEXT)
        kommo.pass_time(60)
    tried = [path for path in send_calls(kommo) if path.endswith("send_message")]
    kommo.pass_time(600)
    kommo.open().send(kommo.chat, kommo.deal_id, TEXT)

    assert len(tried) == 1
    assert kommo.left == [("talks", "scope"), ("talks", "scope")]


def test_a_fallback_is_said_once_in_the_log_without_the_text(
    kommo: AmocrmWorld, caplog: pytest.LogCaptureFixture
) -> None:
    """The warning names way and reason; no log line holds the customer's reply."""
    kommo.simulator.switch(kommo.account.subdomain, plan=Plan.ADVANCED)

    with caplog.at_level(logging.DEBUG):
        for _ in range(2):
            kommo.open().send(kommo.chat, kommo.deal_id, TEXT)
            kommo.pass_time(5)

    warnings = [record for record in caplog.records if record.name.startswith("dealtalk")]
    assert [(record.__dict__["way"], record.__dict__["reason"]) for record in warnings] == [("talks", "unpaid")]
    assert not any(TEXT in record.getMessage() for record in caplog.records)


def test_a_closed_talk_is_remembered_for_that_talk_only(kommo: AmocrmWorld) -> None:
    """Another chat is still answered by its talk."""
    kommo.simulator.close_talk(kommo.account.subdomain, kommo.chat_id)
    kommo.crm.send(kommo.chat, kommo.deal_id, TEXT)
    chat_id, lead = kommo.simulator.open_chat(kommo.account.subdomain)
    talk = next(t for t in kommo.account.talks.values() if t.chat_id == chat_id)

    receipt = kommo.open().send(replace(kommo.chat, chat_id=chat_id, talk_id=str(talk.talk_id)), str(lead), TEXT)

    assert kommo.left == [("talks", "talk_closed")]
    assert receipt.way == "talks"


def test_a_talk_that_does_not_exist_is_left_for_the_bot(kommo: AmocrmWorld) -> None:
    """404 of the talk: the next way."""
    receipt = kommo.crm.send(replace(kommo.chat, talk_id="999999"), kommo.deal_id, TEXT)

    assert receipt.way == "salesbot"
    assert kommo.left == [("talks", "talk_gone")]


def test_where_only_the_integrator_can_open_a_way_the_connection_needs_attention(kommo: AmocrmWorld) -> None:
    """No bot, and an add-on that is not paid for: nobody can be answered."""
    kommo.simulator.switch(kommo.account.subdomain, plan=Plan.ADVANCED)

    with pytest.raises(NeedsAttention, match="not paid for"):
        kommo.open(send_order=["talks"]).send(kommo.chat, kommo.deal_id, TEXT)


def test_a_chat_without_a_way_is_permanent_and_says_why(kommo: AmocrmWorld) -> None:
    """A closed talk and no deal: this chat cannot be written to, others can."""
    kommo.simulator.close_talk(kommo.account.subdomain, kommo.chat_id)

    with pytest.raises(Permanent, match=r"talk is closed.*no deal") as refused:
        kommo.crm.send(replace(kommo.chat, deal_id=None), None, TEXT)

    assert not isinstance(refused.value, NeedsAttention)


def test_a_ban_is_a_cool_down_and_not_a_fallback(kommo: AmocrmWorld) -> None:
    """A 403 without a reason: nobody may call for the configured time; the bot is not tried."""
    kommo.simulator.fault("status", kommo.account.subdomain, status=403, path="send_message", count=1)

    with pytest.raises(RateLimited) as banned:
        kommo.open(cooldown_seconds=120).send(kommo.chat, kommo.deal_id, TEXT)

    assert banned.value.after == 120
    assert kommo.left == []


def test_an_ip_list_needs_attention(kommo: AmocrmWorld) -> None:
    """403 with code 113: the integrator must let us in."""
    kommo.simulator.switch(kommo.account.subdomain, ip_whitelist=["203.0.113.1"])

    with pytest.raises(NeedsAttention, match="113"):
        kommo.crm.send(kommo.chat, kommo.deal_id, TEXT)


def test_an_unpaid_account_needs_attention_after_all_ways(kommo: AmocrmWorld) -> None:
    """402 of every call is not the add-on's: the second way says so too."""
    kommo.simulator.switch(kommo.account.subdomain, paid=False)

    with pytest.raises(NeedsAttention):
        kommo.crm.send(kommo.chat, kommo.deal_id, TEXT)


def test_too_many_requests_in_a_row_wait_longer_each_time(kommo: AmocrmWorld) -> None:
    """The pause doubles, so that no retry storm ends in a ban."""
    kommo.simulator.fault("status", kommo.account.subdomain, status=429, count=3)
    pauses = []
    for _ in range(3):
        with pytest.raises(RateLimited) as refused:
            kommo.crm.send(kommo.chat, kommo.deal_id, TEXT)
        pauses.append(refused.value.after)
    kommo.crm.send(kommo.chat, kommo.deal_id, TEXT)

    assert pauses == [1.5, 3.0, 6.0]


@pytest.mark.parametrize("kind", ["status_after", "drop_after"])
def test_a_send_without_an_answer_is_of_unknown_outcome_and_never_repeated(kommo: AmocrmWorld, kind: str) -> None:
    """A 500 or a cut connection after the act: one message in the chat, no second way."""
    kommo.simulator.fault(kind, kommo.account.subdomain, path="send_message", count=1)

    with pytest.raises(OutcomeUnknown):
        kommo.crm.send(kommo.chat, kommo.deal_id, TEXT)

    assert kommo.received() == [TEXT]
    assert len(send_calls(kommo)) == 1


def test_a_lost_answer_before_the_bot_started_is_only_a_retry(amocrm: AmocrmWorld) -> None:
    """The field may hold the text, but the customer got nothing: the same work may be done again."""
    amocrm.lose_answer("update_deal")

    with pytest.raises(Retryable) as lost:
        amocrm.crm.send(amocrm.chat, amocrm.deal_id, TEXT)

    assert not isinstance(lost.value, OutcomeUnknown)
    amocrm.pass_time(5)
    assert amocrm.received() == []


def test_a_bot_dropped_in_silence_is_never_called_sent(amocrm: AmocrmWorld) -> None:
    """Another bot runs on the lead: 202, and no message; the event list proves nothing, so the answer is unknown."""
    amocrm.simulator.hang_bot(amocrm.account.subdomain, int(amocrm.deal_id))
    since = amocrm.now()

    receipt = amocrm.crm.send(amocrm.chat, amocrm.deal_id, TEXT)
    amocrm.pass_time(60)

    assert not receipt.confirmed
    assert amocrm.received() == []
    assert amocrm.crm.was_sent(amocrm.chat, amocrm.deal_id, TEXT, since) is Certainty.UNKNOWN


def test_without_the_history_scope_events_are_asked(kommo: AmocrmWorld) -> None:
    """The texts may not be read: a robot's message counts as ours, and its absence proves nothing."""
    kommo.secrets.values["token"]["token"] = kommo.simulator.token(
        kommo.account.subdomain, scopes=["crm", "send_external_messages"]
    )
    since = kommo.now()
    before = kommo.crm.was_sent(kommo.chat, kommo.deal_id, TEXT, since)
    kommo.crm.send(kommo.chat, kommo.deal_id, TEXT)

    assert before is Certainty.UNKNOWN
    assert kommo.crm.was_sent(kommo.chat, kommo.deal_id, TEXT, since) is Certainty.YES


def test_the_reply_before_this_one_does_not_count_as_it(amocrm: AmocrmWorld) -> None:
    """An event has no text: what a robot said seconds before this reply was begun is no sign of it."""
    amocrm.crm.send(amocrm.chat, amocrm.deal_id, "Первый ответ")
    amocrm.pass_time(amocrm.account.settings.bot_delay)
    assert amocrm.received() == ["Первый ответ"]
    amocrm.pass_time(2)
    since = amocrm.now()

    assert amocrm.crm.was_sent(amocrm.chat, amocrm.deal_id, "Второй ответ", since) is Certainty.UNKNOWN

    amocrm.crm.send(amocrm.chat, amocrm.deal_id, "Второй ответ")
    amocrm.pass_time(amocrm.account.settings.bot_delay)
    assert amocrm.crm.was_sent(amocrm.chat, amocrm.deal_id, "Второй ответ", since) is Certainty.YES


def test_a_missing_history_scope_is_found_out_once_in_ten_minutes(kommo: AmocrmWorld) -> None:
    """Later polls go to the events at once: one call each."""
    kommo.secrets.values["token"]["token"] = kommo.simulator.token(kommo.account.subdomain, scopes=["crm"])
    costs = []
    for _ in range(3):
        crm = kommo.open()
        crm.employee_wrote(kommo.chat, kommo.now())
        costs.append(crm.calls)

    assert costs == [2, 1, 1]


def test_another_text_of_ours_is_not_this_reply(kommo: AmocrmWorld) -> None:
    """Where texts are seen, only the same words count."""
    since = kommo.now()
    kommo.simulator.bot_says(kommo.account.subdomain, kommo.chat_id, "Welcome!")
    kommo.pass_time(60)

    assert kommo.crm.was_sent(kommo.chat, kommo.deal_id, TEXT, since) is Certainty.NO


def test_the_contact_is_found_through_the_talk_where_the_message_named_none(amocrm: AmocrmWorld) -> None:
    """Events are found by the contact: one call more."""
    since = amocrm.now()
    amocrm.pass_time(5)
    amocrm.employee_writes("Это Олег")

    assert amocrm.crm.employee_wrote(replace(amocrm.chat, contact_id=None), since)


def test_a_user_who_is_a_robot_takes_nothing_over(amocrm: AmocrmWorld) -> None:
    """`bot_user_ids` names the users of other automations."""
    since = amocrm.now()
    amocrm.pass_time(5)
    amocrm.employee_writes("Автоответ")
    robot = list(amocrm.account.users)[1]

    assert not amocrm.open(bot_user_ids=[str(robot)]).employee_wrote(amocrm.chat, since)


@pytest.mark.parametrize(("platform", "most"), [("kommo", 2), ("amocrm", 3)])
def test_a_plain_reply_costs_the_lead_and_the_send(platform: str, most: int, request: pytest.FixtureRequest) -> None:
    """Lead and message by talks; lead, field and bot by Salesbot; one more where a takeover is asked for."""
    world: AmocrmWorld = request.getfixturevalue(platform)

    world.crm.read_deal(world.deal_id)
    world.crm.send(world.chat, world.deal_id, TEXT)
    plain = world.crm.calls
    world.crm.employee_wrote(world.chat, world.now())

    assert plain == most
    assert world.crm.calls == most + 1


def test_the_limit_of_a_message_is_the_channel_s(kommo: AmocrmWorld) -> None:
    """A connection may name a limit per channel; another channel has the connection's own."""
    assert kommo.chat.channel == "waba"
    assert kommo.open().reply_limit == 1000
    assert kommo.open(channel_limits={"waba": 4096}).reply_limit == 4096
    assert kommo.open(channel_limits={"viber": 700}, message_limit=500).reply_limit == 500


def test_a_salesbot_s_reply_passes_through_the_lead_and_a_talk_s_does_not(
    kommo: AmocrmWorld, amocrm: AmocrmWorld
) -> None:
    """Two chats of one lead share its reply field; where the talk takes the text nobody has to wait."""
    assert amocrm.crm.reply_lane(amocrm.chat, amocrm.deal_id) == amocrm.deal_id
    assert amocrm.crm.reply_lane(amocrm.chat, None) == amocrm.chat.deal_id
    assert kommo.crm.reply_lane(kommo.chat, kommo.deal_id) is None
    assert kommo.crm.reply_lane(replace(kommo.chat, talk_id=None), kommo.deal_id) == kommo.deal_id
    assert kommo.open(send_order=["widget", "talks"]).reply_lane(kommo.chat, kommo.deal_id) == kommo.deal_id
    assert kommo.open(send_order=["talks"]).reply_lane(replace(kommo.chat, talk_id=None), kommo.deal_id) is None
    assert amocrm.calls() == kommo.calls() == []


def test_a_closed_talk_s_chat_shares_the_lead_s_field_from_then_on(kommo: AmocrmWorld) -> None:
    """As long as it is remembered that the talk takes nothing."""
    kommo.simulator.close_talk(kommo.account.subdomain, kommo.chat_id)
    kommo.crm.send(kommo.chat, kommo.deal_id, TEXT)
    assert kommo.crm.reply_lane(kommo.chat, kommo.deal_id) == kommo.deal_id
