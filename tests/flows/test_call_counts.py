"""What a turn costs in requests, counted at the wire: botocore's to the emulator, the adapter's to the simulated CRM.

`make bench` measures the same for 500 answered messages and more ways of sending, and says it in docs/benchmarks.md.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from local.stack.emulator import emulator
from tests.bench import cold, offices, turns, warm
from tests.bench.aws import environment
from tests.bench.responding import SALESBOT_POLLED, TALKS, TALKS_LEAD_UNKNOWN, bench

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.responding import Cost, Way

BARS = {TALKS: 4, TALKS_LEAD_UNKNOWN: 5, SALESBOT_POLLED: 5}
"""CRM requests of a plain reply: by talks, the same where the lead must be found through the talk, by Salesbot."""

NUMBERS = (1, 2, 10, 500)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Run one emulator for all of them."""
    with emulator(auth=False) as running:
        yield running


@pytest.fixture(scope="module", params=BARS, ids=lambda way: way.name)
def measured(request: pytest.FixtureRequest, endpoint: str) -> tuple[Way, dict[int, Cost]]:
    """Answer a first chat, which fills the process's caches, then measure a second one up to its 500th message."""
    with bench(request.param, endpoint) as running:
        running.turn()
        running.open_chat()
        costs = {number: running.warm_turn() for number in range(1, 11)}
        running.ask_at_once(489)
        costs[500] = running.warm_turn()
    return request.param, costs


def test_a_plain_reply_costs_no_more_requests_than_its_bar(measured: tuple[Way, dict[int, Cost]]) -> None:
    """At most 8 to AWS with the visibility change; to the CRM 4 by talks, 5 by Salesbot, 1 more without a lead."""
    way, costs = measured
    for number in NUMBERS:
        aws, crm = costs[number].aws, costs[number].crm
        assert aws["sqs.ChangeMessageVisibility"] == 1
        assert aws.total() <= turns.AWS_BAR, (number, aws)
        assert crm.total() <= BARS[way], (number, crm)


def test_the_five_hundredth_message_costs_what_the_second_did(measured: tuple[Way, dict[int, Cost]]) -> None:
    """The work of a turn does not grow with the conversation."""
    _, costs = measured
    assert costs[10] == costs[2]
    assert costs[500] == costs[2]


def test_changes_cost_one_request_each_and_two_looks(endpoint: str) -> None:
    """A field, a note and a task: the deal is read again under its lease, and once more after the one PATCH."""
    with bench(TALKS, endpoint) as running:
        running.open_chat()
        plain = running.warm_turn()
        changing = turns.change(running)
    assert changing.crm - plain.crm == Counter(
        {
            "GET /api/v4/leads/*": 2,
            "PATCH /api/v4/leads/*": 1,
            "POST /api/v4/leads/*/notes": 1,
            "POST /api/v4/tasks": 1,
        }
    )


@pytest.mark.parametrize("office", offices.OFFICES, ids=lambda office: office.name)
def test_a_plain_reply_keeps_the_bar_of_its_crm(office: offices.Office) -> None:
    """Once the schema is remembered; the first turn of a process, which reads it, may call more often, not less."""
    turns_of_one = offices.measure(office)
    assert turns_of_one.holds, turns_of_one.plain
    assert turns_of_one.plain.total() > 0
    assert turns_of_one.first.total() >= turns_of_one.plain.total()


def test_ten_messages_of_one_conversation_ring_once() -> None:
    """One read, one transaction and one doorbell for a whole body, not one per message."""
    assert warm.measure(iterations=3).calls == {"batch_get_item": 1, "transact_write_items": 1, "send_message": 1}


@pytest.mark.parametrize("name", [*cold.webhooks(), "retailcrm_callback"])
def test_a_webhook_imports_nothing_that_starts_slowly(name: str) -> None:
    """CRMs wait two seconds, cold starts included: no openai, no requests, no pydantic."""
    code = f"import sys; sys.path.insert(0, {str(cold.FUNCTIONS / name)!r}); import app; print(*sys.modules)"
    with environment({**warm.ENVIRONMENT, "POWERTOOLS_SERVICE_NAME": "imports"}):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = {name.partition(".")[0] for name in done.stdout.split()}
    assert "boto3" in modules
    assert modules.isdisjoint({*cold.UNWANTED, "aws_xray_sdk"})
