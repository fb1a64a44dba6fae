"""The demo's page in headless Chromium, on the deployed stack: what people do there, and what they see."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import requests

from local.demo.page import page as serve_page
from tests.e2e.talking import Talk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from local.demo.connecting import ConnectedAccount
    from local.demo.watcher import Watcher

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SOON = 30_000
WIDTHS = {"desktop": (1280, 800), "phone": (390, 844)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return headless Chromium; skip where there is none."""
    chromium = next(filter(None, map(shutil.which, NAMES)), None)
    if chromium is None:
        pytest.skip("no Chromium on PATH: apt-get install chromium")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 (not needed where there is no browser)

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield running
        running.close()


@pytest.fixture(scope="module")
def address(watcher: Watcher) -> Iterator[str]:
    """Return the page's address."""
    with serve_page(watcher) as running:
        yield running


@pytest.fixture
def shown(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Return the open page, at desktop width unless a test asks for another; it must not complain."""
    width, height = getattr(request, "param", WIDTHS["desktop"])
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.set_default_timeout(SOON)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(address)
    yield page
    context.close()
    assert complaints == []


def customer_writes(page: Page, text: str) -> None:
    """Type into the customer's side and send."""
    page.fill("#customer-form [name=text]", text)
    page.click("#customer-form button")


def new_customer(page: Page) -> None:
    """Open a new customer's chat."""
    known = page.locator("#chats button").count()
    page.click("#new-customer")
    page.locator("#chats button").nth(known).wait_for()


def test_a_customer_is_answered_and_a_person_silences_the_bot(shown: Page) -> None:
    """A message is typed, the reply appears, the deal card changes, a manager's message silences the bot."""
    shown.click("[data-account=clearpanes]")
    new_customer(shown)
    customer_writes(shown, "Hi! I need vinyl windows, 4 pieces, in Austin")
    shown.locator("#customer-lines .bot").first.wait_for()
    shown.locator("#manager-lines .bot .author em").first.wait_for()
    shown.locator("[data-field=City] dd:has-text('Austin'):has-text('was empty')").wait_for()
    assert shown.text_content("#deal-stage") == "Qualification"
    shown.locator("#turns .status.ended:has-text('Replied')").first.wait_for()

    shown.select_option("#manager-form [name=user]", "Oliver")
    shown.fill("#manager-form [name=text]", "Hello, Oliver here, I will take it from here")
    shown.click("#manager-form button")
    shown.locator("#bot-state.human:has-text('bot back at')").wait_for()
    customer_writes(shown, "ok, waiting for you")
    shown.locator("#turns .doorbell:has-text('a person leads')").first.wait_for()
    assert shown.locator("#customer-lines .bot").count() == 1


def test_what_people_type_is_text(shown: Page, watcher: Watcher, amocrm: ConnectedAccount) -> None:
    """Markup in a message is shown as it was typed, on both sides and in the steps."""
    markup = "<img src=x onerror=\"document.title='taken'\"><b>окна</b>"
    talk = Talk(watcher, amocrm)
    talk.customer(markup)
    shown.click(f"[data-chat='{talk.chat}']")
    for place in ("#customer-lines", "#manager-lines", "#turns"):
        shown.locator(f"{place} .customer .text, {place} .message .text").first.wait_for()
        assert markup in (shown.text_content(place) or "")
    assert shown.locator("main img, main .text b").count() == 0
    assert shown.title() == "Dealtalk demo"
    talk.wait_for_replies(1)


def test_the_screen_says_that_no_ai_answers(shown: Page) -> None:
    """Who looks at the page knows that it is a stand-in."""
    shown.locator("#model:has-text('not an AI')").wait_for()


@pytest.mark.parametrize("shown", WIDTHS.values(), ids=WIDTHS.keys(), indirect=True)
def test_nothing_is_cut_off_at_the_side(shown: Page, watcher: Watcher, amocrm: ConnectedAccount) -> None:
    """At either width the page fits, also with a word that is longer than any column."""
    talk = Talk(watcher, amocrm)
    talk.customer("оченьдлинноеслово" * 40)
    talk.wait_for_replies(1)
    shown.click(f"[data-chat='{talk.chat}']")
    shown.locator("#customer-lines .bot").first.wait_for(state="attached")
    fits = "() => document.documentElement.scrollWidth <= window.innerWidth"
    for view in ("customer", "manager", "deal", "turns"):
        if shown.locator("#views").is_visible():
            shown.click(f"#views [data-view={view}]")
        assert shown.locator(f"[data-panel={view}]").is_visible()
        assert shown.evaluate(fits)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/json", "Host": "elsewhere.example"}, 403),
    ],
)
def test_another_site_cannot_write_through_the_page(address: str, headers: dict[str, str], status: int) -> None:
    """A form of another site, or a name that was bound to loopback, is refused."""
    answer = requests.post(f"{address}api/customers", data='{"account": "oknamaster"}', headers=headers, timeout=10)
    assert answer.status_code == status


def test_a_question_that_makes_no_sense_is_refused(address: str) -> None:
    """An unknown account, chat or body is a 4xx without a stack trace."""
    assert requests.get(f"{address}api/chat", params={"account": "x", "chat": "y"}, timeout=10).status_code == 400
    assert requests.get(f"{address}api/elsewhere", timeout=10).status_code == 404
    answer = requests.post(f"{address}api/say", json=[1], timeout=10)
    assert answer.status_code == 400
    assert "Traceback" not in answer.text
