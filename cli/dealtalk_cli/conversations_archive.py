"""Reading conversations out of the table, for a person: all of them by a scan, all of one by its partition.

These are an operator's reads, made with the operator's own credentials. The functions never scan, so the table's port
has no scan, and it stands here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dealtalk.conversation.dynamodb import plain_item
from dealtalk.conversation.state import State, meta_key
from dealtalk.messages import HASH_DIGITS, ConversationKey
from dealtalk_cli import registry
from dealtalk_cli.errors import Trouble
from dealtalk_cli.place import aws_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dealtalk.conversation.table import Item
    from dealtalk_cli.stack import Stack

SHORTEST = 4
_ID = re.compile(f"[0-9a-f]{{{SHORTEST},{HASH_DIGITS}}}")
_AT_ONCE = 100


class Archive:
    """The table as an operator reads it. All methods raise Trouble and TableBusy."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._client: Any = stack.place.client("dynamodb")

    def states(self) -> Iterator[State]:
        """Yield every conversation's META, in no order.

        A scan: DynamoDB reads (and bills, eventually consistent) the whole table however little is yielded, half a read
        unit per 4 KB. A table of 1 GB is about 130,000 units, some cents, and a minute or two; stop early where enough
        was found.
        """
        request: dict[str, Any] = {
            "FilterExpression": "sk = :meta AND begins_with(pk, :conversations)",
            "ExpressionAttributeValues": {":meta": {"S": "META"}, ":conversations": {"S": "CONV#"}},
        }
        for item in self._pages(self._client.scan, request, "look through the conversations"):
            yield State.from_item(ConversationKey.from_partition(item["pk"]), item)

    def items(self, conversation: ConversationKey, prefix: str) -> list[Item]:
        """Return the conversation's items whose sort key begins so, in its order, strongly consistent."""
        request: dict[str, Any] = {
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :sk)",
            "ExpressionAttributeValues": {":pk": {"S": conversation.partition}, ":sk": {"S": prefix}},
            "ConsistentRead": True,
        }
        return list(self._pages(self._client.query, request, "read the conversation"))

    def find(self, wanted: str) -> State:
        """Return the conversation with this id, or whose id alone begins so.

        A whole id is looked for in each connected account, which is one read; only a part of one needs the scan.
        """
        if not _ID.fullmatch(wanted):
            raise Trouble(
                f"a conversation's id is {HASH_DIGITS} hexadecimal digits, or the first {SHORTEST} and more of them",
                "dealtalk conversations list shows them.",
            )
        found = self._whole(wanted) if len(wanted) == HASH_DIGITS else []
        found = found or [state for state in self.states() if state.conversation.id.startswith(wanted)]
        if not found:
            raise Trouble(f"no conversation {wanted} in the {self._stack.place.name}")
        if len(found) > 1:
            raise Trouble(
                f"{len(found)} conversations begin with {wanted}",
                "Give more of the id.",
                details=sorted(state.conversation.id for state in found),
            )
        return found[0]

    def _whole(self, wanted: str) -> list[State]:
        directory = self._stack.directory
        accounts = {(each.crm, each.account) for crm in registry.crms() for each in directory.connections(crm)}
        keys = [ConversationKey(crm, account, wanted) for crm, account in sorted(accounts)]
        states = []
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            found = self._stack.table.read([meta_key(key) for key in some])
            states += [State.from_item(key, item) for key in some if (item := found.get(meta_key(key)))]
        return states

    def _pages(self, call: Callable[..., Any], request: dict[str, Any], doing: str) -> Iterator[Item]:
        """Yield what is alive: DynamoDB removes what has expired some hours later."""
        now = self._stack.clock.now().timestamp()
        while True:
            with aws_calls(doing):
                answer = call(TableName=self._stack.place.table, **request)
            for raw in answer["Items"]:
                item = plain_item(raw)
                if item.get("expires_at", now + 1) > now:
                    yield item
            if "LastEvaluatedKey" not in answer:
                return
            request = {**request, "ExclusiveStartKey": answer["LastEvaluatedKey"]}
