"""The simulation can fail: each rule that is taken out of the code breaks an invariant."""

from __future__ import annotations

import pytest

from tests.faults.mutations.mutation import Mutation, first_caught, mutated
from tests.faults.mutations.rules import MUTATIONS


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_rule_that_is_taken_out_breaks_an_invariant(mutation: Mutation) -> None:
    """It does so within the mutation's number of seeds, and in one of the invariants that it names."""
    assert first_caught(mutation) is not None


def test_a_mutation_whose_code_has_changed_is_told_as_such() -> None:
    """A rule that moved is not silently left untried."""
    gone = Mutation("gone", "dealtalk.settle:Settler._believe_no", "no such piece", "", frozenset({2}), ())
    with pytest.raises(ValueError, match="holds the piece 0 times"), mutated(gone):
        pass
