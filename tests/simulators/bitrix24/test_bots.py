"""Bots and open lines: registration, events, sending, handing over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.simulators.bitrix24.conftest import NAME, TOKEN

if TYPE_CHECKING:
    from tests.simulators.bitrix24.conftest import Client
    from tests.simulators.receiver import Receiver


def names(receiver: Receiver) -> list[str]:
    """Return the events that arrived."""
    return [hit.form["event"] for hit in receiver.hits]


def test_a_registration_is_checked_and_repeated_without_harm(client: Client, receiver: Receiver) -> None:
    """The same code returns the same bot; a token of more than 40 characters is refused."""
    bot = client.new_bot(receiver.url)
    assert client.new_bot("https://other.test/").id == bot.id
    assert bot.webhook_url == receiver.url

    fields = {"code": "x", "botToken": "t" * 41, "properties": {"name": "A"}}
    assert client.refused("imbot.v2.Bot.register", fields=fields) == (400, "BOT_TOKEN_INVALID_LENGTH")
    without = {"code": "x", "properties": {"name": "A"}}
    assert client.refused("imbot.v2.Bot.register", fields=without) == (400, "BOT_TOKEN_NOT_SPECIFIED")
    taken = {"code": "dealtalk", "botToken": "other", "properties": {"name": "A"}}
    assert client.refused("imbot.v2.Bot.register", fields=taken) == (400, "BOT_CODE_ALREADY_TAKEN")


def test_a_version_2_bot_is_told_in_a_form_of_texts(client: Client, receiver: Receiver) -> None:
    """The join first, then the message, each with the token `custom` and the bot's."""
    client.new_bot(receiver.url)
    chat, deal = client.sim.open_chat(NAME)

    client.sim.customer_says(NAME, chat, "Привет & пока")
    client.sim.settle()

    assert names(receiver) == ["ONIMBOTV2JOINCHAT", "ONIMBOTV2MESSAGEADD"]
    form = receiver.hits[1].form
    assert form["auth[application_token]"] == f"custom{TOKEN}"
    assert form["data[message][text]"] == "Привет & пока"
    assert (form["data[user][connector]"], form["data[message][isSystem]"]) == ("1", "0")
    assert form["data[chat][entityData2]"].endswith(f"DEAL|{deal}")


def test_a_version_1_bot_is_told_at_its_handler_with_its_client_id(client: Client, receiver: Receiver) -> None:
    """The vendor appends it to the address, and it is the events' token."""
    handlers = dict.fromkeys(("EVENT_MESSAGE_ADD", "EVENT_WELCOME_MESSAGE", "EVENT_BOT_DELETE"), receiver.url)
    made = client.get("imbot.register", CODE="one", TYPE="O", CLIENT_ID=TOKEN, PROPERTIES={"NAME": "Анна"}, **handlers)
    client.sim.attach(NAME, client.portal.bots[made])
    chat, _ = client.sim.open_chat(NAME)

    client.sim.customer_says(NAME, chat, "Привет")
    client.sim.settle()

    assert names(receiver) == ["ONIMBOTJOINCHAT", "ONIMBOTMESSAGEADD"]
    assert receiver.hits[1].path.endswith(f"?CLIENT_ID={TOKEN}")
    assert receiver.hits[1].form["auth[application_token]"] == TOKEN
    assert receiver.hits[1].form["data[USER][IS_CONNECTOR]"] == "Y"
    given: dict[str, Any] = {"BOT_ID": made, "CLIENT_ID": TOKEN, "DIALOG_ID": f"chat{chat}"}
    assert client.ask("imbot.message.add", MESSAGE="Здравствуйте", **given)[0] == 200


def test_an_event_that_is_not_taken_is_lost(client: Client, receiver: Receiver) -> None:
    """The portal does not send again."""
    receiver.status = 500
    client.new_bot(receiver.url)
    chat, _ = client.sim.open_chat(NAME)

    client.sim.customer_says(NAME, chat, "Привет")
    client.sim.settle()
    client.sim.advance(7200)

    assert names(receiver) == ["ONIMBOTV2JOINCHAT", "ONIMBOTV2MESSAGEADD"]


def test_a_bot_in_fetch_mode_asks_and_confirms(client: Client) -> None:
    """What lies before the offset is gone."""
    fields = {"code": "f", "botToken": TOKEN, "properties": {"name": "A"}, "type": "openline"}
    bot = client.portal.bots[client.get("imbot.v2.Bot.register", fields=fields)["bot"]["id"]]
    client.sim.attach(NAME, bot)
    chat, _ = client.sim.open_chat(NAME)
    client.sim.customer_says(NAME, chat, "Привет")

    first = client.get("imbot.v2.Event.get", botId=bot.id, botToken=TOKEN)
    second = client.get("imbot.v2.Event.get", botId=bot.id, botToken=TOKEN, offset=first["nextOffset"])

    assert [row["type"] for row in first["events"]] == ["ONIMBOTV2JOINCHAT", "ONIMBOTV2MESSAGEADD"]
    assert second["events"] == []


