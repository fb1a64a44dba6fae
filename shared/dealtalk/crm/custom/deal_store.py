"""What senders told of their deals: the last state of each, the stages to choose from, and which chat has which deal.

The CRM is somebody's own program, so what it told with its messages is often all that is known. The items lie in the
connection's partition: `DEAL#<hash of the deal's id>`, `DEALSCHEMA` and `CHAT#<hash of the chat's id>`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dealtalk.conversation.state import KEEP_CONVERSATION_DAYS, expiry
from dealtalk.conversation.table import ConditionFailed, Put, TableBusy, Update, equals
from dealtalk.crm.custom.deal_json import checked_deal, checked_schema, packed, schema_with
from dealtalk.messages import short_hash

if TYPE_CHECKING:
    from dealtalk.connections import Connection
    from dealtalk.conversation.table import Item, Key, Table, Write
    from dealtalk.crm.custom.deal_json import Json
    from dealtalk.ingress.events import ParsedEvents, Payload
    from dealtalk.ports import Clock

TRIES = 3
KNOWN_MESSAGES = 20
"""Messages that a deal's state came with, remembered so that one that is sent again does not bring an old state."""


@dataclass(frozen=True, slots=True)
class StoredDeal:
    """A deal as it is known. `document` is checked (see `deal_json`); `revision` rises with every change of it."""

    document: Json
    revision: int

    @property
    def is_gone(self) -> bool:
        """Whether the sender said that it was deleted."""
        return self.document.get("deleted") is True


class DealStore:
    """The deals of one connection. All methods raise TableBusy."""

    def __init__(self, table: Table, clock: Clock, connection: Connection) -> None:
        self._table = table
        self._clock = clock
        self._partition = connection.partition

    def deal(self, deal_id: str) -> StoredDeal | None:
        """Return the deal as it was last told or changed; None: nobody told of it."""
        return _stored(self._read(self._deal_key(deal_id)))

    def schema(self) -> Json:
        """Return what may be chosen, as it was last told; empty where nothing was."""
        return _body(self._read(self._schema_key))

    def deal_of(self, chat_id: str) -> str | None:
        """Return the deal that the chat's messages named last."""
        named = self._read(self._chat_key(chat_id)).get("deal_id")
        return None if named is None else str(named)

    def keys_of(self, chat_id: str) -> list[Key]:
        """Return the keys of what is kept of a chat: which deal it has, and what was told of that deal."""
        deal_id = self.deal_of(chat_id)
        return [self._chat_key(chat_id), *([self._deal_key(deal_id)] if deal_id else [])]

    def put(self, document: Json, seen: StoredDeal | None) -> None:
        """Store a deal's new state unless its sender told another since `seen` was read."""
        key, revision = self._deal_key(document["id"]), seen.revision if seen else 0
        values = {"body": packed(document), "revision": revision + 1, "expires_at": self._expiry()}
        try:
            self._table.write(Update(key, values, where=(equals("revision", revision or None),)))
        except ConditionFailed:
            return

    def put_schema(self, schema: Json) -> None:
        """Store what may be chosen, as the sender told it."""
        self._table.write(*self._schema_writes({}, schema))

    def take(self, chat_id: str, message_id: str, deal: Json | None, schema: Json | None) -> None:
        """Store what came with a message, once, and nothing that an older version or a repeated message tells."""
        for _ in range(TRIES):
            writes = self._writes(chat_id, message_id, deal, schema)
            try:
                if writes:
                    self._table.write(*writes)
            except ConditionFailed:
                continue
            return
        msg = "the deal is contended"
        raise TableBusy(msg)

    def _writes(self, chat_id: str, message_id: str, deal: Json | None, schema: Json | None) -> list[Write]:
        keys = [self._schema_key, self._chat_key(chat_id), *([self._deal_key(deal["id"])] if deal else [])]
        found = self._table.read(keys)
        known = found.get(self._schema_key, {})
        if deal is None:
            return self._schema_writes(known, schema) if schema else []
        old = found.get(self._deal_key(deal["id"]), {})
        message = short_hash(message_id)
        if message in old.get("messages", ()) or _is_older(deal, old):
            return []
        if schema is None and not deal.get("deleted") and not known.get("told"):
            schema = schema_with(_body(known), deal)
            writes = self._schema_writes(known, schema, told=False)
        else:
            writes = self._schema_writes(known, schema) if schema else []
        writes.append(self._deal_put(deal, old, message))
        chat, named = self._chat_key(chat_id), None if deal.get("deleted") else deal["id"]
        if found.get(chat, {}).get("deal_id") != named:
            writes.append(Put(chat, {"deal_id": named, "expires_at": self._expiry()}))
        return writes

    def _deal_put(self, deal: Json, old: Item, message: str) -> Put:
        revision = old.get("revision", 0)
        item = {
            "body": packed(deal),
            "revision": revision + 1,
            "messages": [*old.get("messages", ()), message][-KNOWN_MESSAGES:],
            "expires_at": self._expiry(),
        }
        return Put(self._deal_key(deal["id"]), item, where=(equals("revision", revision or None),))

    def _schema_writes(self, known: Item, schema: Json, *, told: bool = True) -> list[Write]:
        """Return the writes of a schema that is new; the one that the responders share is then read again."""
        body = packed(schema)
        if known.get("body") == body and known.get("told", False) is told:
            return []
        item = {"body": body, "told": told}
        return [Put(self._schema_key, item), Update((self._partition, "SCHEMA"), {"expires_at": 0})]

    def _read(self, key: Key) -> Item:
        return self._table.read([key]).get(key, {})

    @property
    def _schema_key(self) -> Key:
        return self._partition, "DEALSCHEMA"

    def _deal_key(self, deal_id: str) -> Key:
        return self._partition, f"DEAL#{short_hash(deal_id)}"

    def _chat_key(self, chat_id: str) -> Key:
        return self._partition, f"CHAT#{short_hash(chat_id)}"

    def _expiry(self) -> int:
        return expiry(self._clock.now(), KEEP_CONVERSATION_DAYS)


class DealKeeper:
    """Keeps what bodies tell of deals: the webhook's `keep`."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def keep(self, connection: Connection, payload: Payload, events: ParsedEvents) -> None:
        """Store the body's deal and schema. Raises TableBusy."""
        deal, schema = payload.get("deal"), payload.get("deal_schema")
        if deal is None and schema is None:
            return
        store = DealStore(self._table, self._clock, connection)
        for message in events.messages:
            store.take(
                message.chat.chat_id,
                message.id,
                None if deal is None else checked_deal(deal),
                None if schema is None else checked_schema(schema),
            )


def _is_older(deal: Json, old: Item) -> bool:
    """Return whether the sender's own count says that the state is not newer than the one that is known."""
    told, known = deal.get("version"), _body(old).get("version")
    return told is not None and known is not None and told <= known


def _stored(item: Item) -> StoredDeal | None:
    document = _body(item)
    return StoredDeal(document, item["revision"]) if document else None


def _body(item: Item) -> Json:
    return dict(json.loads(item["body"])) if "body" in item else {}
