"""How amoCRM's adapter reads and changes leads: what it asks for, and how refusals are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from dealtalk.deals import AddNote, AddTag, AddTask, Assign, FieldKind, MoveStage, SetField, SetPrice
from dealtalk.errors import NeedsAttention, OutcomeUnknown, Permanent, RateLimited, Retryable
from dealtalk.ports import Certainty
from tests.contract.crm.suite import field_of

if TYPE_CHECKING:
    from dealtalk.deals import DealUpdate
    from tests.contract.crm.amocrm_world import AmocrmWorld


def test_a_schema_of_many_fields_is_read_to_its_last_page(amocrm: AmocrmWorld) -> None:
    """The vendor gives 50 fields a page; the last one is known too."""
    template = next(iter(amocrm.account.fields.values()))
    for number in range(120):
        extra = replace(template, id=900_000 + number, name=f"Extra {number}", enums=None)
        amocrm.account.fields[extra.id] = extra

    schema = amocrm.crm.read_schema()

    assert schema.fields_named("Extra 119")
    assert len(schema.fields) == len({field.id for field in schema.fields})


def test_a_new_stage_is_in_the_next_schema(amocrm: AmocrmWorld) -> None:
    """Nothing of the schema is remembered by the adapter itself."""
    before = amocrm.crm.read_schema().pipelines[0].stages
    pipeline = next(iter(amocrm.account.pipelines.values()))
    pipeline.statuses.append(replace(pipeline.statuses[1], id=777, name="Новый этап", sort=35))

    after = amocrm.crm.read_schema().pipelines[0].stages

    assert {stage.name for stage in after} - {stage.name for stage in before} == {"Новый этап"}


def test_an_archived_pipeline_is_not_offered(amocrm: AmocrmWorld) -> None:
    """Its name may be another's by now."""
    list(amocrm.account.pipelines.values())[1].is_archive = True

    assert len(amocrm.crm.read_schema().pipelines) == 1


def test_computed_and_foreign_fields_are_read_only(amocrm: AmocrmWorld) -> None:
    """Tracking data and company details are shown, never written."""
    schema = amocrm.crm.read_schema()
    [tracking], [company] = schema.fields_named("utm_source"), schema.fields_named("Реквизиты")

    assert tracking.read_only
    assert company.kind is FieldKind.UNSUPPORTED


def test_contact_fields_are_asked_for_only_where_the_option_says_so(amocrm: AmocrmWorld) -> None:
    """Without the option three calls; with it the phone field is known."""
    plain = amocrm.open()
    plain.read_schema()
    asked = amocrm.open(contact_fields=True).read_schema()

    assert plain.calls == 3
    assert any(field.code == "PHONE" for field in asked.contact_fields)


def test_the_main_contact_comes_with_name_and_phones(amocrm: AmocrmWorld) -> None:
    """Several phones are a tuple; one call more than the lead alone."""
    contact = amocrm.account.contacts[int(amocrm.chat.contact_id or 0)]
    phone = next(field for field in amocrm.account.fields.values() if field.code == "PHONE")
    contact.values[phone.id] = [{"value": "+79990000001"}, {"value": "+79990000002"}]

    deal = amocrm.crm.read_deal(amocrm.deal_id, with_contact=True)

    assert deal.contact is not None
    assert deal.contact.fields[str(phone.id)] == ("+79990000001", "+79990000002")
    assert amocrm.crm.calls == 2


@pytest.mark.parametrize("deal_id", ["../users", "1/notes", "-1", "", "٣", "1" * 30])
def test_an_id_that_is_no_number_never_enters_a_path(amocrm: AmocrmWorld, deal_id: str) -> None:
    """Ids come from outside: only digits are asked for, and no request is sent otherwise."""
    with pytest.raises(Permanent):
        amocrm.crm.read_deal(deal_id)

    assert amocrm.calls() == []


def test_an_address_that_answers_for_another_account_needs_attention(amocrm: AmocrmWorld) -> None:
    """The lead names its account: a stored address that leads elsewhere is found out before anything is written."""
    stranger = replace(amocrm.connection(), account="1")
    crm = amocrm.open()
    crm._api._account = stranger.account

    with pytest.raises(NeedsAttention, match="another account"):
        crm.read_deal(amocrm.deal_id)


