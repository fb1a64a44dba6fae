"""How the names that people and models use are found in the live schema. Ids come from here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from dealtalk.deals import MoveStage, same_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dealtalk.agent.profile import Profile
    from dealtalk.deals import Deal, DealSchema, Pipeline, Stage

SEPARATOR = "/"
ANY_STAGE = "*"


@dataclass(frozen=True, slots=True)
class StagePlace:
    """A stage together with its pipeline."""

    pipeline: Pipeline
    stage: Stage

    @property
    def full_name(self) -> str:
        """`Pipeline / Stage`."""
        return f"{self.pipeline.name} / {self.stage.name}"

    @property
    def move(self) -> MoveStage:
        """The change that puts a deal here."""
        return MoveStage(self.pipeline.id, self.stage.id)


@dataclass(frozen=True, slots=True)
class Target:
    """A stage that the deal may be moved to, under the shortest name that means only it."""

    label: str
    place: StagePlace


def find_stages(name: str, schema: DealSchema, pipeline: Pipeline | None = None) -> list[StagePlace]:
    """Return the stages that `name` can mean: `Pipeline / Stage`, or a stage's own name.

    An own name is looked for in `pipeline` alone where one is given, in all pipelines otherwise. Names may hold slashes
    themselves.
    """
    found = []
    for candidate in schema.pipelines:
        for stage in candidate.stages:
            own = same_name(stage.name, name) and (pipeline is None or candidate.id == pipeline.id)
            if own or any(
                same_name(candidate.name, left) and same_name(stage.name, right) for left, right in _splits(name)
            ):
                found.append(StagePlace(candidate, stage))
    return found


def present_place(schema: DealSchema, deal: Deal) -> StagePlace | None:
    """Return where the deal stands, None where the schema does not know its pipeline or stage."""
    pipeline = schema.pipeline(deal.pipeline_id)
    stage = pipeline.stage(deal.stage_id) if pipeline else None
    return StagePlace(pipeline, stage) if pipeline and stage else None


def works_here(profile: Profile, schema: DealSchema, deal: Deal) -> bool:
    """Return whether the profile lets the bot answer in the deal's present pipeline and stage."""
    here = present_place(schema, deal)
    if here is None:
        return False
    for place in profile.works_in:
        if same_name(place.pipeline, here.pipeline.name) and (
            place.stages is None or any(same_name(name, here.stage.name) for name in place.stages)
        ):
            return True
    return False


def targets(profile: Profile, schema: DealSchema, deal: Deal) -> list[Target]:
    """Return the stages that the profile's graph lets the deal be moved to from where it stands, in its order.

    A name that means two stages or none is left out.
    """
    here = present_place(schema, deal)
    if here is None:
        return []
    found: list[Target] = []
    for name in target_names(profile, schema, here):
        places = find_stages(name, schema, here.pipeline)
        if len(places) != 1 or places[0] == here or any(t.place == places[0] for t in found):
            continue
        place = places[0]
        found.append(Target(place.stage.name if place.pipeline.id == here.pipeline.id else place.full_name, place))
    return found


def target_names(profile: Profile, schema: DealSchema, here: StagePlace) -> list[str]:
    """Return the names of the stages that the profile's graph allows from `here`, as the profile writes them."""
    return [
        name
        for source, names in profile.changes.stages.items()
        if source == ANY_STAGE or here in find_stages(source, schema, here.pipeline)
        for name in names
    ]


def allowed_name(name: str, allowed: Iterable[str]) -> str | None:
    """Return the allowed name that `name` means, in the allow-list's own spelling."""
    return next((known for known in allowed if same_name(known, name)), None)


def nearest(name: str, allowed: Sequence[str], limit: int = 5) -> str:
    """Return a clause that helps with an unknown name: the nearest allowed ones, or all where few."""
    if not allowed:
        return "nothing is allowed here"
    by_folded = {known.casefold(): known for known in allowed}
    close = get_close_matches(name.casefold()[:100], list(by_folded), n=3, cutoff=0.5)
    if close:
        return "did you mean " + " or ".join(f'"{by_folded[known]}"' for known in close) + "?"
    shown = ", ".join(f'"{known}"' for known in allowed[:limit])
    return f"allowed: {shown}" + (" and others" if len(allowed) > limit else "")


def _splits(name: str) -> Iterable[tuple[str, str]]:
    for index, character in enumerate(name):
        if character == SEPARATOR:
            yield name[:index], name[index + 1 :]
