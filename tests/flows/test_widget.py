"""The third way of sending: a Salesbot calls, waits, and says what the responder tells it."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger, Metrics

from dealtalk.connections import Mode
from dealtalk.crm.amocrm import widget
from dealtalk.ingress.webhook import Webhook
from events.http_api import http_event
from local.simulators.amocrm import AmocrmSimulator, ManualClock, english_account, oauth, russian_account, widgets
from tests.fakes.model import says
from tests.flows.amocrm_office import Office

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.simulators.amocrm.entities import BotRun, Integration, Json

ORDER = ["widget", "salesbot"]


class BotOffice(Office):
    """An account whose Salesbot calls our widget route, and the webhook that answers it."""

    owner: Integration

    def connect_the_bot(self) -> None:
        """Give the connection the integration's secret, as `dealtalk connect` does, and build the webhook."""
        with self.account.lock:
            self.owner = oauth.add_integration(self.account, "Dealtalk")
        options = {**self.connection.options, "subdomain": self.account.subdomain}
        self.connection = replace(self.connection, signing_secret=self.owner.client_secret, options=options)
        self.connections.save(self.connection)
        quiet = Logger(service="t", level=logging.CRITICAL)
        metrics = Metrics(namespace="t", service="t")
        keep = widget.keeper(self.table, self.clock)
        self.webhook = Webhook(
            "amocrm", widget, self.connections, self.intake, quiet, metrics, self.clock, keep=keep, below="widget/"
        )

    def bot_calls(self, **changes: Any) -> tuple[BotRun, int]:
        """Let the bot come to its widget step and call; return its run and the status that it was answered."""
        with self.account.lock:
            run = widgets.wait(self.account, int(self.world.deal_id))
            body = widgets.request(self.account, run, self.owner, "Сколько стоит?") | changes
        return run, self.post(body)

    def post(self, body: Json) -> int:
        """Post a request to the widget's route, by the account's own greedy one or by its own."""
        event = http_event("amocrm/widget", body=widgets.as_form(body).decode(), user_agent="amoCRM", key="key")
        status = self.webhook.handle(event, None)["statusCode"]
        assert isinstance(status, int)
        return status


@pytest.fixture
def office() -> Iterator[BotOffice]:
    """Run an amocrm.ru account with a bot that may wait and one that sends a field."""
    with AmocrmSimulator(clock=ManualClock()) as simulator:
        english, russian = simulator.add_account(english_account), simulator.add_account(russian_account)
        office = BotOffice(simulator, russian, english, send_order=ORDER)
        office.connect_the_bot()
        yield office


@pytest.fixture(autouse=True)
def key_of_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the path's key be that of the world's connection, whose id is fixed."""
    monkeypatch.setattr("dealtalk.connection_store.connection_id", lambda _key: "c1")


def outcomes(office: BotOffice) -> list[str]:
    """Return what became of the account's bots."""
    return [run.outcome for run in office.account.bot_runs]


def is_unconfirmed(office: BotOffice) -> bool:
    """Return whether a reply is out that nobody has seen in the chat."""
    return office.state.unconfirmed is not None


def test_a_waiting_bot_says_the_reply(office: BotOffice) -> None:
    """The message comes by the account's webhook, the right to answer by the bot's; the field stays untouched."""
    office.brings(office.says("Сколько стоит?"))
    assert office.bot_calls()[1] == 200
    office.model.lines = [says("Семь тысяч.")]
    office.work()
    assert (office.world.received(), outcomes(office)) == (["Семь тысяч."], ["continued"])
    assert not [path for verb, path in office.world.calls() if verb == "PATCH"]


def test_the_reply_is_seen_before_it_counts(office: BotOffice) -> None:
    """202 is "queued": the account's outgoing webhook, or a look into the chat, confirms it."""
    office.brings(office.says("Сколько стоит?"))
    office.bot_calls()
    office.model.lines = [says("Семь тысяч.")]
    office.work()
    assert is_unconfirmed(office)
    office.brings(office.account.chats[office.world.chat_id].lines[-1])
    office.rings_again()
    office.work(90)
    assert (is_unconfirmed(office), office.world.tasks(), office.state.mode) == (False, [], None)


def test_a_bot_answers_once_and_then_the_next_way_is_gone(office: BotOffice) -> None:
    """The second question finds no bot that waits: field and bot send it."""
    office.brings(office.says("Сколько стоит?"))
    office.bot_calls()
    office.model.lines = [says("Семь тысяч."), says("Бесплатно.")]
    office.work()
    office.brings(office.account.chats[office.world.chat_id].lines[-1])
    office.brings(office.says("А доставка?"))
    office.work()
    office.simulator.advance(2)
    assert (office.world.received(), outcomes(office)) == (["Семь тысяч.", "Бесплатно."], ["continued", "sent"])


def test_a_bot_that_has_ended_is_no_way(office: BotOffice) -> None:
    """404: the next way is gone, nothing is lost."""
    office.brings(office.says("Сколько стоит?"))
    run, _ = office.bot_calls()
    run.outcome = "stopped"
    office.model.lines = [says("Семь тысяч.")]
    office.work()
    office.simulator.advance(2)
    assert office.world.received() == ["Семь тысяч."]


def test_a_lost_answer_is_asked_about_and_not_sent_again(office: BotOffice) -> None:
    """The bot spoke, and the connection broke before it was told."""
    office.brings(office.says("Сколько стоит?"))
    office.bot_calls()
    office.simulator.fault("drop_after", office.account.subdomain, method="POST", path=r"/continue/", count=1)
    office.model.lines = [says("Семь тысяч.")]
    with pytest.raises(Exception, match="no answer came"):
        office.work()
    office.rings_again()
    office.work(70)
    assert office.world.received() == ["Семь тысяч."]


def test_nobody_hears_the_token_but_the_account(office: BotOffice) -> None:
    """A return_url of another host is answered like any, and kept by nobody."""
    office.brings(office.says("Сколько стоит?"))
    run, status = office.bot_calls(return_url="https://evil.example/api/v4/salesbot/1/continue/2")
    office.model.lines = [says("Семь тысяч.")]
    office.work()
    assert (status, run.outcome) == (200, "waiting")
    assert all("continue" not in path for _, path in office.world.calls())


def test_a_request_that_is_not_signed_is_refused(office: BotOffice) -> None:
    """401, as for an unknown key: which of them is not said."""
    with office.account.lock:
        run = widgets.wait(office.account, int(office.world.deal_id))
        forged = widgets.claims(office.account, run, office.owner)
        body = widgets.request(office.account, run, office.owner, "x")
    assert office.post(body | {"token": widgets.signed(forged, "guessed", "HS512")}) == 401
    assert office.post(body | {"token": widgets.signed(forged, "", "none")}) == 401


def test_a_person_who_leads_is_not_spoken_over_by_a_waiting_bot(office: BotOffice) -> None:
    """The bot waits for a reply that the mode does not allow."""
    office.brings(office.says("Сколько стоит?"))
    run, _ = office.bot_calls()
    office.world.employee_writes("Я отвечу")
    office.brings(office.account.chats[office.world.chat_id].lines[-1])
    office.work()
    assert (office.state.mode, run.outcome) == (Mode.HUMAN, "waiting")
