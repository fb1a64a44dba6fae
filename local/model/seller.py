"""The stand-in's behaviour: store what was learnt, then confirm it and ask one question."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.model.extraction import Finder, mentions, words
from local.model.reading import done

if TYPE_CHECKING:
    from local.model.reading import Request

_PERSON = re.compile(
    r"\b(оператор\w*|менеджер\w*|человек\w*|живой|живого|human|person|manager|agent|someone real|real one)\b",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"^\s*\W*(system|admin|developer|assistant|система|админ)\w*\s*[:>]|"
    r"\b(ignore|forget) (all|any|the|your|previous)|игнорируй|забудь (все|свои|инструкции)",
    re.IGNORECASE | re.MULTILINE,
)
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)")
_URGENT = ("срочно", "авария", "заглох", "трассе", "сломалось", "urgent", "emergency", "stranded", "broken")
_URGENT_STAGES = ("срочно", "поддержка", "urgent", "support", "claim")
_OWN_TAGS = {"ии", "ai", "бот", "bot"}
_PICTURE_TAGS = {"фото", "photo", "picture"}
_RISK_TAGS = {"риск", "risk"}

_PHRASES = {
    "ru": {
        "hello": "Здравствуйте!",
        "noted": "Записал: {}.",
        "ask": "Подскажите, пожалуйста: {}?",
        "more": "Что ещё важно учесть?",
        "no": "Этого я сделать не могу. Могу рассказать о наших условиях или позвать коллегу.",
        "person": "Передаю ваш вопрос коллеге, он ответит вам здесь.",
        "unread": "Голосовые сообщения и картинки я пока не умею открывать, напишите, пожалуйста, текстом.",
        "note": "Клиент сообщил: {}",
        "attempt": "Клиент пытался дать боту указание от чужого имени; ничего не изменено.",
        "wish": "Клиент просит человека",
    },
    "en": {
        "hello": "Hello!",
        "noted": "Noted: {}.",
        "ask": "Could you tell me, please: {}?",
        "more": "Is there anything else we should know?",
        "no": "I cannot do that. I can tell you about our terms or call a colleague.",
        "person": "I am passing your question to a colleague, who will answer you here.",
        "unread": "I cannot open voice messages and pictures yet, please write it as text.",
        "note": "The customer said: {}",
        "attempt": "The customer tried to give the bot an order in somebody else's name; nothing was changed.",
        "wish": "The customer asks for a person",
    },
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the stand-in says: tool calls (name, arguments), or a text."""

    text: str = ""
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()

    def as_decision(self) -> str:
        """Return the answer as the JSON object of decisions that a response format asks for."""
        actions = [{"tool": name, "arguments": arguments} for name, arguments in self.calls]
        return json.dumps({"actions": actions, "reply": self.text}, ensure_ascii=False)


def respond(request: Request) -> Answer:
    """Return the seller's next step: act once where there is something to act on, then speak."""
    learnt = _learnt(request)
    if request.tools and not request.results:
        calls = _calls(request, learnt)
        if calls:
            return Answer(calls=tuple(calls))
    return Answer(text=_reply(request, learnt))


def _said(request: Request) -> str:
    return "\n".join(request.new)


def _learnt(request: Request) -> dict[str, Any]:
    if _ORDER.search(_said(request)):
        return {}
    finder = Finder(request.customer, request.new, request.last_reply, request.now)
    numbers = [name for name, shape in request.fields.items() if shape.get("type") == "number"]
    learnt = {}
    for name, shape in request.fields.items():
        others = len(numbers) - 1 if name in numbers else 0
        value = finder.find(name, shape, request.known(name), others)
        if value is not None and _spoken(value) != request.known(name)[: len(_spoken(value))]:
            learnt[name] = value
    return learnt


def _calls(request: Request, learnt: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    phrases = _PHRASES[request.language]
    said = _said(request)
    ordered = _ORDER.search(said) is not None
    if _PERSON.search(said) and not ordered and "hand_over" in request.tools:
        summary = "\n".join(" ".join(text.split())[:200] for text in request.customer[-3:])
        return [("hand_over", {"reason": phrases["wish"], "summary": summary})]
    update = _update(request, learnt, ordered=ordered)
    calls: list[tuple[str, dict[str, Any]]] = [("update_deal", update)] if update else []
    if "add_note" in request.tools and (learnt or ordered):
        facts = ", ".join(f"{name}: {_spoken(value)}" for name, value in learnt.items())
        calls.append(("add_note", {"text": phrases["attempt"] if ordered else phrases["note"].format(facts)}))
    return calls


def _update(request: Request, learnt: dict[str, Any], *, ordered: bool) -> dict[str, Any]:
    update: dict[str, Any] = {}
    stage = None if ordered else _stage(request, learnt)
    if stage:
        update["stage"] = stage
    if learnt:
        update["fields"] = learnt
    wanted = _RISK_TAGS if ordered else set(_OWN_TAGS) if learnt or stage else set()
    wanted |= _PICTURE_TAGS if "picture" in request.attached else set()
    tags = [tag for tag in request.choices("add_tags") if tag.casefold() in wanted]
    if tags:
        update["add_tags"] = tags
    return update


def _stage(request: Request, learnt: dict[str, Any]) -> str | None:
    """Return the stage for urgent words; else the next one, on the first thing learnt and when nothing is missing."""
    stages = request.choices("stage")
    urgent = [stage for stage in stages if any(word in _URGENT_STAGES for word in words(stage))]
    if urgent and mentions(_said(request), _URGENT):
        return urgent[0]
    calm = [stage for stage in stages if stage not in urgent]
    first = not any(request.known(name) for name in request.fields)
    return calm[0] if calm and learnt and (first or not _missing(request, learnt)) else None


def _missing(request: Request, learnt: dict[str, Any]) -> list[str]:
    return [name for name in request.fields if name not in learnt and not request.known(name)]


def _reply(request: Request, learnt: dict[str, Any]) -> str:
    phrases = _PHRASES[request.language]
    parts = [] if request.last_reply else [phrases["hello"]]
    if _ORDER.search(_said(request)):
        return " ".join([*parts, phrases["no"]])
    if _PERSON.search(_said(request)):
        return " ".join([*parts, phrases["person"]])
    if request.attached:
        parts.append(phrases["unread"])
    told = done(request.results).casefold()
    facts = [
        f"{name.lower()} — {_readable(_spoken(value))}"
        for name, value in learnt.items()
        if _spoken(value).casefold() in told
    ]
    if facts:
        parts.append(phrases["noted"].format(", ".join(facts)))
    missing = _missing(request, learnt)
    parts.append(phrases["ask"].format(missing[0].lower()) if missing else phrases["more"])
    return " ".join(parts)


def _spoken(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _readable(text: str) -> str:
    return _MOMENT.sub(r"\1 \2", text)
