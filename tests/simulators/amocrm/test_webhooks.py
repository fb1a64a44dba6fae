"""Subscribing to webhooks, and the bodies that come."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.simulators.amocrm.conftest import Client
    from tests.simulators.receiver import Receiver

HOOKS = "/api/v4/webhooks"
ADDRESS = "https://example.test/hook/"


def body(destination: Any = ADDRESS, settings: Any = ("add_message",), **more: Any) -> dict[str, Any]:
    """Return a subscription."""
    return {"destination": destination, "settings": list(settings) if isinstance(settings, tuple) else settings, **more}


def test_a_subscription_is_201_on_amocrm_and_200_on_kommo(amo: Client, kommo: Client) -> None:
    """The platforms answer with different statuses and the same object."""
    assert [c.post(HOOKS, body()).status_code for c in (amo, kommo)] == [201, 200]
    hook = amo.get(HOOKS).json()["_embedded"]["webhooks"][0]
    assert (hook["destination"], hook["settings"], hook["disabled"]) == (ADDRESS, ["add_message"], False)


def test_the_destination_is_the_key(amo: Client) -> None:
    """The same address again changes its subscription; DELETE names the address; a filter finds it."""
    assert amo.get(HOOKS).status_code == 204
    first = amo.post(HOOKS, body()).json()
    second = amo.post(HOOKS, body(settings=("add_lead", "status_lead"))).json()
    assert (second["id"], second["settings"]) == (first["id"], ["add_lead", "status_lead"])
    amo.post(HOOKS, body("https://example.test/other"))
    found = amo.get(HOOKS, params={"filter[destination]": ADDRESS}).json()["_embedded"]["webhooks"]
    assert [h["id"] for h in found] == [first["id"]]
    removal = [amo.call("DELETE", HOOKS, json={"destination": ADDRESS}).status_code for _ in range(2)]
    assert removal == [204, 404]
    assert amo.call("DELETE", HOOKS, json={"id": 1}).status_code == 400


@pytest.mark.parametrize(
    ("wrong", "code", "path"),
    [
        (body(settings=("add_poem",)), "NotSupportedChoice", "settings.0"),
        (body(settings=()), "TooFew", "settings"),
        (body(settings="add_message"), "InvalidType", "settings"),
        ({"settings": ["add_lead"]}, "FieldMissing", "destination"),
        ({"destination": ADDRESS}, "FieldMissing", "settings"),
        (body(5), "InvalidType", "destination"),
        (body("example.test/hook"), "InvalidUrl", "destination"),
        (body("ftp://example.test/"), "InvalidUrl", "destination"),
        (body("https://пример.рф/"), "InvalidUrl", "destination"),
        (body("https://xn--e1afmkfd.xn--p1ai/"), "InvalidUrl", "destination"),
        (body("https://nodots/"), "InvalidUrl", "destination"),
        (body(mood=1), "ExtraField", "mood"),
    ],
)
def test_a_wrong_subscription_is_400(amo: Client, wrong: dict[str, Any], code: str, path: str) -> None:
    """An absolute address with an ASCII domain, and known events."""
    answer = amo.post(HOOKS, wrong)
    assert answer.status_code == 400
    error = answer.json()["validation-errors"][0]["errors"][0]
    assert (error["code"], error["path"]) == (code, path)


@pytest.mark.parametrize(
    ("platform", "event", "accepted"),
    [
        ("amo", "add_message", True),
        ("amo", "add_outgoing_message", False),
        ("amo", "update_task", True),
        ("amo", "add_customer", True),
        ("kommo", "add_message", True),
        ("kommo", "add_outgoing_message", True),
        ("kommo", "update_task", False),
        ("kommo", "add_customer", False),
    ],
)
def test_the_platforms_know_different_events(
    amo: Client, kommo: Client, platform: str, event: str, *, accepted: bool
) -> None:
    """Each platform's table of events is its own."""
    client = {"amo": amo, "kommo": kommo}[platform]
    assert (client.post(HOOKS, body(settings=(event,))).status_code < 300) is accepted


def test_amocrm_ru_may_refuse_add_message_too(amo: Client) -> None:
    """Its table does not list the event, so the refusal is a switch."""
    amo.sim.switch(amo.name, accepts_add_message=False)
    assert amo.post(HOOKS, body()).status_code == 400


