"""Storing under contention, and what a stored message looks like."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dealtalk.connections import Mode
from dealtalk.conversation.state import meta_key
from dealtalk.conversation.table import TableBusy, Update
from dealtalk.messages import Author
from tests.fakes.world import World


def test_two_webhooks_at_the_same_instant_both_store() -> None:
    """The one whose arrival number was taken meanwhile looks again; no message is lost, no number is given twice."""
    world = World()
    raced: list[str] = []

    def other_webhook(name: str) -> None:
        if name == "write" and not raced:
            raced.append(name)
            world.says("первый")

    world.table.before = other_webhook
    world.says("второй")
    texts = {item["arrival"]: item["text"] for item in world.timeline()}
    assert texts == {1: "первый", 2: "второй"}
    assert world.state.customer_no == 2


def test_contention_without_end_is_told_to_the_crm() -> None:
    """After three tries the webhook fails honestly and the CRM sends again."""
    world = World()
    key = meta_key(world.conversation)

    def always_first(name: str) -> None:
        if name == "write":
            world.table.before = None
            world.table.write(Update(key, increments={"arrived": 1}))
            world.table.before = always_first

    world.table.before = always_first
    with pytest.raises(TableBusy):
        world.says("окна")
    assert world.timeline() == []


def test_a_hundred_messages_of_one_chat_are_stored_in_their_order() -> None:
    """More than one transaction, one doorbell."""
    world = World()
    result = world.take(*(world.message(f"слово {number}") for number in range(100)))
    assert (result.stored, result.rung) == (100, 1)
    assert [item["text"] for item in world.timeline()] == [f"слово {number}" for number in range(100)]


def test_the_same_message_twice_in_one_body_is_stored_once() -> None:
    """Also before anything of it stands in the table."""
    world = World()
    message = world.message("окна")
    assert world.take(message, replace(message)).stored == 1


def test_a_message_after_the_employees_in_one_body_waits() -> None:
    """What the customer wrote before the person needs no bell; what comes after does."""
    world = World()
    world.take(world.message("сколько?"), world.message("Отвечу", Author.EMPLOYEE))
    assert (world.doorbell.rings, world.state.is_waiting) == ([], False)
    world.take(world.message("жду"))
    assert len(world.doorbell.rings) == 1


def test_an_employee_does_not_switch_on_a_bot_that_is_off() -> None:
    """`off` stays off: it must not become `human`, which ends by itself."""
    world = World()
    world.says("окна")
    world.table.items[meta_key(world.conversation)]["mode"] = Mode.OFF.value
    world.employee_says("Здравствуйте")
    assert world.state.mode is Mode.OFF


def test_only_a_conversation_in_auto_expires() -> None:
    """A chat that a person leads, or in which the bot is off, is kept without an end."""
    world = World()
    world.says("окна")
    assert "expires_at" in world.table.items[meta_key(world.conversation)]
    world.employee_says("Я сам")
    assert "expires_at" not in world.table.items[meta_key(world.conversation)]
