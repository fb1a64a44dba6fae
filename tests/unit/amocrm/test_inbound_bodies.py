"""Bodies with several events, groups and formats; which lead a message belongs to."""

from __future__ import annotations

from typing import Any

import pytest

from dealtalk.ingress.events import ParsedEvents
from dealtalk.messages import Author
from tests.unit.amocrm.reading import MESSAGE, events_of, one


class TestBodies:
    """Several events, groups and formats."""

    @pytest.mark.parametrize(
        "payload",
        [
            {"message": {"add": {"0": MESSAGE}}},
            {"message": {"add": [MESSAGE]}},
            {"message": {"add": MESSAGE}},
            {"add": {"0": MESSAGE}},
            {"add": [MESSAGE]},
            {"account": {"id": "31337000"}, "add": [MESSAGE]},
            {"message": {"add": {"7": MESSAGE}}, "account": {"id": "31337000"}},
        ],
    )
    def test_one_message_in_every_wrapping(self, payload: dict[str, Any]) -> None:
        """Wrapped or bare, a list or numbered, the account's block before or after."""
        assert events_of(payload) == ParsedEvents((one(),), {})

    def test_messages_keep_the_order_in_which_they_stand(self) -> None:
        """Arrival decides, not numbers."""
        items = {"1": MESSAGE | {"id": "b"}, "0": MESSAGE | {"id": "a"}}
        assert [message.id for message in events_of({"message": {"add": items}}).messages] == ["b", "a"]

    def test_a_bad_item_does_not_lose_the_good_ones(self) -> None:
        """Each stands for itself."""
        events = events_of({"message": {"add": [MESSAGE, "x", {}, None, MESSAGE | {"id": "b"}]}})
        assert [message.id for message in events.messages] == [MESSAGE["id"], "b"]
        assert events.ignored == {"unusable_message": 3}

    def test_a_message_that_comes_twice_in_a_body_is_one(self) -> None:
        """Wrapped and bare, or repeated: it is stored in one transaction."""
        events = events_of({"message": {"add": [MESSAGE, MESSAGE]}, "add": [MESSAGE]})
        assert len(events.messages) == 1
        assert events.ignored == {"repeated_message": 2}

    def test_incoming_and_outgoing_messages_of_one_body_are_all_read(self) -> None:
        """Groups may come together."""
        told = MESSAGE | {"id": "b", "author": {"type": "internal", "user_id": "42"}}
        events = events_of({"message": {"add": [MESSAGE]}, "outgoing_message": {"add": [told]}})
        assert [message.author for message in events.messages] == [Author.CUSTOMER, Author.EMPLOYEE]

    @pytest.mark.parametrize(
        ("payload", "ignored"),
        [
            ({"leads": {"status": {"0": {"id": "1"}}, "update": {"0": {}, "1": {}}}}, {"leads": 3}),
            ({"talk": {"update": {"0": {"talk_id": "1"}}}}, {"talk": 1}),
            ({"contacts": {"add": [{"id": "1"}]}}, {"contacts": 1}),
            ({"unsorted": {"add": [{"lead_id": "1"}]}}, {"unsorted": 1}),
            ({"message": {"update": {"0": MESSAGE}}}, {"message_update": 1}),
            ({"message": {"delete": [MESSAGE, MESSAGE]}}, {"message_delete": 2}),
            ({"outgoing_message": {"update": [MESSAGE]}}, {"message_update": 1}),
            ({"message": {"react": [MESSAGE]}}, {"unknown_event": 1}),
            ({"something": {"add": [{}]}, "else": "1"}, {"unknown_event": 2}),
            ({"+79170000000": "1"}, {"unknown_event": 1}),
            ({"message": "text"}, {"unusable_message": 1}),
            ({"message": {"add": "text"}}, {"unusable_message": 1}),
            ({"message": None}, {"unusable_message": 1}),
            ({"message": {"add": []}}, {"empty": 1}),
            ({"account": {"id": "31337000"}}, {"empty": 1}),
            ({}, {"empty": 1}),
        ],
    )
    def test_what_is_not_ours_is_counted_by_a_fixed_word(
        self, payload: dict[str, Any], ignored: dict[str, int]
    ) -> None:
        """No word of the body becomes a metric's or a log's."""
        assert events_of(payload) == ParsedEvents((), ignored)


class TestMovedTalksAndUnsortedLeads:
    """Which lead a message belongs to."""

    CONTACT_ONLY = MESSAGE | {"entity_type": "contact", "element_type": "1", "entity_id": "93589657"}

    def leads(self, messages: list[dict[str, Any]], unsorted: list[dict[str, Any]]) -> list[str | None]:
        """Return the leads of the messages of a body with these unsorted items."""
        events = events_of({"message": {"add": messages}, "unsorted": {"add": unsorted}})
        return [message.chat.deal_id for message in events.messages]

    def test_each_message_carries_the_lead_that_it_names(self) -> None:
        """A talk that moved: the newest message's ids count, and it has its own."""
        moved = MESSAGE | {"id": "b", "entity_id": "5", "element_id": "5"}
        assert self.leads([MESSAGE, moved], []) == ["27754599", "5"]

    @pytest.mark.parametrize(
        "named",
        [
            {"contact_id": "93589657"},
            {"talk_id": "100"},
            {"chat_id": MESSAGE["chat_id"]},
            {"data": {"contacts": {"0": {"id": "93589657"}}}},
            {"data": {"contacts": [{"id": 93589657}]}},
            {},
        ],
    )
    def test_an_unsorted_item_of_the_same_chat_names_the_lead(self, named: dict[str, Any]) -> None:
        """By chat, talk or contact; or, naming none, since there is but one chat."""
        assert self.leads([self.CONTACT_ONLY], [{"lead_id": "5"} | named]) == ["5"]

    @pytest.mark.parametrize(
        "named",
        [
            {"contact_id": "1"},
            {"talk_id": "1"},
            {"chat_id": "other"},
            {"contact_id": "93589657", "talk_id": "1"},
        ],
    )
    def test_an_unsorted_item_of_another_chat_does_not(self, named: dict[str, Any]) -> None:
        """One id that differs is enough."""
        assert self.leads([self.CONTACT_ONLY], [{"lead_id": "5"} | named]) == [None]

    def test_an_unsorted_item_does_not_replace_a_lead_that_is_named(self) -> None:
        """It is a hint, no more."""
        assert self.leads([MESSAGE], [{"lead_id": "5"}]) == ["27754599"]

    def test_two_leads_are_no_hint(self) -> None:
        """Nobody can say which."""
        assert self.leads([self.CONTACT_ONLY], [{"lead_id": "5"}, {"lead_id": "6"}]) == [None]

    def test_the_same_lead_twice_is_one(self) -> None:
        """Two items of one lead."""
        assert self.leads([self.CONTACT_ONLY], [{"lead_id": "5"}, {"lead_id": "5"}]) == ["5"]

    def test_an_item_that_names_nobody_is_no_hint_among_several_chats(self) -> None:
        """It could be either's."""
        other = self.CONTACT_ONLY | {"id": "b", "chat_id": "other"}
        assert self.leads([self.CONTACT_ONLY, other], [{"lead_id": "5"}]) == [None, None]

    @pytest.mark.parametrize(
        "broken", ["", "x", {}, {"add": "x"}, {"add": {"0": "x"}}, {"add": [{"lead_id": "x"}]}, []]
    )
    def test_broken_unsorted_items_are_no_hint(self, broken: Any) -> None:
        """And no crash."""
        events = events_of({"message": {"add": [self.CONTACT_ONLY]}, "unsorted": broken})
        assert events.messages[0].chat.deal_id is None