def test_a_trailing_slash_may_be_required(kommo: Client) -> None:
    """With the switch on, an address without one is an 'Invalid URL'."""
    kommo.sim.switch(kommo.name, require_trailing_slash=True)
    refused = kommo.post(HOOKS, body("https://example.test/hook"))
    assert refused.json()["validation-errors"][0]["errors"][0]["detail"] == "Invalid URL"
    assert kommo.post(HOOKS, body("https://example.test/hook/?secret=1")).status_code == 200


def test_the_101st_webhook_is_422(amo: Client) -> None:
    """An account has at most 100."""
    codes = [amo.post(HOOKS, body(f"https://example.test/{n}")).status_code for n in range(101)]
    assert codes == [201] * 100 + [422]


def test_a_small_tariff_has_no_webhooks(amo: Client) -> None:
    """The base tariff is refused."""
    amo.sim.switch(amo.name, plan="base")
    assert amo.post(HOOKS, body()).status_code == 402


def test_the_settings_page_probes_the_address_with_get(kommo: Client, receiver: Receiver) -> None:
    """An address that does not answer GET with 2xx cannot be saved by hand."""
    receiver.script.append(405)
    assert kommo.sim.ui_save_webhook(kommo.name, receiver.url, ["add_message"])[0] == 405
    assert kommo.sim.ui_save_webhook(kommo.name, receiver.url, ["add_message"])[0] == 200
    assert [hit.method for hit in receiver.hits] == ["GET", "GET"]
    assert len(kommo.account.hooks) == 1


def test_a_customers_message_comes_as_a_form_of_strings(amo: Client, receiver: Receiver) -> None:
    """Every key of the facts is there, every value a string, and the account stands beside."""
    amo.subscribe(receiver.url, "add_message")
    chat, lead = amo.sim.open_chat(amo.name, contact="Иван")
    message = amo.sim.customer_says(amo.name, chat, "Скидка 5% & <b>да</b>+нет")
    form = amo.heard(receiver)[0]
    item = {key.removeprefix("message[add][0]"): value for key, value in form.items() if key.startswith("message")}
    contact = amo.account.contacts[amo.account.chats[chat].contact_id]
    assert item == {
        "[id]": message,
        "[chat_id]": chat,
        "[talk_id]": str(amo.talk_id(chat)),
        "[contact_id]": str(contact.id),
        "[text]": "Скидка 5% & <b>да</b>+нет",
        "[created_at]": str(amo.account.now()),
        "[element_type]": "2",
        "[element_id]": str(lead),
        "[entity_type]": "lead",
        "[entity_id]": str(lead),
        "[type]": "incoming",
        "[author][id]": contact.amojo_id,
        "[author][type]": "external",
        "[author][name]": "Иван",
        "[origin]": "telegram",
    }
    assert form["account[subdomain]"] == "oknamaster"
    assert form["account[id]"] == str(amo.account.id)
    assert form["account[_links][self]"] == "https://oknamaster.amocrm.ru"
    assert receiver.hits[0].headers["content-type"] == "application/x-www-form-urlencoded"


def test_kommo_adds_message_type_and_names_the_older_domain(kommo: Client, receiver: Receiver) -> None:
    """message_type came in July 2026; the account's own link still says amocrm.com."""
    kommo.subscribe(receiver.url, "add_message")
    chat = kommo.sim.open_chat(kommo.name)[0]
    link = {"type": "voice", "link": "https://amojo.kommo.com/attachments/a.ogg", "file_name": "a.ogg"}
    kommo.sim.customer_says(kommo.name, chat, attachment=link)
    form = kommo.heard(receiver)[0]
    assert (form["message[add][0][message_type]"], form["message[add][0][text]"]) == ("voice", "")
    assert form["message[add][0][attachment][link]"] == link["link"]
    assert (form["message[add][0][origin]"], form["account[_links][self]"]) == ("waba", "https://clearpanes.amocrm.com")


