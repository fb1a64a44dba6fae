"""Conversations, the Chats API add-on, and Salesbots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from local.simulators.amocrm.settings import ALL_SCOPES, SCOPE_HISTORY, SCOPE_SEND

if TYPE_CHECKING:
    from local.simulators.amocrm import ManualClock
    from tests.simulators.amocrm.conftest import Client
    from tests.simulators.receiver import Receiver

MONTH = 31 * 86_400


def lines(client: Client, chat: str) -> list[tuple[str, str]]:
    """Return who said what in a chat."""
    return [(line.author.type, line.text) for line in client.sim.chat(client.name, chat)]


def send(client: Client, chat: str, body: Any = None, **options: Any) -> Any:
    """Send by way of the add-on."""
    path = f"/api/v4/talks/{client.talk_id(chat)}/send_message"
    return client.post(path, {"text": "Hello"} if body is None else body, **options)


def test_a_conversation_names_its_lead(amo: Client) -> None:
    """GET talks/{id} tells chat, contact and lead; contact-only chats have no entity; unknown ones are 404."""
    chat, lead = amo.sim.open_chat(amo.name)
    body = amo.get(f"/api/v4/talks/{amo.talk_id(chat)}").json()
    assert (body["chat_id"], body["entity_type"], body["entity_id"], body["is_in_work"]) == (chat, "lead", lead, True)
    lonely = amo.sim.open_chat(amo.name, kind="contact")[0]
    body = amo.get(f"/api/v4/talks/{amo.talk_id(lonely)}").json()
    assert (body["entity_type"], body["entity_id"]) == (None, None)
    assert amo.get("/api/v4/talks/1").status_code == 404


def test_a_moved_conversation_names_its_new_lead(amo: Client) -> None:
    """A manager may tie a chat to another lead at any time."""
    chat, lead = amo.sim.open_chat(amo.name)
    other = amo.sim.move_talk(amo.name, chat)
    assert other != lead
    assert amo.get(f"/api/v4/talks/{amo.talk_id(chat)}").json()["entity_id"] == other


def test_a_closed_conversation_cannot_be_closed_again(amo: Client) -> None:
    """202 the first time, 422 the second; the customer's next message opens a new one in the same chat."""
    chat = amo.sim.open_chat(amo.name)[0]
    talk = amo.talk_id(chat)
    closing = [amo.post(f"/api/v4/talks/{talk}/close", {"force_close": True}) for _ in range(2)]
    assert [c.status_code for c in closing] == [202, 422]
    amo.sim.customer_says(amo.name, chat, "Ещё вопрос")
    assert amo.talk_id(chat) > talk


def test_kommo_lists_conversations_of_a_contact(kommo: Client, amo: Client) -> None:
    """filter[contact_id] and filter[only_in_work] choose; amocrm.ru documents no such list."""
    first, second = (kommo.sim.open_chat(kommo.name)[0] for _ in range(2))
    contact = kommo.account.chats[first].contact_id
    rows = kommo.get(f"/api/v4/talks?filter[contact_id][]={contact}").json()["_embedded"]["talks"]
    assert [r["chat_id"] for r in rows] == [first]
    kommo.sim.close_talk(kommo.name, first)
    rows = kommo.get("/api/v4/talks?filter[only_in_work]=1").json()["_embedded"]["talks"]
    assert [r["chat_id"] for r in rows] == [second]
    assert amo.get("/api/v4/talks").status_code == 404


def test_a_sent_message_is_in_the_chat_with_the_answered_id(kommo: Client) -> None:
    """202 with an id that the history knows as an outgoing message of a bot."""
    chat = kommo.sim.open_chat(kommo.name)[0]
    kommo.sim.customer_says(kommo.name, chat, "Hi")
    answer = send(kommo, chat)
    assert answer.status_code == 202
    assert lines(kommo, chat) == [("external", "Hi"), ("bot", "Hello")]
    rows = kommo.get(f"/api/v4/talks/{kommo.talk_id(chat)}/messages").json()["_embedded"]["messages"]
    assert (rows[0]["id"], rows[0]["type"], rows[0]["author"]["type"]) == (answer.json()["id"], "outgoing", "bot")


