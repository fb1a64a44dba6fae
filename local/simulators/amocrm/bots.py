"""Salesbots: launching them, and the one step that they do.

A bot occupies its entity from launch to end; a second launch meanwhile is answered 202 and silently dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.simulators.amocrm import chats
from local.simulators.amocrm.entities import Author, Bot, BotRun, EntityType
from local.simulators.amocrm.problems import Issues, Item, problem
from local.simulators.serving import Response

if TYPE_CHECKING:
    from local.simulators.amocrm.state import Account
    from local.simulators.amocrm.web import Context, Router
    from local.simulators.clock import Scheduler

MAX_RUNS = 100
OCCUPYING = frozenset({"running", "hung", "waiting"})
V2_ENTITIES = {1: EntityType.CONTACTS, 2: EntityType.LEADS}


class BotEngine:
    """Runs the bots of all accounts and serves the calls that launch them."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def routes(self, router: Router) -> None:
        """Add these calls. POST /api/v4/salesbot/run does not exist."""
        router.add("POST", "/api/v2/salesbot/run", self.run_v2)
        router.add("GET", "/api/v4/bots", self.bot_list)
        router.add("POST", "/api/v4/bots/run", self.run_many_v4)
        router.add("POST", "/api/v4/bots/{id}/run", self.run_v4)
        router.add("POST", "/api/v4/bots/{id}/stop", self.stop_v4)

    def run_v2(self, ctx: Context) -> Response:
        """Serve POST /api/v2/salesbot/run: up to 100 launches, 202 with an empty object."""
        rows = ctx.objects("launches")
        issues = Issues()
        if len(rows) > MAX_RUNS:
            raise problem(400, f"At most {MAX_RUNS} launches per request")
        for index, row in enumerate(rows):
            item = Item(issues, str(index))
            for key in ("bot_id", "entity_id", "entity_type"):
                if key not in row:
                    item.add("FieldMissing", key)
                elif _as_int(row[key]) is None:
                    item.add("InvalidType", key, "This value should be of type int.")
            if _as_int(row.get("entity_type")) not in {None, *V2_ENTITIES}:
                item.add("NotSupportedChoice", "entity_type")
        issues.raise_if_any()
        for row in rows:
            numbers = {key: _as_int(value) or 0 for key, value in row.items()}
            self.launch(ctx.account, numbers["bot_id"], numbers["entity_id"], V2_ENTITIES[numbers["entity_type"]])
        return Response(202, {})

    def bot_list(self, ctx: Context) -> Response:
        """Serve GET /api/v4/bots (Kommo): names only, no scripts."""
        _need_v4(ctx)
        rows = [{"id": b.id, "name": b.name, "type": 0, "is_active": True} for b in ctx.account.bots.values()]
        return Response(200, {"_total_items": len(rows), "_embedded": {"items": rows}}) if rows else Response(204)

    def run_v4(self, ctx: Context) -> Response:
        """Serve POST /api/v4/bots/{id}/run (Kommo); the entity's type is a word."""
        self._run_v4(ctx, ctx.number("id"), ctx.json())
        return Response(202)

    def run_many_v4(self, ctx: Context) -> Response:
        """Serve POST /api/v4/bots/run (Kommo), an object with bot_id."""
        body = ctx.json()
        bot_id = body.get("bot_id") if isinstance(body, dict) else None
        if not isinstance(bot_id, int):
            issues = Issues()
            issues.add("0", "FieldMissing" if bot_id is None else "InvalidType", "bot_id")
            issues.raise_if_any()
        self._run_v4(ctx, int(str(bot_id)), body)
        return Response(202)

    def stop_v4(self, ctx: Context) -> Response:
        """Serve POST /api/v4/bots/{id}/stop (Kommo), for leads only."""
        _need_v4(ctx)
        _, entity_id = _entity(ctx.json(), only=EntityType.LEADS)
        for run in ctx.account.bot_runs:
            if (run.bot_id, run.entity_id) == (ctx.number("id"), entity_id) and run.outcome in OCCUPYING:
                run.outcome = "stopped"
        return Response(202)

    def launch(self, account: Account, bot_id: int, entity_id: int, entity: EntityType) -> BotRun:
        """Queue a launch; its outcome says what came of it. An unknown bot or entity does nothing."""
        run = BotRun(account.new_id("run"), bot_id, entity_id, entity, account.clock.now())
        busy = any(
            r.entity_id == entity_id and r.entity_type is entity and r.outcome in OCCUPYING for r in account.bot_runs
        )
        account.bot_runs.append(run)
        account.touch()
        if busy or bot_id not in account.bots:
            run.outcome = "dropped"
        else:
            self._scheduler.after(account.settings.bot_delay, lambda: self._step(account, run))
        return run

    def hang(self, account: Account, lead_id: int) -> BotRun:
        """Occupy a lead by a bot that waits for an answer that never comes."""
        bot_id = next(iter(account.bots), 0)
        run = BotRun(account.new_id("run"), bot_id, lead_id, EntityType.LEADS, account.clock.now(), "hung")
        account.bot_runs.append(run)
        account.touch()
        return run

    def _run_v4(self, ctx: Context, bot_id: int, body: Any) -> None:
        _need_v4(ctx)
        entity, entity_id = _entity(body)
        if bot_id not in ctx.account.bots:
            raise problem(404, "Bot not found")
        self.launch(ctx.account, bot_id, entity_id, entity)

    def _step(self, account: Account, run: BotRun) -> None:
        with account.lock:
            if run.outcome != "running":
                return
            bot = account.bots[run.bot_id]
            text, talk = _text_of(account, bot, run), _talk_of(account, run)
            if not text or talk is None:
                run.outcome = "nothing_to_send"
            else:
                run.outcome = "sent"
                chats.outgoing_line(account, talk, Author("bot", account.new_uuid(), bot.name), text, via="salesbot")
            account.touch()


def _text_of(account: Account, bot: Bot, run: BotRun) -> str:
    if bot.field_id is None:
        return bot.text or ""
    if run.entity_type is not EntityType.LEADS:
        return f"{{{{lead.cf.{bot.field_id}}}}}"
    lead = account.lead(run.entity_id)
    stored = lead.values.get(bot.field_id, []) if lead else []
    return ", ".join(str(v.get("value", "")) for v in stored).strip()


def _talk_of(account: Account, run: BotRun) -> Any:
    if run.entity_type is EntityType.LEADS:
        return chats.talk_of_lead(account, run.entity_id)
    mine = [t for t in account.talks.values() if t.contact_id == run.entity_id and t.is_in_work]
    return max(mine, key=lambda t: t.talk_id, default=None)


def _entity(body: Any, only: EntityType | None = None) -> tuple[EntityType, int]:
    issues = Issues()
    item = Item(issues, "0")
    if item.expect(body, "object", ""):
        for key, kind in (("entity_id", "int"), ("entity_type", "string")):
            if key not in body:
                item.add("FieldMissing", key)
            else:
                item.expect(body[key], kind, key)
        allowed = {only.value} if only else {e.value for e in EntityType}
        if isinstance(body.get("entity_type"), str) and body["entity_type"] not in allowed:
            item.add("NotSupportedChoice", "entity_type")
    issues.raise_if_any()
    return EntityType(body["entity_type"]), body["entity_id"]


def _need_v4(ctx: Context) -> None:
    if not ctx.account.settings.bots_v4:
        raise problem(404, "Not Found")


def _as_int(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isdigit() else None
