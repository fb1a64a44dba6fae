"""A dead doorbell that cannot be looked at does not keep the redriver from the others; the alarm knows its CRM."""

from __future__ import annotations

import io
import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics

from dealtalk.conversation.doorbell import Ring
from dealtalk.conversation.state import meta_key
from dealtalk.errors import CrmUnavailable
from dealtalk.messages import ConversationKey
from dealtalk.recovery.redrive import BUDGET, Fate, Redriver
from dealtalk.watch import Watch
from tests.fakes.letters import Letters
from tests.fakes.world import CHAT, World

if TYPE_CHECKING:
    import pytest

    from dealtalk.services import Services


def dead(world: World, name: str) -> Ring:
    """Let a customer write whose doorbell has died for the last time; return it."""
    key = ConversationKey.of_chat("amocrm", world.connection.account, name)
    world.take(world.message("окна", conversation=key, chat=replace(CHAT, chat_id=name)))
    world.table.items[meta_key(key)]["redrives"] = BUDGET
    world.doorbell.waiting.clear()
    return Ring(key, world.connection.id, 1, "message")


def redrive(world: World, letters: Letters, services: Services | None = None) -> dict[Fate, int]:
    """Let the redriver look once; only the fates that came to pass."""
    fates = Redriver(services or world.services, letters, world.responder.open_turn, lambda: 60).run()
    return {fate: count for fate, count in fates.items() if count}


def test_a_conversation_that_cannot_be_read_is_kept_and_the_next_is_handed_over() -> None:
    """An item that no code of this version understands: an alarm, and the letter stays for whoever mends it."""
    world = World()
    broken, sound = dead(world, "broken"), dead(world, "sound")
    world.table.items[meta_key(broken.conversation)]["mode"] = "of a later version"
    letters = Letters(broken.body(), sound.body())
    assert redrive(world, letters) == {Fate.KEPT: 1, Fate.HANDED_OVER: 1}
    assert list(letters.bodies.values()) == [broken.body()]
    assert (world.watch.counts["UnknownErrors"], world.watch.counts["NeedsAttention"]) == (1, 1)
    assert len(world.crm.tasks) == 1


def test_what_the_redriver_counts_carries_the_crm(capsys: pytest.CaptureFixture[str]) -> None:
    """The alarms look at the metric of one CRM: without its name nobody would hear that a person could not be told."""
    world = World()
    world.crm.fail("add", CrmUnavailable("503"))
    metrics = Metrics(namespace="Dealtalk", service="stack")
    logger = Logger(service="redriver", logger_handler=logging.StreamHandler(io.StringIO()))
    services = replace(world.services, watch=Watch(logger, metrics))
    assert redrive(world, Letters(dead(world, "a").body()), services) == {Fate.KEPT: 1}
    metrics.flush_metrics()
    (line,) = [json.loads(each) for each in capsys.readouterr().out.splitlines() if "_aws" in each]
    assert (line["crm"], line["service"], line["NeedsAttention"]) == ("amocrm", "stack", [1.0])


def test_the_counts_of_two_crms_in_one_run_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """What is written together has one dimension, so each CRM's counts are written by themselves."""
    metrics = Metrics(namespace="Dealtalk", service="stack")
    watch = Watch(Logger(service="two", logger_handler=logging.StreamHandler(io.StringIO())), metrics)
    for crm, count in (("amocrm", 1), ("amocrm", 1), ("other", 3)):
        watch.of(ConversationKey(crm, "1", "c"), "k")
        watch.count("NeedsAttention", count)
    metrics.flush_metrics()
    lines = [json.loads(each) for each in capsys.readouterr().out.splitlines() if "_aws" in each]
    assert [(line["crm"], sum(line["NeedsAttention"])) for line in lines] == [("amocrm", 2), ("other", 3)]