def test_the_history_may_come_oldest_first(kommo: Client) -> None:
    """The vendor promises no order, so it is a switch."""
    chat = kommo.sim.open_chat(kommo.name)[0]
    kommo.sim.deliver_burst(kommo.name, chat, ["one", "two"])
    path = f"/api/v4/talks/{kommo.talk_id(chat)}/messages"
    newest = [m["text"] for m in kommo.get(path).json()["_embedded"]["messages"]]
    kommo.sim.switch(kommo.name, messages_newest_first=False)
    oldest = [m["text"] for m in kommo.get(path).json()["_embedded"]["messages"]]
    assert (newest, oldest) == (["two", "one"], ["one", "two"])


@pytest.mark.parametrize(
    "body", [{}, {"text": ""}, {"text": "  "}, {"text": 5}, {"text": "a", "mood": 1}, ["text"], {"text": None}]
)
def test_a_wrong_message_is_400(kommo: Client, body: Any) -> None:
    """The add-on takes a text and nothing else."""
    chat = kommo.sim.open_chat(kommo.name)[0]
    assert send(kommo, chat, body).status_code == 400
    assert lines(kommo, chat) == []


def test_a_text_over_the_switched_limit_is_400(kommo: Client) -> None:
    """The vendor publishes no limit, so it is a switch."""
    kommo.sim.switch(kommo.name, send_message_max_chars=10)
    chat = kommo.sim.open_chat(kommo.name)[0]
    assert send(kommo, chat, {"text": "a" * 10}).status_code == 202
    assert send(kommo, chat, {"text": "a" * 11}).status_code == 400


def test_sending_and_history_need_their_scopes(kommo: Client) -> None:
    """A token without the scope gets 403 'Invalid scope'."""
    chat = kommo.sim.open_chat(kommo.name)[0]
    mute = kommo.sim.token(kommo.name, scopes=ALL_SCOPES - {SCOPE_SEND})
    blind = kommo.sim.token(kommo.name, scopes=ALL_SCOPES - {SCOPE_HISTORY})
    history = f"/api/v4/talks/{kommo.talk_id(chat)}/messages"
    for refused in (send(kommo, chat, token=mute), kommo.get(history, token=blind)):
        assert (refused.status_code, refused.json()["detail"]) == (403, "Invalid scope")
    assert send(kommo, chat, token=blind).status_code == 202


def test_a_closed_conversation_takes_no_message(kommo: Client) -> None:
    """422 'Talk is closed', and 404 for one that does not exist."""
    chat = kommo.sim.open_chat(kommo.name)[0]
    kommo.sim.close_talk(kommo.name, chat)
    refused = send(kommo, chat)
    assert (refused.status_code, refused.json()["detail"]) == (422, "Talk is closed")
    assert kommo.post("/api/v4/talks/1/send_message", {"text": "a"}).status_code == 404


def test_amocrm_ru_has_no_chats_api(amo: Client) -> None:
    """Neither sending nor history exists there, unless switched on."""
    chat = amo.sim.open_chat(amo.name)[0]
    assert send(amo, chat).status_code == 404
    assert amo.get(f"/api/v4/talks/{amo.talk_id(chat)}/messages").status_code == 404
    amo.sim.switch(amo.name, chats_api=True)
    assert send(amo, chat).status_code == 202


def test_the_quota_is_per_month_and_tariff(kommo: Client, clock: ManualClock) -> None:
    """Over the quota 402 until the next month; a tariff without the add-on is always 402."""
    chat = kommo.sim.open_chat(kommo.name)[0]
    kommo.sim.switch(kommo.name, chat_quota_extra=-499)
    assert send(kommo, chat).status_code == 202
    refused = send(kommo, chat)
    assert (refused.status_code, refused.json()["detail"]) == (402, "Over chat API limit")
    clock.advance(MONTH)
    assert send(kommo, chat).status_code == 202
    kommo.sim.switch(kommo.name, plan="advanced")
    assert send(kommo, chat).status_code == 402