def test_a_burst_is_one_body_in_order(amo: Client, receiver: Receiver) -> None:
    """Several messages stand in one body under rising indexes."""
    amo.subscribe(receiver.url, "add_message")
    chat = amo.sim.open_chat(amo.name)[0]
    ids = amo.sim.deliver_burst(amo.name, chat, ["раз", "два", "три"])
    forms = amo.heard(receiver)
    assert len(forms) == 1
    assert [forms[0][f"message[add][{n}][id]"] for n in range(3)] == ids


def test_contact_only_and_unsorted_chats_name_no_lead(amo: Client, receiver: Receiver) -> None:
    """The one has element_type 1; the other no element, but an unsorted group with its first message."""
    amo.subscribe(receiver.url, "add_message")
    lonely = amo.sim.open_chat(amo.name, kind="contact")[0]
    new, lead = amo.sim.open_chat(amo.name, kind="unsorted")
    for chat in (lonely, new, new):
        amo.sim.customer_says(amo.name, chat, "Здравствуйте")
    by_contact, first, second = amo.heard(receiver)
    assert (by_contact["message[add][0][element_type]"], by_contact["message[add][0][entity_type]"]) == ("1", "contact")
    assert "message[add][0][element_id]" not in first
    assert (first["unsorted[add][0][lead_id]"], first["unsorted[add][0][category]"]) == (str(lead), "chats")
    assert not any(key.startswith("unsorted") for key in second)
    assert amo.get(f"/api/v4/talks/{amo.talk_id(new)}").json()["entity_id"] == lead


def test_a_moved_chat_names_its_new_lead(amo: Client, receiver: Receiver) -> None:
    """Same chat and conversation, other lead."""
    amo.subscribe(receiver.url, "add_message")
    chat = amo.sim.open_chat(amo.name)[0]
    amo.sim.customer_says(amo.name, chat, "раз")
    other = amo.sim.move_talk(amo.name, chat)
    amo.sim.customer_says(amo.name, chat, "два")
    before, after = amo.heard(receiver)
    assert after["message[add][0][element_id]"] == str(other) != before["message[add][0][element_id]"]
    assert after["message[add][0][talk_id]"] == before["message[add][0][talk_id]"]


def test_outgoing_messages_tell_people_from_bots(kommo: Client, receiver: Receiver) -> None:
    """A person is internal with user_id; the API, a Salesbot and other bots are type bot."""
    kommo.subscribe(receiver.url, "add_outgoing_message")
    chat = kommo.sim.open_chat(kommo.name)[0]
    kommo.sim.employee_says(kommo.name, chat, "I take over", user="Oliver")
    kommo.sim.bot_says(kommo.name, chat, "Welcome")
    kommo.post(f"/api/v4/talks/{kommo.talk_id(chat)}/send_message", {"text": "Hello"})
    forms = kommo.heard(receiver)
    assert [f["outgoing_message[add][0][author][type]"] for f in forms] == ["internal", "bot", "bot"]
    assert forms[0]["outgoing_message[add][0][author][user_id]"] == str(kommo.user_id("Oliver"))
    assert "outgoing_message[add][0][author][user_id]" not in forms[1]
    assert {f["outgoing_message[add][0][type]"] for f in forms} == {"outgoing"}
    assert forms[0]["outgoing_message[add][0][recipient][type]"] == "external"


def test_who_asked_only_for_incoming_messages_gets_no_echo(kommo: Client, receiver: Receiver) -> None:
    """add_outgoing_message is a subscription of its own."""
    kommo.subscribe(receiver.url, "add_message")
    chat = kommo.sim.open_chat(kommo.name)[0]
    kommo.sim.employee_says(kommo.name, chat, "I take over")
    assert kommo.heard(receiver) == []


SHAPES: list[tuple[dict[str, Any], str]] = [
    ({"wrapped_messages": False}, "add[0][text]"),
    ({"account_block_first": True}, "message[add][0][text]"),
    ({"shuffle_keys": True}, "message[add][0][text]"),
]


@pytest.mark.parametrize(("switches", "key"), SHAPES)
def test_the_shape_of_bodies_can_be_switched(
    amo: Client, receiver: Receiver, switches: dict[str, Any], key: str
) -> None:
    """Unwrapped, the account first, or in any order: the text is found under its key."""
    amo.sim.switch(amo.name, **switches)
    amo.subscribe(receiver.url, "add_message")
    amo.sim.customer_says(amo.name, amo.sim.open_chat(amo.name)[0], "раз")
    form = amo.heard(receiver)[0]
    assert form[key] == "раз"
    if "account_block_first" in switches:
        assert next(iter(form)) == "account[subdomain]"


