"""CRMs are found by their modules."""

from __future__ import annotations

import pytest

from dealtalk_cli import registry


def test_each_crm_has_a_connector_and_a_doctor() -> None:
    """Adding a CRM is adding two modules."""
    assert "amocrm" in registry.crms()
    for crm in registry.crms():
        assert registry.connector(crm).TITLE
        assert callable(registry.doctor(crm).examine)


def test_help_names_every_option_that_a_script_needs(capsys: pytest.CaptureFixture[str]) -> None:
    """And no option takes a token on the command line."""
    from dealtalk_cli.main import main  # noqa: PLC0415 (it is the subject)

    with pytest.raises(SystemExit) as left:
        main(["connect", "amocrm", "--help"])
    shown = capsys.readouterr().out
    assert left.value.code == 0
    for option in ("--token-file", "--profile", "--api-base", "--json", "--local", "--stack", "--dry-run"):
        assert option in shown
    assert "--token " not in shown
