"""What every table must do: one suite for the fake in memory, for moto and for the emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dealtalk.conversation.table import Absent, AnyOf, Check, Compare, ConditionFailed, Delete, Put, Update, equals

if TYPE_CHECKING:
    from dealtalk.conversation.table import Table

KEY = ("CONV#amocrm#1#a", "META")
OTHER = ("CONV#amocrm#1#a", "T#000000000001")


def create_table(client: Any, name: str) -> None:
    """Create the table as template.yaml does: keys and the sparse index."""
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
            {"AttributeName": "due_shard", "AttributeType": "S"},
            {"AttributeName": "due_at", "AttributeType": "N"},
        ],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "due",
                "KeySchema": [
                    {"AttributeName": "due_shard", "KeyType": "HASH"},
                    {"AttributeName": "due_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )


class TableContract:
    """The behaviours."""

    def test_a_put_item_is_read_back_whole(self, table: Table) -> None:
        """Every kind of attribute comes back as it was given; an attribute that is None is not stored."""
        item = {
            "n": 7,
            "s": "ж",
            "yes": True,
            "no": None,
            "raw": b"\x00\x01",
            "list": [1, {"a": "b"}],
            "map": {"x": [True]},
        }
        table.write(Put(KEY, item))
        read = table.read([KEY, OTHER])
        assert read == {KEY: {"pk": KEY[0], "sk": KEY[1], **{k: v for k, v in item.items() if v is not None}}}

    def test_an_update_sets_defaults_adds_and_removes(self, table: Table) -> None:
        """One update does all four, defaults only where the attribute is absent, and returns the whole item."""
        table.write(Put(KEY, {"keep": 1, "gone": 2, "none": 3}))
        new = table.update(
            Update(
                KEY,
                values={"set": "x", "none": None},
                defaults={"keep": 9, "fresh": 9},
                increments={"count": 2},
                removals=("gone",),
            )
        )
        assert new == {"pk": KEY[0], "sk": KEY[1], "keep": 1, "set": "x", "fresh": 9, "count": 2}

    def test_reserved_words_may_name_attributes(self, table: Table) -> None:
        """Names such as `until`, `owner`, `status` and `text` need no care."""
        table.write(Put(KEY, {"until": 5, "owner": "me", "status": "s"}))
        table.write(Update(KEY, {"status": "t", "text": "u"}, where=(equals("owner", "me"), Compare("until", "<=", 5))))
        assert table.read([KEY])[KEY]["status"] == "t"

    @pytest.mark.parametrize(
        ("where", "holds"),
        [
            ((equals("n", 5),), True),
            ((equals("n", 6),), False),
            ((equals("missing", None),), True),
            ((equals("n", None),), False),
            ((Absent("pk"),), False),
            ((Compare("n", "<", 6),), True),
            ((Compare("n", ">=", 6),), False),
            ((Compare("missing", "<", 6),), False),
            ((AnyOf((equals("n", 6), equals("s", "x"))),), True),
            ((AnyOf((equals("n", 6), Absent("s"))),), False),
            ((equals("flag", value=False),), True),
            ((equals("list", ["a"]),), True),
            ((equals("n", 5), equals("s", "y")), False),
        ],
    )
    def test_a_condition_is_judged_on_the_stored_item(self, table: Table, where: Any, holds: bool) -> None:
        """A write happens only where all of its conditions hold."""
        table.write(Put(KEY, {"n": 5, "s": "x", "flag": False, "list": ["a"]}))
        if holds:
            table.write(Update(KEY, {"done": 1}, where=where))
            assert table.read([KEY])[KEY]["done"] == 1
        else:
            with pytest.raises(ConditionFailed):
                table.write(Update(KEY, {"done": 1}, where=where))
            assert "done" not in table.read([KEY])[KEY]

    def test_a_failed_condition_tells_what_stood_there(self, table: Table) -> None:
        """The loser learns the item as it is, without another read."""
        table.write(Put(KEY, {"fence": 4}))
        with pytest.raises(ConditionFailed) as failure:
            table.write(Update(KEY, {"fence": 4}, where=(equals("fence", 3),)))
        assert failure.value.old["fence"] == 4

    def test_a_transaction_is_all_or_nothing(self, table: Table) -> None:
        """Where one condition fails nothing of the transaction is written, and the failed write is named."""
        table.write(Put(KEY, {"fence": 4}))
        with pytest.raises(ConditionFailed) as failure:
            table.write(Put(OTHER, {"text": "a"}), Check(KEY, (equals("fence", 5),)))
        assert (failure.value.index, failure.value.old["fence"]) == (1, 4)
        assert OTHER not in table.read([OTHER])

    def test_a_transaction_puts_updates_checks_and_deletes(self, table: Table) -> None:
        """All kinds of write go together."""
        third, fourth = (KEY[0], "C"), (KEY[0], "D")
        table.write(Put(KEY, {"n": 1}))
        table.write(Put(third, {"n": 3}))
        table.write(Put(fourth, {"n": 4}))
        table.write(
            Put(OTHER, {"n": 2}),
            Update(KEY, increments={"n": 10}),
            Delete(third, where=(equals("n", 3),)),
            Check(fourth, (equals("n", 4),)),
        )
        read = table.read([KEY, OTHER, third])
        assert {key[1]: item["n"] for key, item in read.items()} == {"META": 11, OTHER[1]: 2}

    def test_a_put_may_insist_that_there_is_nothing_yet(self, table: Table) -> None:
        """`equals("pk", None)` holds only for an item that is not there."""
        table.write(Put(KEY, {"n": 1}, where=(equals("pk", None),)))
        with pytest.raises(ConditionFailed):
            table.write(Put(KEY, {"n": 2}, where=(equals("pk", None),)))

    def test_the_newest_come_oldest_first(self, table: Table) -> None:
        """The last entries of a partition with a prefix, in ascending order, and no neighbours."""
        for number in range(5):
            table.write(Put((KEY[0], f"T#{number:03d}"), {"n": number}))
        table.write(Put((KEY[0], "U#0"), {"n": 99}))
        table.write(Put((KEY[0] + "b", "T#9"), {"n": 98}))
        assert [item["n"] for item in table.newest(KEY[0], "T#", 3)] == [2, 3, 4]

    def test_only_items_with_a_timer_are_due(self, table: Table) -> None:
        """The index is sparse: due items of the shard, oldest first, up to the limit."""
        for name, due, shard in (("a", 30, "1"), ("b", 10, "1"), ("c", 20, "2"), ("d", 50, "1")):
            table.write(Put((name, "META"), {"due_at": due, "due_shard": shard}))
        table.write(Put(("e", "META"), {"n": 1}))
        assert [item["pk"] for item in table.due("1", 40, 10)] == ["b", "a"]
        assert [item["pk"] for item in table.due("1", 40, 1)] == ["b"]
        table.write(Update(("b", "META"), removals=("due_at", "due_shard")))
        assert [item["pk"] for item in table.due("1", 40, 10)] == ["a"]