def test_one_bad_value_among_several_is_told_to_its_change_and_nothing_is_written(amocrm: AmocrmWorld) -> None:
    """The refused one gets its reason, the others hear that they were not written because of it."""
    schema = amocrm.crm.read_schema()
    deal = amocrm.crm.read_deal(amocrm.deal_id)
    inactive = next(person for person in schema.people if not person.active)
    changes: list[DealUpdate] = [SetPrice(Decimal(100)), Assign(inactive.id), AddTag("ии")]

    results = amocrm.crm.update_deal(deal, changes, schema)

    assert [result.applied for result in results] == [False, False, False]
    assert "not among those that are allowed" in (results[1].refusal or "")
    assert all("another change" in (results[i].refusal or "") for i in (0, 2))
    assert amocrm.crm.read_deal(amocrm.deal_id) == deal


def test_a_field_s_refusal_is_found_by_its_place_in_the_request(amocrm: AmocrmWorld) -> None:
    """The vendor names `custom_fields_values.1.…`; that is the second field change, not the second change."""
    schema = amocrm.crm.read_schema()
    good, bad = schema.fields_named("Город")[0], schema.fields_named("Товар")[0]
    stale = replace(bad, id="424242", name="Gone")
    schema = replace(schema, fields=(*schema.fields, stale))
    changes: list[DealUpdate] = [SetPrice(Decimal(1)), SetField(good.id, "Уфа"), SetField(stale.id, "x")]

    results = amocrm.crm.update_deal(amocrm.crm.read_deal(amocrm.deal_id), changes, schema)

    assert "not among those" in (results[2].refusal or "")
    assert "another change" in (results[1].refusal or "")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (SetPrice(Decimal("10.5")), "whole units"),
        (SetField("1", "x"), "no such field"),
        (MoveStage("x", "y"), "no such id"),
    ],
)
def test_what_cannot_be_written_is_refused_before_any_call(amocrm: AmocrmWorld, change: DealUpdate, words: str) -> None:
    """A sentence for the model, and no request that would fail."""
    schema, deal = amocrm.crm.read_schema(), amocrm.crm.read_deal(amocrm.deal_id)
    before = amocrm.crm.calls

    [result] = amocrm.crm.update_deal(deal, [change], schema)

    assert words in (result.refusal or "")
    assert amocrm.crm.calls == before


def test_an_option_that_does_not_exist_is_named(amocrm: AmocrmWorld) -> None:
    """Selects are written by the option's id; an unknown name never reaches the CRM."""
    schema = amocrm.crm.read_schema()
    field = field_of(schema, FieldKind.SELECT)

    [result] = amocrm.crm.update_deal(amocrm.crm.read_deal(amocrm.deal_id), [SetField(field.id, "Бронзовый")], schema)

    assert "Бронзовый" in (result.refusal or "")


def test_a_value_that_the_crm_did_not_keep_is_not_claimed(amocrm: AmocrmWorld) -> None:
    """200 is not enough: a robot of the account set another price before the read-back."""
    schema = amocrm.crm.read_schema()
    deal = amocrm.crm.read_deal(amocrm.deal_id)
    amocrm.simulator.fault(
        "status", amocrm.account.subdomain, method="PATCH", status=200, body={"id": int(amocrm.deal_id)}, count=1
    )

    [result] = amocrm.crm.update_deal(deal, [SetPrice(Decimal(500))], schema)

    assert not result.applied
    assert "does not show this value" in (result.refusal or "")


def test_changes_cost_one_write_and_one_read_however_many(amocrm: AmocrmWorld) -> None:
    """PATCH and read-back; note and task one each, the person known from the read."""
    schema = amocrm.crm.read_schema()
    deal = amocrm.crm.read_deal(amocrm.deal_id)
    before = amocrm.crm.calls
    amocrm.crm.update_deal(deal, [SetPrice(Decimal(1)), AddTag("a"), AddTag("b")], schema)
    changed = amocrm.crm.calls
    amocrm.crm.add(amocrm.deal_id, AddNote("n", "m"))
    amocrm.crm.read_deal(amocrm.deal_id)
    amocrm.crm.add(amocrm.deal_id, AddTask("t", amocrm.now() + timedelta(hours=1), "t"))

    assert changed - before == 2
    assert amocrm.crm.calls - changed == 3


def test_an_unanswered_change_that_did_not_happen_stays_unknown(amocrm: AmocrmWorld) -> None:
    """The request may still be under way, so a read that shows the old value proves nothing."""
    schema = amocrm.crm.read_schema()
    deal = amocrm.crm.read_deal(amocrm.deal_id)
    amocrm.simulator.fault("drop_before", amocrm.account.subdomain, method="PATCH", count=1)

    with pytest.raises(OutcomeUnknown):
        amocrm.crm.update_deal(deal, [SetPrice(Decimal(5))], schema)