def test_a_bot_speaks_where_it_is_and_nowhere_else(client: Client, receiver: Receiver) -> None:
    """Not told of its own words; refused in a chat that it is not in, and with another token."""
    bot = client.new_bot(receiver.url)
    chat, _ = client.sim.open_chat(NAME)
    other, _ = client.sim.open_chat(NAME)
    client.sim.customer_says(NAME, chat, "Привет")

    status, body = client.send(bot, chat, "Здравствуйте")
    client.sim.settle()

    assert (status, str(body["result"]["id"])) == (200, client.sim.chat(NAME, chat)[-1]["id"])
    assert len(receiver.hits) == 2
    assert client.send(bot, other, "Ау")[1]["error"] == "ACCESS_DENIED"
    assert client.send(bot, chat, " ")[1]["error"] == "EMPTY_MESSAGE"
    given = {"botId": bot.id, "dialogId": f"chat{chat}", "fields": {"message": "x"}}
    assert client.refused("imbot.v2.Chat.Message.send", **given) == (400, "BOT_TOKEN_NOT_SPECIFIED")
    assert client.refused("imbot.v2.Chat.Message.send", botToken="no", **given) == (403, "BOT_OWNERSHIP_ERROR")


@pytest.mark.parametrize(("left", "stays"), [("close", True), ("queue", False)])
def test_an_operator_who_takes_the_dialog_sends_the_bot_away_or_not(
    client: Client, receiver: Receiver, left: str, stays: bool
) -> None:
    """As the line is set; a bot that stays is told what the operator writes."""
    bot = client.new_bot(receiver.url)
    client.sim.attach(NAME, bot, left=left)
    chat, _ = client.sim.open_chat(NAME)
    client.sim.customer_says(NAME, chat, "Привет")

    client.sim.employee_says(NAME, chat, "Это Олег")
    client.sim.settle()

    assert (bot.id in client.dialog(chat).members) is stays
    assert (len(receiver.hits) == 3) is stays
    assert client.get("imopenlines.dialog.get", CHAT_ID=chat)["owner"] == 3


def test_a_line_s_time_sends_the_dialog_to_the_queue(client: Client, receiver: Receiver) -> None:
    """After ten minutes by default; the bot leaves."""
    bot = client.new_bot(receiver.url)
    client.sim.attach(NAME, bot, left="queue", time=600)
    chat, _ = client.sim.open_chat(NAME)
    client.sim.customer_says(NAME, chat, "Привет")

    client.sim.advance(601)

    assert bot.id not in client.dialog(chat).members


def test_handing_over_is_refused_where_a_person_leads(client: Client, receiver: Receiver) -> None:
    """WRONG_CHAT, also for a transfer; which needs the bot's token."""
    client.new_bot(receiver.url)
    chat, _ = client.sim.open_chat(NAME)
    client.sim.customer_says(NAME, chat, "Привет")
    transfer = {"CHAT_ID": chat, "USER_ID": 3}
    assert client.refused("imopenlines.bot.session.transfer", **transfer) == (400, "BOT_ID_ERROR")

    assert client.get("imopenlines.bot.session.transfer", CLIENT_ID=TOKEN, **transfer) is True

    assert client.refused("imopenlines.bot.session.operator", CHAT_ID=chat) == (400, "WRONG_CHAT")
    assert client.dialog(chat).owner == 3


def test_a_session_s_history_names_who_said_what(client: Client, receiver: Receiver) -> None:
    """The portal's own words have no sender; a chat's number alone opens nothing to who is not in it."""
    bot = client.new_bot(receiver.url)
    chat, _ = client.sim.open_chat(NAME)
    client.sim.customer_says(NAME, chat, "Привет")
    client.send(bot, chat, "Здравствуйте")
    session = client.dialog(chat).session_id

    history = client.get("imopenlines.session.history.get", SESSION_ID=session)

    rows = sorted(history["message"].values(), key=lambda row: int(row["id"]))
    guest = client.dialog(chat).user_id
    assert [row["senderid"] for row in rows] == ["0", str(guest), str(bot.id)]
    assert history["users"][str(guest)]["connector"] is True
    assert client.refused("imopenlines.session.history.get", CHAT_ID=chat) == (403, "ACCESS_DENIED")


def test_a_closed_dialog_begins_a_new_session(client: Client, receiver: Receiver) -> None:
    """With the bot in it again."""
    bot = client.new_bot(receiver.url)
    chat, _ = client.sim.open_chat(NAME)
    client.sim.customer_says(NAME, chat, "Привет")
    first = client.dialog(chat).session_id
    client.sim.close(NAME, chat)
    client.sim.advance(60)

    client.sim.customer_says(NAME, chat, "Ещё вопрос")

    assert client.dialog(chat).session_id != first
    assert bot.id in client.dialog(chat).members
