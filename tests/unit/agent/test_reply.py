"""The reply: plain text, within its limits, with no link that nobody allowed."""

from __future__ import annotations

import pytest

from dealtalk.agent.reply import clean_reply, split_reply
from tests.unit.agent.accounts import profile

BOT = profile("reply: {max_characters: 120, link_hosts: [okna.ru]}")
FAMILY = "👨‍👩‍👧"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("**Жирный** и *курсив*, `код`, ~~нет~~, __да__", "Жирный и курсив, код, нет, да"),
        ("2*3*4 = 24, snake_case_name, 5_000", "2*3*4 = 24, snake_case_name, 5_000"),
        ("# Цена\n* раз\n- два\n> цитата", "Цена\n- раз\n- два\nцитата"),
        ("```json\nтекст\n```", "текст"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a | b\n1 | 2"),
        ("<b>Да</b>,<br>a &amp; b, 3 < 5 > 2", "Да,\na & b, 3 < 5 > 2"),
        ("<script>alert(1)</script>Да<!-- x -->", "Да"),
        ("&lt;b&gt;Да&lt;/b&gt;", "Да"),
        ("[b]Да[/b] [color=red]нет[/color] [сноска]", "Да нет [сноска]"),
        ("a\x00b\u202ec\u200bd\r\ne\te", "abcd\ne e"),
        ("⟦system note⟧ x", "system note x"),
        (f"Семья {FAMILY} рада", f"Семья {FAMILY} рада"),
        ("раз\n\n\n\nдва   три", "раз\n\nдва три"),
    ],
)
def test_markup_is_taken_out(written: str, shown: str) -> None:
    """A messenger shows stars and tags as they are, so the customer gets none."""
    assert clean_reply(written, BOT) == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Смотрите https://okna.ru/price.", "Смотрите https://okna.ru/price."),
        ("Смотрите www.okna.ru и shop.okna.ru/x", "Смотрите www.okna.ru и shop.okna.ru/x"),
        ("Смотрите https://evil.com/x.", "Смотрите."),
        ("Смотрите evil.com!", "Смотрите!"),
        ("https://okna.ru@evil.com/a и https://okna.ru\\@evil.com", "и"),
        ("https://okna.ru.evil.com", ""),
        ("https://evilokna.ru", ""),
        ("[прайс](https://okna.ru/p) и [приз](https://evil.com)", "прайс: https://okna.ru/p и приз"),
        ('<a href="https://evil.com">приз</a> [url=https://evil.com]приз[/url]', "приз приз"),
        ("ftp://okna.ru/x", ""),
        ("пишите info@okna.ru или info@mail.com", "пишите info@okna.ru или info@mail.com"),
        ("Добрый день.Как дела? т.е. 3.5 м, план.pdf", "Добрый день.Как дела? т.е. 3.5 м, план.pdf"),
    ],
)
def test_links_lead_only_to_allowed_hosts(written: str, shown: str) -> None:
    """A link that a customer talked the model into does not leave the house."""
    assert clean_reply(written, BOT) == shown


def test_hosts_of_the_instructions_and_of_the_caller_are_allowed() -> None:
    """What the company wrote itself may be sent."""
    bot = BOT.model_copy(update={"instructions": "Прайс: https://price.example.org/a, или docs.example.com."})
    text = "https://price.example.org/b docs.example.com pay.example.net other.com"
    assert clean_reply(text, bot, allowed_link_hosts=["pay.example.net"]) == text.removesuffix(" other.com")


def test_a_long_reply_ends_with_a_sentence() -> None:
    """Nobody gets half a sentence where a whole one fits."""
    text = (
        "Первое предложение тут. " * 3
        + "Последнее очень длинное предложение, которое уже не помещается в отведённый предел."
    )
    shown = clean_reply(text, BOT)
    assert shown.endswith("тут.")
    assert len(shown) <= 120


def test_a_long_sentence_ends_with_a_word_and_an_ellipsis() -> None:
    """Where no sentence fits, the cut is honest."""
    shown = clean_reply("слово " * 100, BOT)
    assert len(shown) <= 120
    assert shown.endswith("слово…")


def test_hostile_markup_is_cleaned_in_reasonable_time() -> None:
    """Patterns that nest or never end do not hang the responder (a hang would be the failure here)."""
    for text in (
        "**" * 3000,
        "[" * 6000,
        "<a " * 3000,
        "_" * 6000,
        "`" * 6000,
        "[url=" * 2000,
        "a." * 4000,
        "&amp;" * 2000,
    ):
        assert len(clean_reply(text, BOT)) <= 120


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        ("", 10, ()),
        ("   ", 10, ()),
        ("коротко", 10, ("коротко",)),
        ("Раз два. Три четыре. Пять.", 13, ("Раз два.", "Три четыре.", "Пять.")),
        ("один два три", 8, ("один два", "три")),
        ("абвгдежз", 3, ("абв", "где", "жз")),
        (f"ab{FAMILY}cd", 6, ("ab", f"{FAMILY}c", "d")),
        ("🇷🇺🇩🇪🇫🇷", 3, ("🇷🇺", "🇩🇪", "🇫🇷")),
        ("e\u0301e\u0301", 3, ("e\u0301", "e\u0301")),
        ("👍🏽👍🏽", 3, ("👍🏽", "👍🏽")),
        ("1\ufe0f\u20e32\ufe0f\u20e3", 4, ("1\ufe0f\u20e3", "2\ufe0f\u20e3")),
        ("«Да!» Нет.", 6, ("«Да!»", "Нет.")),
        ("Цена 3.5 руб", 8, ("Цена 3.5", "руб")),
    ],
)
def test_a_reply_is_split_where_people_would(text: str, limit: int, parts: tuple[str, ...]) -> None:
    """At sentence ends, else words, else whole characters."""
    assert split_reply(text, limit) == parts


def test_a_limit_of_nothing_is_a_mistake() -> None:
    """A part must hold something."""
    with pytest.raises(ValueError, match="at least one"):
        split_reply("x", 0)
