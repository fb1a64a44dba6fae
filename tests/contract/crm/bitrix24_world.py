"""The contract's world on Bitrix24's simulator: an open line with a bot, entered by a webhook or by an app."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from dealtalk.connections import Auth, Connection
from dealtalk.crm.oauth import TokenPair, first_pair, token_key
from dealtalk.crm.registry import Opening, open_crm
from dealtalk.messages import Chat
from local.simulators.bitrix24 import BitrixSimulator, oauth, russian_portal
from local.simulators.bitrix24.defaults import TAGS_FIELD
from local.simulators.bitrix24.entities import Bot, User
from local.simulators.bitrix24.settings import ALL_SCOPES
from local.simulators.clock import ManualClock
from tests.contract.crm.world import START, GivenSecrets, SimulatorClock
from tests.fakes.table import MemoryTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from dealtalk.crm.bitrix24.client import BitrixCrm

BOT_TOKEN = "dt-bot-token"
NAME, OTHER = "okna", "other"
LOST_ON = {
    "send": r"imbot\.(v2\.Chat\.Message\.send|message\.add)$",
    "update_deal": r"/batch$",
    "add": r"crm\.(timeline\.comment|activity\.todo)\.add$",
}


@dataclass
class BitrixWorld:
    """One portal of the simulator, with a second one beside it; `api` is the bot's interface, `auth` the way in."""

    simulator: BitrixSimulator
    api: str = "v2"
    auth: Auth = Auth.TOKEN
    kind: str = "deal"
    options: dict[str, Any] = field(default_factory=dict)
    shows_texts = True

    def __post_init__(self) -> None:
        """Register a bot, open a chat with a deal, and open the adapter for it."""
        self.clock = SimulatorClock(self.simulator)
        self.portal = self.simulator.account(NAME)
        self.table = MemoryTable()
        self.user, self.secret = self.simulator.webhook(NAME)
        self.app = oauth.add_app(self.portal, ALL_SCOPES)
        self.install()
        self.bot = self._bot()
        self.simulator.attach(NAME, self.bot)
        self.chat_id, deal = self.simulator.open_chat(NAME, kind=self.kind)
        self.simulator.customer_says(NAME, self.chat_id, "Здравствуйте")
        self.dialog = self.portal.dialogs[int(self.chat_id)]
        _, strangers = self.simulator.open_chat(OTHER)
        self.deal_id, self.strangers_deal = str(deal or f"L{self.dialog.lead_id}"), str((strangers or 0) + 100_000)
        self.chat = self.chat_now()
        self.secrets = GivenSecrets(
            {
                "token": {"token": f"{self.user}/{self.secret}", "bot_token": BOT_TOKEN},
                "app": {"client_id": self.app.client_id, "client_secret": self.app.client_secret},
            }
        )
        self.crm: BitrixCrm = self.open()

    def chat_now(self, **changes: Any) -> Chat:
        """Return the chat as its newest message names it."""
        session = str(self.dialog.session_id)
        known = {"deal_id": self.deal_id, "contact_id": str(self.dialog.contact_id), "channel": self.dialog.connector}
        return Chat(self.chat_id, **({"talk_id": session} | known | changes))

    def install(self) -> None:
        """Give the app a new pair of tokens, as installing it does."""
        said = oauth.install(self.portal, self.app)["auth"]
        ends = datetime.fromtimestamp(said["expires"], UTC)
        pair = TokenPair(said["access_token"], said["refresh_token"], ends)
        self.table.write(first_pair("bitrix24", self.portal.member_id, pair))

    def _bot(self) -> Bot:
        owned = self.auth is Auth.TOKEN
        owner = f"webhook:{self.secret}" if owned else self.app.client_id
        token = BOT_TOKEN if owned else None
        bot = Bot(self.portal.new_id("user"), "dealtalk", self.api, "openline", token, owner, openline=True)
        self.portal.bots[bot.id] = bot
        self.portal.users[bot.id] = User(bot.id, "Анна", is_bot=True)
        return bot

    def connection(self, **options: Any) -> Connection:
        """Return the portal's connection."""
        own = {
            "bot_id": str(self.bot.id),
            "interface": self.api,
            "domain": self.portal.domain,
            "member_id": self.portal.member_id,
            "tags_field": TAGS_FIELD,
            "oauth_base": self.portal.base_url,
        }
        return Connection(
            crm="bitrix24",
            id="c1",
            account=self.portal.member_id,
            api_base=self.portal.base_url,
            secret="token" if self.auth is Auth.TOKEN else "app",
            profile="windows",
            auth=self.auth,
            options={**own, **self.options, **options},
        )

    def open(self, seconds_left: Callable[[], float] = lambda: 60.0, **options: Any) -> BitrixCrm:
        """Open the adapter as a new turn does."""
        opening = Opening(
            table=self.table,
            secrets=self.secrets,
            clock=self.clock,
            seconds_left=seconds_left,
            channel=self.chat.channel,
        )
        return cast("BitrixCrm", open_crm(self.connection(**options), opening))

    def methods(self, since: int = 0) -> list[str]:
        """Return the methods that were called, in order."""
        return [call.path.rpartition("/")[2] for call in self.simulator.calls(NAME, since=since)]

    def now(self) -> datetime:
        """Return the simulator's time."""
        return self.clock.now()

    def pass_time(self, seconds: float) -> None:
        """Move the simulator's time."""
        self.simulator.advance(seconds)

    def received(self) -> list[str]:
        """Return our side's lines."""
        return [line["text"] for line in self.simulator.chat(NAME, self.chat_id) if line["outgoing"]]

    def employee_writes(self, text: str) -> None:
        """Let the second person write."""
        self.simulator.employee_says(NAME, self.chat_id, text)

    def refuse_requests(self) -> None:
        """Answer the next call with 503 QUERY_LIMIT_EXCEEDED."""
        self.simulator.fault("status", NAME, status=503, count=1)

    def kill_token(self) -> None:
        """Delete the incoming webhook, or the app's tokens."""
        self.portal.hooks.clear()
        self.app.access.clear()
        self.app.refresh.clear()

    def lose_answer(self, method: str) -> None:
        """Cut the connection after the call acted."""
        self.simulator.fault("drop_after", NAME, path=LOST_ON[method], count=1)

    def delete_deal(self) -> None:
        """Delete the deal."""
        self.simulator.delete_deal(NAME, int(self.deal_id))

    def card(self) -> dict[str, Any]:
        """Return the deal as a person sees it."""
        return self.simulator.deal_card(NAME, int(self.deal_id))

    def notes(self) -> list[str]:
        """Return the deal's comments."""
        return [str(note["text"]) for note in self.card()["notes"]]

    def tasks(self) -> list[tuple[str, str]]:
        """Return the deal's activities."""
        return [(str(task["text"]), str(task["responsible"])) for task in self.card()["tasks"]]

    def stored_version(self) -> int:
        """Return the version of the stored tokens."""
        key = token_key("bitrix24", self.portal.member_id)
        return int(self.table.read([key])[key]["version"])


def bitrix_simulator(**switches: Any) -> BitrixSimulator:
    """Return a simulator with a hand-set clock and two portals; the rate limit rests unless a switch wakes it."""
    wide = {"burst": 100_000, "operating_limit": 1e9, **switches}
    simulator = BitrixSimulator(clock=ManualClock(START.timestamp()))
    for name in (NAME, OTHER):
        simulator.add_account(partial(russian_portal, subdomain=name, **wide))
    return simulator
