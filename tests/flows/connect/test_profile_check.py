"""`dealtalk profile check`: a profile alone, or against an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.flows.connect.connecting import STACK

if TYPE_CHECKING:
    from tests.flows.connect.connecting import World


def test_a_good_profile_needs_no_stack(russian: World) -> None:
    """Exit code 0, and the bot's name."""
    ran = russian.run("profile", "check", str(russian.profile))
    assert ran.code == 0
    assert "Анна, «Окна Мастер»" in ran.out


def test_a_bad_profile_is_exit_code_1_with_every_problem(russian: World) -> None:
    """Each with file, line and key, also for scripts."""
    ran = russian.run("profile", "check", "--json", russian.file("bad.yaml", "name: Анна\nlanguge: ru\n"))
    assert ran.code == 1
    assert ran.json["usable"] is False
    assert any("bad.yaml:2: languge" in each for each in ran.json["problems"])


def test_a_profile_is_checked_against_a_connected_account(russian: World) -> None:
    """Names that the account lacks make it exit code 1."""
    russian.connected()
    known = [*STACK, "--connection", russian.subdomain]
    assert russian.run("profile", "check", str(russian.profile), *known).code == 0
    text = russian.profile.read_text(encoding="utf-8").replace("Олег", "Ольга")
    ran = russian.run("profile", "check", russian.file("other.yaml", text), *known)
    assert ran.code == 1
    assert 'no active person "Ольга"' in ran.out


def test_a_file_that_is_not_there_is_said(russian: World) -> None:
    """One line."""
    ran = russian.run("profile", "check", "nowhere.yaml")
    assert ran.code == 1
    assert "nowhere.yaml cannot be read" in ran.out
