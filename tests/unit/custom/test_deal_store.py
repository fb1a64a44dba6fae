"""What is kept of deals: the newest state, once, whatever order it comes in."""

from __future__ import annotations

from typing import Any

import pytest

from dealtalk.connections import Connection
from dealtalk.conversation.table import TableBusy
from dealtalk.crm.custom.deal_json import checked_deal, checked_schema
from dealtalk.crm.custom.deal_store import DealStore
from dealtalk_cli.leftovers import forget_leftovers
from events import custom
from tests.fakes.clock import FakeClock
from tests.fakes.table import MemoryTable

CONNECTION = Connection("custom", "c1", "okna", "https://crm.example", "s", "p")


def store(table: MemoryTable | None = None) -> DealStore:
    """Return an empty store."""
    return DealStore(table if table is not None else MemoryTable(), FakeClock(), CONNECTION)


def told(**changes: Any) -> dict[str, Any]:
    """Return a checked deal."""
    return checked_deal({"id": "D-1", "stage_id": "new", **changes})


def stage(found: DealStore) -> str | None:
    """Return where the deal stands as it is known."""
    deal = found.deal("D-1")
    return None if deal is None else deal.document["stage_id"]


def test_the_newest_told_state_is_known() -> None:
    """Each message may bring another."""
    deals = store()
    deals.take("chat", "m1", told(), None)
    deals.take("chat", "m2", told(stage_id="won"), None)
    assert stage(deals) == "won"
    assert deals.deal_of("chat") == "D-1"


def test_a_message_that_comes_again_brings_no_old_state() -> None:
    """A retried post is older than what was changed since."""
    deals = store()
    deals.take("chat", "m1", told(), None)
    deals.put(told(stage_id="won"), deals.deal("D-1"))
    deals.take("chat", "m1", told(), None)
    assert stage(deals) == "won"


def test_the_senders_own_count_decides_where_it_has_one() -> None:
    """Messages may overtake each other."""
    deals = store()
    deals.take("chat", "m2", told(stage_id="won", version=9), None)
    deals.take("chat", "m1", told(version=8), None)
    assert stage(deals) == "won"


def test_a_change_does_not_overwrite_what_was_told_meanwhile() -> None:
    """The sender knows better than our answer."""
    deals = store()
    deals.take("chat", "m1", told(), None)
    seen = deals.deal("D-1")
    deals.take("chat", "m2", told(stage_id="lost"), None)
    deals.put(told(stage_id="won"), seen)
    assert stage(deals) == "lost"


def test_a_told_schema_stays_until_another_is_told() -> None:
    """A deal does not add to what its sender told completely."""
    deals = store()
    schema = checked_schema(custom.SCHEMA)
    deals.take("chat", "m1", told(), schema)
    deals.take("chat", "m2", told(stage_id="elsewhere"), None)
    assert deals.schema() == schema


def test_a_new_schema_makes_the_shared_one_old() -> None:
    """Responders read it again at their next turn."""
    table = MemoryTable()
    table.items[CONNECTION.partition, "SCHEMA"] = {
        "pk": CONNECTION.partition,
        "sk": "SCHEMA",
        "expires_at": 9_999_999_999,
    }
    store(table).take("chat", "m1", None, checked_schema(custom.SCHEMA))
    assert table.items[CONNECTION.partition, "SCHEMA"]["expires_at"] == 0


def test_a_deleted_deal_leaves_its_chat() -> None:
    """The next turn of the chat has no deal."""
    deals = store()
    deals.take("chat", "m1", told(), None)
    deals.take("chat", "m2", checked_deal({"id": "D-1", "deleted": True}), None)
    deal = deals.deal("D-1")
    assert deal is not None
    assert deal.is_gone
    assert deals.deal_of("chat") is None


def test_without_an_end_to_contention_the_message_comes_again() -> None:
    """The webhook answers 500 then."""
    table = MemoryTable()
    deals = store(table)
    deals.take("chat", "m0", told(), None)

    def interfere(call: str) -> None:
        if call == "write":
            table.items[CONNECTION.partition, deals._deal_key("D-1")[1]]["revision"] += 1

    table.before = interfere
    with pytest.raises(TableBusy):
        deals.take("chat", "m1", told(stage_id="won"), None)


@pytest.mark.parametrize("crm", ["custom", "getcourse"])
def test_a_forgotten_chat_leaves_nothing_of_its_deal(crm: str) -> None:
    """Who is forgotten is forgotten here too; the stages, which are the company's, stay, and other chats' deals do."""
    table, clock = MemoryTable(), FakeClock()
    connection = Connection(crm, "c1", "okna", "https://crm.example", "s", "p")
    deals = DealStore(table, clock, connection)
    deals.take("chat", "m1", told(title="Иван, +79170000000"), None)
    deals.take("other", "m2", told(id="D-2"), None)
    forget_leftovers(connection, "chat", table, clock)
    assert (deals.deal("D-1"), deals.deal_of("chat")) == (None, None)
    assert deals.deal_of("other") == "D-2"
    assert "79170000000" not in str(table.items)


def test_an_adapter_that_keeps_nothing_of_a_chat_is_not_asked() -> None:
    """Most have nothing beside the conversation."""
    table = MemoryTable()
    forget_leftovers(Connection("amocrm", "c1", "1", "https://crm.example", "s", "p"), "chat", table, FakeClock())
    assert table.items == {}
