"""A storm's traffic repeats by its seed, and is as large as it is said to be."""

from __future__ import annotations

from collections import Counter

from tests.storm.running import WHOLE
from tests.storm.traffic import NEVER_RESUMES, RESUMES_AFTER, Size, plan

SIZE = Size(customers=200, accounts=6, seconds=10.0, kills=0)


def test_the_same_seed_gives_the_same_traffic() -> None:
    """Who writes what, when and where is decided by seed and size alone."""
    assert plan(7, SIZE, 3) == plan(7, SIZE, 3)
    assert plan(7, SIZE, 3) != plan(8, SIZE, 3)


def test_every_message_has_a_mark_of_its_own() -> None:
    """A message is known by its first word wherever it is quoted."""
    marks = Counter(text.split()[0] for deed in plan(1, SIZE, 3).deeds for text in deed.texts)
    assert marks.most_common(1)[0][1] == 1


def test_a_whole_storm_is_as_large_as_promised() -> None:
    """2,000 customers write to 40 accounts of every kind, with limits of their own and both rules of resuming."""
    whole = plan(1, WHOLE, 3)
    assert len({deed.customer for deed in whole.deeds}) == 2000
    assert len({deed.account for deed in whole.deeds}) == 40
    assert {account.kind for account in whole.accounts} == {0, 1, 2}
    assert len({account.calls_per_second for account in whole.accounts}) == 3
    assert {account.resume_after_minutes for account in whole.accounts} == {NEVER_RESUMES, RESUMES_AFTER}
    assert any(deed.employee for deed in whole.deeds)
    assert any(len(deed.texts) > 1 for deed in whole.deeds)