def test_a_write_that_cannot_be_read_back_is_of_unknown_outcome(amocrm: AmocrmWorld) -> None:
    """Never "done" without having seen it."""
    schema = amocrm.crm.read_schema()
    deal = amocrm.crm.read_deal(amocrm.deal_id)
    amocrm.simulator.fault("status", amocrm.account.subdomain, method="GET", status=502)

    with pytest.raises(OutcomeUnknown):
        amocrm.crm.update_deal(deal, [SetPrice(Decimal(5))], schema)


def test_a_read_back_that_is_refused_with_429_leaves_the_outcome_unknown_and_the_account_alone(
    amocrm: AmocrmWorld,
) -> None:
    """The change is there: it must be settled by asking, after the pause that everybody keeps."""
    schema = amocrm.crm.read_schema()
    deal = amocrm.crm.read_deal(amocrm.deal_id)
    amocrm.simulator.fault("status", amocrm.account.subdomain, method="GET", status=429, count=1)

    with pytest.raises(OutcomeUnknown) as refused:
        amocrm.crm.update_deal(deal, [SetPrice(Decimal(5))], schema)

    assert isinstance(refused.value, RateLimited)
    assert refused.value.after
    assert amocrm.crm.read_deal(amocrm.deal_id).price == Decimal(5)


def test_a_read_is_tried_once_more_where_the_connection_was_cut(amocrm: AmocrmWorld) -> None:
    """One dropped connection costs a call, two end the turn's try."""
    amocrm.simulator.fault("drop_before", amocrm.account.subdomain, method="GET", count=1)
    assert amocrm.crm.read_deal(amocrm.deal_id).id == amocrm.deal_id

    amocrm.simulator.fault("drop_before", amocrm.account.subdomain, method="GET", count=2)
    with pytest.raises(Retryable):
        amocrm.crm.read_deal(amocrm.deal_id)


def test_a_marker_is_a_line_of_its_own(amocrm: AmocrmWorld) -> None:
    """A note that only quotes another's marker is not that note."""
    note = AddNote("text", "m1")
    amocrm.crm.add(amocrm.deal_id, AddNote("quotes #dt:m1 in its text", "m2"))

    assert amocrm.crm.was_added(amocrm.deal_id, note, amocrm.now()) is Certainty.NO
    assert amocrm.notes() == ["quotes #dt:m1 in its text\n#dt:m2"]


def test_the_talk_names_the_deal_where_the_message_did_not(amocrm: AmocrmWorld) -> None:
    """A talk that moved to another lead is followed: nothing is cached."""
    chat = replace(amocrm.chat, deal_id=None)
    assert amocrm.crm.find_deal(chat) == amocrm.deal_id

    moved = amocrm.simulator.move_talk(amocrm.account.subdomain, amocrm.chat_id)

    assert amocrm.crm.find_deal(chat) == str(moved)


def test_a_contact_with_one_open_deal_names_it(amocrm: AmocrmWorld) -> None:
    """Closed deals do not count; the option switches the search off."""
    chat = replace(amocrm.chat, deal_id=None, talk_id=None)
    assert amocrm.crm.find_deal(chat) == amocrm.deal_id
    assert amocrm.open(lead_from_contact=False).find_deal(chat) is None

    amocrm.account.leads[int(amocrm.deal_id)].status_id = 143

    assert amocrm.crm.find_deal(chat) is None


def test_two_open_deals_are_ambiguous(amocrm: AmocrmWorld) -> None:
    """Nothing is guessed."""
    amocrm.simulator.move_talk(amocrm.account.subdomain, amocrm.chat_id)

    assert amocrm.crm.find_deal(replace(amocrm.chat, deal_id=None, talk_id=None)) is None


def test_a_chat_of_a_contact_alone_has_no_deal(amocrm: AmocrmWorld) -> None:
    """A talk without an entity and a contact without leads: None."""
    chat_id, _ = amocrm.simulator.open_chat(amocrm.account.subdomain, kind="contact")
    talk = next(t for t in amocrm.account.talks.values() if t.chat_id == chat_id)

    assert amocrm.crm.find_deal(replace(amocrm.chat, deal_id=None, contact_id=None, talk_id=str(talk.talk_id))) is None