def test_the_echo_may_come_before_the_answer(kommo: Client, receiver: Receiver) -> None:
    """With the switch on, the webhook has been answered when the call returns."""
    chat = kommo.sim.open_chat(kommo.name)[0]
    kommo.sim.switch(kommo.name, echo_before_answer=True)
    kommo.subscribe(receiver.url, "add_outgoing_message")
    answer = send(kommo, chat)
    assert receiver.hits[0].form["outgoing_message[add][0][id]"] == answer.json()["id"]


def reply(client: Client, lead: int, text: str, field: str = "Ответ бота") -> None:
    """Put a text into the field that the bot sends."""
    values = [{"field_id": client.field_id(field), "values": [{"value": text}]}]
    client.patch(f"/api/v4/leads/{lead}", {"custom_fields_values": values}).raise_for_status()


def launch(client: Client, lead: int | str, **changes: Any) -> Any:
    """Launch the account's bot for a lead."""
    row = {"bot_id": client.bot_id(), "entity_id": lead, "entity_type": 2, **changes}
    return client.post("/api/v2/salesbot/run", [row])


def opened(client: Client) -> tuple[str, int]:
    """Return a chat with its lead."""
    chat, lead = client.sim.open_chat(client.name)
    assert lead is not None
    return chat, lead


def test_a_launch_is_only_queued(amo: Client) -> None:
    """202 {} says nothing about the message: it is in the chat when the bot has run."""
    chat, lead = opened(amo)
    reply(amo, lead, "Добрый день")
    answer = launch(amo, lead)
    assert (answer.status_code, answer.json()) == (202, {})
    assert lines(amo, chat) == []
    amo.sim.advance(1)
    assert lines(amo, chat) == [("bot", "Добрый день")]


def test_a_bot_sends_the_value_that_the_field_has_when_it_runs(amo: Client) -> None:
    """A value written after the launch and before the run is what the customer gets."""
    chat, lead = opened(amo)
    reply(amo, lead, "старое")
    launch(amo, lead)
    reply(amo, lead, "новое")
    amo.sim.advance(1)
    assert lines(amo, chat) == [("bot", "новое")]


def test_a_second_launch_while_one_runs_is_silently_dropped(amo: Client) -> None:
    """Both are answered 202, one message comes; after the run the entity is free again."""
    chat, lead = opened(amo)
    reply(amo, lead, "раз")
    assert [launch(amo, lead).status_code for _ in range(2)] == [202, 202]
    amo.sim.advance(1)
    assert [run.outcome for run in amo.account.bot_runs] == ["sent", "dropped"]
    launch(amo, lead)
    amo.sim.advance(1)
    assert lines(amo, chat) == [("bot", "раз"), ("bot", "раз")]


def test_a_hung_bot_blocks_only_its_own_lead(amo: Client) -> None:
    """A bot that waits for ever swallows all launches on its lead."""
    (chat, lead), (other_chat, other_lead) = opened(amo), opened(amo)
    amo.sim.hang_bot(amo.name, lead)
    for one in (lead, other_lead):
        reply(amo, one, "текст")
        launch(amo, one)
    amo.sim.advance(1)
    assert (lines(amo, chat), lines(amo, other_chat)) == ([], [("bot", "текст")])


@pytest.mark.parametrize("case", ["empty field", "closed talk", "unknown bot", "unknown lead"])
def test_a_launch_that_can_do_nothing_is_answered_alike(amo: Client, case: str) -> None:
    """202 in every case, and no message."""
    chat, lead = opened(amo)
    if case != "empty field":
        reply(amo, lead, "текст")
    if case == "closed talk":
        amo.sim.close_talk(amo.name, chat)
    changes = {"unknown bot": {"bot_id": 1}, "unknown lead": {"entity_id": 1}}.get(case, {})
    assert launch(amo, lead, **changes).status_code == 202
    amo.sim.advance(1)
    assert lines(amo, chat) == []


