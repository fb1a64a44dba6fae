"""The reconciler on the deployed stack, under its own role: what no webhook brought is found and answered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from local.simulators.amocrm import chats
from tests.e2e.asking import wait_until
from tests.e2e.talking import Talk

if TYPE_CHECKING:
    from local.demo.connecting import ConnectedAccount
    from local.demo.watcher import Watcher
    from local.demo.world import World
    from local.simulators.amocrm import AmocrmSimulator

pytestmark = pytest.mark.e2e


def reconcile(world: World) -> dict[str, int]:
    """Run it once, as its schedule does."""
    answer = world.stack.client("lambda").invoke(FunctionName=world.stack.functions["Reconciler"], Payload="{}")
    said = answer["Payload"].read()
    assert "FunctionError" not in answer, said
    counts: dict[str, int] = json.loads(said)
    return counts


def test_a_message_without_a_webhook_is_found_and_answered_once(
    world: World, simulator: AmocrmSimulator, watcher: Watcher, kommo: ConnectedAccount
) -> None:
    """Connections, bookmark, token, rate, conversation and doorbell: all within its role's rights."""
    talk = Talk(watcher, kommo)
    account = simulator.account(kommo.subdomain)
    with account.lock:
        chats.customer_line(account, talk.chat, "Hello! I need windows, 3 pieces")
    assert wait_until(lambda: reconcile(world).get("stored", 0) > 0, "a message that is found")
    assert len(talk.wait_for_replies(1)) == 1
    assert reconcile(world).get("stored", 0) == 0
    talk.wait_for_quiet()
    assert len(talk.replies()) == 1