def test_bodies_may_come_as_json(amo: Client, receiver: Receiver) -> None:
    """With the switch on, the same structure comes as JSON, values still strings."""
    amo.sim.switch(amo.name, json_webhooks=True)
    amo.subscribe(receiver.url, "add_message")
    chat, lead = amo.sim.open_chat(amo.name)
    amo.sim.customer_says(amo.name, chat, "раз")
    amo.sim.settle()
    item = json.loads(receiver.hits[0].raw)["message"]["add"][0]
    assert (item["text"], item["element_id"]) == ("раз", str(lead))


@pytest.mark.parametrize(
    ("switches", "absent", "present"),
    [
        ({"omit_talk_id": True}, "talk_id", "chat_id"),
        ({"element_keys": False}, "element_id", "entity_id"),
        ({"entity_keys": False}, "entity_id", "element_id"),
        ({"empty_attachment": True}, "message_type", "attachment][type"),
    ],
)
def test_keys_that_captures_disagree_on_can_be_switched(
    amo: Client, receiver: Receiver, switches: dict[str, Any], absent: str, present: str
) -> None:
    """Older and newer captures have different keys."""
    amo.sim.switch(amo.name, **switches)
    amo.subscribe(receiver.url, "add_message")
    amo.sim.customer_says(amo.name, amo.sim.open_chat(amo.name)[0], "раз")
    form = amo.heard(receiver)[0]
    assert f"message[add][0][{absent}]" not in form
    assert f"message[add][0][{present}]" in form


def test_outgoing_messages_may_come_in_the_old_group(amo: Client, receiver: Receiver) -> None:
    """The older form is message[add] with type=outgoing, for those who asked for add_message."""
    amo.sim.switch(amo.name, outgoing_group="message")
    amo.subscribe(receiver.url, "add_message")
    amo.sim.employee_says(amo.name, amo.sim.open_chat(amo.name)[0], "Я сам")
    assert amo.heard(receiver)[0]["message[add][0][type]"] == "outgoing"


def test_own_changes_come_back_as_webhooks(amo: Client, receiver: Receiver) -> None:
    """A PATCH of stage and person fires status_lead, responsible_lead and update_lead with the old values."""
    lead = amo.sim.open_chat(amo.name)[1]
    amo.subscribe(receiver.url, "status_lead", "responsible_lead", "update_lead", "note_lead", "add_task")
    old, (_, stage) = amo.stage("Продажи", "Новый")[1], amo.stage("Продажи", "Замер")
    amo.patch(f"/api/v4/leads/{lead}", {"status_id": stage, "responsible_user_id": amo.user_id("Олег")})
    amo.post(f"/api/v4/leads/{lead}/notes", [{"note_type": "common", "params": {"text": "а"}}])
    amo.post("/api/v4/tasks", [{"text": "б", "complete_till": 1, "entity_id": lead, "entity_type": "leads"}])
    status, responsible, update, note, task = amo.heard(receiver)
    assert (status["leads[status][0][status_id]"], status["leads[status][0][old_status_id]"]) == (str(stage), str(old))
    assert responsible["leads[responsible][0][responsible_user_id]"] == str(amo.user_id("Олег"))
    assert update["leads[update][0][id]"] == str(lead)
    assert note["leads[note][0][note][text]"] == "а"
    assert task["task[add][0][element_id]"] == str(lead)


def test_a_text_that_is_no_unicode_is_replaced_not_fatal(amo: Client, receiver: Receiver) -> None:
    """A lone surrogate arrives as a question mark, in webhooks and answers."""
    amo.subscribe(receiver.url, "add_message")
    chat, lead = amo.sim.open_chat(amo.name)
    amo.sim.customer_says(amo.name, chat, "а\ud800б")
    assert amo.heard(receiver)[0]["message[add][0][text]"] == "а?б"
    assert amo.patch(f"/api/v4/leads/{lead}", {"name": "а\ud800"}).status_code == 200
    assert amo.get(f"/api/v4/leads/{lead}").json()["name"] == "а?"