def test_a_text_field_cuts_the_reply_and_a_textarea_does_not(amo: Client) -> None:
    """A reply through a text field arrives cut at 256 characters."""
    chat, lead = opened(amo)
    bot = amo.sim.add_bot(amo.name, "Из текста", field="Товар")
    for field, bot_id in (("Товар", bot.id), ("Ответ бота", amo.bot_id())):
        reply(amo, lead, "я" * 1000, field)
        launch(amo, lead, bot_id=bot_id)
        amo.sim.advance(1)
    assert [len(text) for _, text in lines(amo, chat)] == [256, 1000]


@pytest.mark.parametrize(
    "rows",
    [
        [],
        {"bot_id": 1},
        [{"bot_id": 1, "entity_id": 2}],
        [{"bot_id": 1, "entity_id": 2, "entity_type": 3}],
        [{"bot_id": "x", "entity_id": 2, "entity_type": 2}],
        [{"bot_id": 1, "entity_id": 2, "entity_type": "leads"}],
        [{"bot_id": 1, "entity_id": 2, "entity_type": 2}] * 101,
    ],
)
def test_a_wrong_launch_is_400(amo: Client, rows: Any) -> None:
    """An array of at most 100 numeric triples, entity 1 or 2."""
    assert amo.post("/api/v2/salesbot/run", rows).status_code == 400


def test_salesbot_run_does_not_exist_in_v4(amo: Client, kommo: Client) -> None:
    """The call is in v2 only, and amocrm.ru has no v4 bots at all."""
    for client in (amo, kommo):
        assert client.post("/api/v4/salesbot/run", []).status_code == 404
    assert amo.get("/api/v4/bots").status_code == 404
    assert amo.post(f"/api/v4/bots/{amo.bot_id()}/run", {"entity_id": 1, "entity_type": "leads"}).status_code == 404


def test_kommo_runs_and_stops_bots_by_word(kommo: Client) -> None:
    """entity_type is "leads"; a number is InvalidType, "lead" no choice; stop frees the lead."""
    chat, lead = opened(kommo)
    reply(kommo, lead, "Hello", "Bot reply")
    bots = kommo.get("/api/v4/bots").json()["_embedded"]["items"]
    path = f"/api/v4/bots/{bots[0]['id']}"
    for wrong, code in ((2, "InvalidType"), ("lead", "NotSupportedChoice")):
        refused = kommo.post(path + "/run", {"entity_id": lead, "entity_type": wrong})
        assert refused.json()["validation-errors"][0]["errors"][0]["code"] == code
    body = {"entity_id": lead, "entity_type": "leads"}
    assert kommo.post(path + "/run", body).status_code == 202
    assert kommo.post(path + "/stop", body).status_code == 202
    kommo.sim.advance(1)
    assert lines(kommo, chat) == []
    assert kommo.post("/api/v4/bots/run", body | {"bot_id": bots[0]["id"]}).status_code == 202
    kommo.sim.advance(1)
    assert lines(kommo, chat) == [("bot", "Hello")]
    assert kommo.post("/api/v4/bots/1/run", body).status_code == 404
    assert kommo.post(path + "/stop", body | {"entity_type": "contacts"}).status_code == 400


def test_a_bot_writes_to_the_lead_that_the_chat_belongs_to_now(amo: Client) -> None:
    """After a move the old lead's bot has no chat to write to."""
    chat, lead = opened(amo)
    other = amo.sim.move_talk(amo.name, chat)
    for one in (lead, other):
        reply(amo, one, f"из {one}")
        launch(amo, one)
    amo.sim.advance(1)
    assert lines(amo, chat) == [("bot", f"из {other}")]
