"""What every CRM adapter must show; subclasses give the world that it is shown in."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from dealtalk.deals import (
    AddNote,
    AddTag,
    AddTask,
    Assign,
    FieldKind,
    FieldValue,
    MoveStage,
    Outcome,
    RemoveTag,
    SetField,
    SetPrice,
)
from dealtalk.errors import DealGone, NeedsAttention, OutcomeUnknown, RateLimited
from dealtalk.ports import Certainty

if TYPE_CHECKING:
    from dealtalk.deals import DealSchema, DealUpdate, FieldSchema
    from tests.contract.crm.world import World

BY_KIND: dict[FieldKind, FieldValue] = {
    FieldKind.TEXT: "Уфа, «Центр» & Co 😀",
    FieldKind.NUMBER: Decimal("3.5"),
    FieldKind.CHECKBOX: True,
    FieldKind.DATE: date(2026, 11, 20),
    FieldKind.DATETIME: datetime(2026, 11, 20, 15, 30, tzinfo=UTC),
}


def field_of(schema: DealSchema, kind: FieldKind) -> FieldSchema:
    """Return the first writable field of this kind."""
    return next(each for each in schema.fields if each.kind is kind and not each.read_only)


def value_for(field: FieldSchema) -> FieldValue:
    """Return a value that the field takes."""
    names = tuple(option.name for option in field.options[:2])
    if field.kind is FieldKind.SELECT:
        return names[1]
    return names if field.kind is FieldKind.MULTISELECT else BY_KIND[field.kind]


class CrmContract:
    """Every test gets `world`, a fixture of the subclass."""

    def test_the_schema_names_pipelines_stages_fields_and_people(self, world: World) -> None:
        """Names, ids, options and the won stage are what the policy is checked against."""
        schema = world.crm.read_schema()

        assert len(schema.pipelines) == 2
        assert any(stage.outcome is Outcome.WON for stage in schema.pipelines[0].stages)
        assert field_of(schema, FieldKind.SELECT).options
        assert any(person.active for person in schema.people)
        assert any(not person.active for person in schema.people)

    def test_a_deal_is_read_with_the_ids_of_its_place(self, world: World) -> None:
        """Pipeline, stage and person are ids that the schema knows."""
        deal, schema = world.crm.read_deal(world.deal_id), world.crm.read_schema()

        pipeline = schema.pipeline(deal.pipeline_id)
        assert pipeline is not None
        assert pipeline.stage(deal.stage_id) is not None
        assert schema.person(deal.responsible_id or "") is not None
        assert deal.contact is None

    def test_a_deal_that_is_gone_says_so(self, world: World) -> None:
        """A deleted deal is DealGone, not an empty deal."""
        world.delete_deal()

        with pytest.raises(DealGone):
            world.crm.read_deal(world.deal_id)

    def test_a_stranger_s_deal_cannot_be_read(self, world: World) -> None:
        """The adapter of one account knows nothing of another's deals."""
        with pytest.raises(DealGone):
            world.crm.read_deal(world.strangers_deal)

    def test_the_deal_of_a_chat_is_found(self, world: World) -> None:
        """The message's own deal id is believed."""
        assert world.crm.find_deal(world.chat) == world.deal_id

    @pytest.mark.parametrize(
        "kind",
        [
            FieldKind.TEXT,
            FieldKind.NUMBER,
            FieldKind.SELECT,
            FieldKind.MULTISELECT,
            FieldKind.CHECKBOX,
            FieldKind.DATE,
            FieldKind.DATETIME,
        ],
    )
    def test_a_field_of_each_kind_is_written_and_read_back(self, world: World, kind: FieldKind) -> None:
        """What was written is what a later read returns, as the same type."""
        schema = world.crm.read_schema()
        field = field_of(schema, kind)
        value = value_for(field)

        [result] = world.crm.update_deal(world.crm.read_deal(world.deal_id), [SetField(field.id, value)], schema)

        assert (result.applied, result.refusal) == (True, None)
        assert world.crm.read_deal(world.deal_id).fields[field.id] == value

    def test_several_changes_are_written_together_and_told_in_names(self, world: World) -> None:
        """Stage, price, tag and person in one request; the results speak of names, not ids."""
        schema = world.crm.read_schema()
        deal = world.crm.read_deal(world.deal_id)
        stage = schema.pipelines[0].stages[-2]
        person = next(each for each in schema.people if each.active and each.id != deal.responsible_id)
        wished: list[DealUpdate] = [
            MoveStage(schema.pipelines[0].id, stage.id),
            SetPrice(Decimal(45000)),
            AddTag("ии"),
            Assign(person.id),
        ]

        results = world.crm.update_deal(deal, wished, schema)

        assert [result.applied for result in results] == [True] * 4
        assert results[0].new == f"{schema.pipelines[0].name} / {stage.name}"
        assert [result.new for result in results[1:]] == ["45000", "ии", person.name]
        after = world.crm.read_deal(world.deal_id)
        assert (after.stage_id, after.price, after.tags, after.responsible_id) == (
            stage.id,
            Decimal(45000),
            ("ии",),
            person.id,
        )

    def test_a_deal_is_won_in_the_pipeline_that_was_meant(self, world: World) -> None:
        """The final stage has one id in all pipelines: the pipeline goes with it."""
        schema = world.crm.read_schema()
        other = schema.pipelines[1]
        won = next(stage for stage in other.stages if stage.outcome is Outcome.WON)

        [result] = world.crm.update_deal(world.crm.read_deal(world.deal_id), [MoveStage(other.id, won.id)], schema)

        after = world.crm.read_deal(world.deal_id)
        assert result.applied
        assert (after.pipeline_id, after.stage_id) == (other.id, won.id)

    def test_a_tag_is_taken_off_and_case_means_nothing(self, world: World) -> None:
        """A tag that is there goes, one that never was is no error."""
        schema = world.crm.read_schema()
        world.crm.update_deal(world.crm.read_deal(world.deal_id), [AddTag("VIP")], schema)

        results = world.crm.update_deal(
            world.crm.read_deal(world.deal_id), [RemoveTag("VIP"), RemoveTag("never was")], schema
        )

        assert [result.applied for result in results] == [True, True]
        assert world.crm.read_deal(world.deal_id).tags == ()

    def test_a_lost_answer_to_a_change_is_resolved_by_reading(self, world: World) -> None:
        """Either the change is reported as done because it is, or its outcome is said to be unknown; never refused."""
        schema = world.crm.read_schema()
        deal = world.crm.read_deal(world.deal_id)
        world.lose_answer("update_deal")

        try:
            results = world.crm.update_deal(deal, [SetPrice(Decimal(700))], schema)
        except OutcomeUnknown:
            results = []

        assert all(result.applied for result in results)
        assert world.crm.read_deal(world.deal_id).price == Decimal(700)

    def test_a_note_is_written_once_and_found_by_its_marker(self, world: World) -> None:
        """A settled turn can ask whether its note is there."""
        note, since = AddNote("Customer wants three windows", "m1"), world.now()
        assert world.crm.was_added(world.deal_id, note, since) is Certainty.NO

        result = world.crm.add(world.deal_id, note)

        assert result.applied
        assert result.created_id
        assert world.crm.was_added(world.deal_id, note, since) is Certainty.YES
        assert world.crm.was_added(world.deal_id, AddNote(note.text, "m2"), since) is Certainty.NO
        assert [text.splitlines()[0] for text in world.notes()] == ["Customer wants three windows"]

    def test_a_task_goes_to_the_deal_s_person_where_none_is_named(self, world: World) -> None:
        """A task is somebody's; it is found by its marker too."""
        schema, since = world.crm.read_schema(), world.now()
        deal = world.crm.read_deal(world.deal_id)
        responsible = schema.person(deal.responsible_id or "")
        task = AddTask("Call back", world.now() + timedelta(hours=1), "t1")

        result = world.crm.add(world.deal_id, task)

        assert result.applied
        assert responsible is not None
        assert [(text.splitlines()[0], who) for text, who in world.tasks()] == [("Call back", responsible.name)]
        assert world.crm.was_added(world.deal_id, task, since) is Certainty.YES

    def test_a_note_whose_answer_was_lost_can_be_asked_about(self, world: World) -> None:
        """The outcome is unknown at first, and then known without writing twice."""
        note, since = AddNote("Once only", "m9"), world.now()
        world.lose_answer("add")

        with pytest.raises(OutcomeUnknown):
            world.crm.add(world.deal_id, note)

        assert world.crm.was_added(world.deal_id, note, since) is Certainty.YES

    def test_a_reply_reaches_the_customer_once(self, world: World) -> None:
        """The receipt is confirmed and has an id, or says that it is not confirmed yet."""
        receipt = world.crm.send(world.chat, world.deal_id, "Здравствуйте! Три окна в Уфе — верно?")
        world.pass_time(2)

        assert world.received() == ["Здравствуйте! Три окна в Уфе — верно?"]
        assert receipt.confirmed == (receipt.message_id is not None)

    def test_a_sent_reply_is_seen(self, world: World) -> None:
        """Asked a minute later, the CRM's own words show the message."""
        since = world.now()
        world.crm.send(world.chat, world.deal_id, "Добрый день!")
        world.pass_time(60)

        assert world.crm.was_sent(world.chat, world.deal_id, " добрый  день! ", since) is Certainty.YES

    def test_a_reply_that_was_never_sent_is_not_claimed(self, world: World) -> None:
        """`NO` only where texts can be seen, else `UNKNOWN`; an employee's message is not ours."""
        since = world.now()
        world.employee_writes("Это Олег, сам посчитаю")
        world.pass_time(60)

        expected = Certainty.NO if world.shows_texts else Certainty.UNKNOWN
        assert world.crm.was_sent(world.chat, world.deal_id, "Добрый день!", since) is expected

    def test_a_reply_whose_answer_was_lost_is_never_called_failed(self, world: World) -> None:
        """The error is OutcomeUnknown, and the chat tells what came of it."""
        since = world.now()
        world.lose_answer("send")

        with pytest.raises(OutcomeUnknown):
            world.crm.send(world.chat, world.deal_id, "Сейчас уточню")

        world.pass_time(60)
        assert world.crm.was_sent(world.chat, world.deal_id, "Сейчас уточню", since) is Certainty.YES
        assert world.received() == ["Сейчас уточню"]

    def test_an_employee_s_message_is_noticed_and_ours_is_not(self, world: World) -> None:
        """A takeover is a person's message after the given time."""
        since = world.now()
        world.pass_time(5)
        world.crm.send(world.chat, world.deal_id, "Добрый день!")
        world.pass_time(5)
        assert not world.crm.employee_wrote(world.chat, since)

        world.employee_writes("Это Олег")
        world.pass_time(5)

        assert world.crm.employee_wrote(world.chat, since)
        assert not world.crm.employee_wrote(world.chat, world.now())

    def test_too_many_requests_is_a_rate_limit_with_a_pause(self, world: World) -> None:
        """The caller learns how long nobody may call, and the next try works."""
        world.refuse_requests()

        with pytest.raises(RateLimited) as refused:
            world.crm.read_deal(world.deal_id)

        assert refused.value.after
        assert world.crm.read_deal(world.deal_id).id == world.deal_id

    def test_a_dead_token_needs_attention(self, world: World) -> None:
        """A withdrawn token is the integrator's matter, not a retry."""
        world.kill_token()

        with pytest.raises(NeedsAttention):
            world.crm.read_deal(world.deal_id)

    def test_a_chat_is_left_to_a_person_as_often_as_it_is_said(self, world: World) -> None:
        """A crash repeats it; nothing is sent to the customer by it."""
        world.crm.leave_to_person(world.chat)
        world.crm.leave_to_person(world.chat)

        assert world.received() == []
