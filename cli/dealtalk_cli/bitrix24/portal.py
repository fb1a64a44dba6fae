"""One portal as who connects it sees it: lines, bots, fields, and what a refusal means for that person."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dealtalk.crm.bitrix24.api import Api, number, rows
from dealtalk.crm.bitrix24.errors import Refused
from dealtalk.crm.bitrix24.schema import read_schema
from dealtalk.crm.http import Http
from dealtalk.errors import DealtalkError, NeedsAttention, RateLimited
from dealtalk_cli.bitrix24.access import SECONDS_PER_CALL
from dealtalk_cli.errors import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dealtalk.crm.bitrix24.options import BitrixOptions
    from dealtalk.deals import DealSchema
    from dealtalk_cli.bitrix24.access import Entered

SCOPES = ("crm", "imbot", "imopenlines", "user")
SETTINGS = {
    "WELCOME_BOT_ENABLE": "Y",
    "WELCOME_BOT_JOIN": "always",
    "WELCOME_BOT_TIME": "0",
    "WELCOME_BOT_LEFT": "close",
}
"""Those of a line in which the bot stays: joined to every dialog, never sent away by time, kept beside an operator."""

FIELD_NAME = "DEALTALK_TAGS"


@dataclass(frozen=True, slots=True)
class OpenLine:
    """An open line: its name, whether it is active, and its settings that concern bots."""

    id: str
    name: str
    active: bool
    settings: Mapping[str, str]

    def differs(self, bot_id: str) -> list[str]:
        """Return the settings that do not keep this bot in the line."""
        wanted = {**SETTINGS, "WELCOME_BOT_ID": bot_id}
        return sorted(name for name, value in wanted.items() if self.settings.get(name) != value)


class Portal:
    """A portal's interface; methods raise Trouble whose advice is for who connects it."""

    def __init__(self, api_base: str, entered: Entered) -> None:
        self.host = urlsplit(api_base).netloc + urlsplit(api_base).path
        http = Http(api_base, seconds_left=lambda: SECONDS_PER_CALL)
        self.api = Api(http, entered.door, host=self.host, cooldown=60)

    def scopes(self) -> set[str]:
        """Return what the webhook or app may use, which proves that it works."""
        with self.doing("to say what may be used", "Make the incoming webhook anew, or install the app anew."):
            found = self.api.read("scope")
        return {str(each) for each in found} if isinstance(found, list) else set()

    def schema(self, options: BitrixOptions) -> DealSchema:
        """Return pipelines, fields and people."""
        with self.doing("to show pipelines, fields and people", RIGHTS):
            return read_schema(self.api, options)

    def lines(self) -> list[OpenLine]:
        """Return the open lines."""
        with self.doing("to show the open lines", RIGHTS):
            found = self.api.read("imopenlines.config.list.get")
        return [_line(row) for row in rows(found) if row.get("ID")]

    def attach(self, line: OpenLine, bot_id: str) -> None:
        """Put the bot into the line so that it stays there."""
        params = {"CONFIG_ID": number(line.id), "PARAMS": {**SETTINGS, "WELCOME_BOT_ID": bot_id}}
        with self.doing("to put the bot into the open line", BY_HAND):
            self.api.write("imopenlines.config.update", params)

    def register(self, code: str, name: str, token: str | None, url: str) -> str:
        """Register the bot, or find it by its code, and return its number."""
        fields: dict[str, Any] = {
            "code": code,
            "properties": {"name": name},
            "type": "openline",
            "isSupportOpenline": True,
            "eventMode": "webhook",
            "webhookUrl": url,
        }
        with self.doing("to register the bot", "If its code is taken by another app, give --bot-code."):
            made = self.api.write("imbot.v2.Bot.register", {**_owned(token), "fields": {**fields, **_owned(token)}})
        bot = made.get("bot") if isinstance(made, dict) else None
        if not isinstance(bot, dict) or not bot.get("id"):
            raise Trouble(f"{self.host} registered the bot and did not say its number", "Run the command again.")
        return str(bot["id"])

    def send_to(self, bot_id: str, name: str, token: str | None, url: str) -> None:
        """Let the bot's events be posted to this address."""
        fields = {"eventMode": "webhook", "webhookUrl": url, "properties": {"name": name}}
        with self.doing("to change the bot's address", "Run the command again."):
            self.api.write("imbot.v2.Bot.update", {"botId": number(bot_id), **_owned(token), "fields": fields})

    def bot(self, bot_id: str, token: str | None) -> Mapping[str, Any] | None:
        """Return what the portal says of our bot; None where there is no such bot or it is not ours."""
        with self.doing("to show the bot", RIGHTS):
            try:
                found = self.api.read("imbot.v2.Bot.get", {"botId": number(bot_id), **_owned(token)})
            except Refused:
                return None
        about = found.get("bot") if isinstance(found, dict) else None
        return about if isinstance(about, dict) else None

    def text_lists(self) -> dict[str, str]:
        """Return the deals' custom fields that hold several texts: their titles by their names."""
        with self.doing("to show the deals' fields", RIGHTS):
            found = self.api.read("crm.item.fields", {"entityTypeId": 2, "useOriginalUfNames": "Y"})
        listed = found.get("fields") if isinstance(found, dict) else None
        return {
            name: str(row.get("title") or name)
            for name, row in (listed or {}).items()
            if name.startswith("UF_") and row.get("type") == "string" and row.get("isMultiple")
        }

    def make_tags_field(self, title: str) -> str:
        """Make the deals' field for tags and return its name."""
        fields = {"FIELD_NAME": FIELD_NAME, "USER_TYPE_ID": "string", "MULTIPLE": "Y", "LABEL": title}
        with self.doing("to make the field for tags", "The webhook's employee must be an administrator of CRM."):
            self.api.write("crm.deal.userfield.add", {"fields": fields})
        return f"UF_CRM_{FIELD_NAME}"

    @contextmanager
    def doing(self, doing: str, advice: str) -> Iterator[None]:
        """Turn a failed call into Trouble."""
        try:
            yield
        except Refused as refused:
            sentence = f"{self.host} refused {doing}: {refused.detail or refused.code or refused.status}"
            raise Trouble(sentence, advice) from None
        except RateLimited:
            raise Trouble(f"{self.host} takes no more calls at the moment", "Run the command again later.") from None
        except NeedsAttention as broken:
            raise Trouble(f"{self.host}: {broken}", advice) from None
        except DealtalkError as error:
            raise Trouble(f"{self.host}: {error}", "Check --portal.") from None


def _owned(token: str | None) -> dict[str, str]:
    return {"botToken": token} if token else {}


def _line(row: Mapping[str, Any]) -> OpenLine:
    settings = {name: str(row.get(name) or "") for name in (*SETTINGS, "WELCOME_BOT_ID")}
    settings["WELCOME_BOT_TIME"] = str(row.get("WELCOME_BOT_TIME", ""))
    return OpenLine(str(row["ID"]), str(row.get("LINE_NAME") or row["ID"]), row.get("ACTIVE") != "N", settings)


RIGHTS = "The webhook or app needs the scopes crm, imbot, imopenlines and user, and its employee access to CRM."
BY_HAND = "Put it in by hand: Contact Center, the channel, Chat bot; keep it in the dialog and never transfer by time."
