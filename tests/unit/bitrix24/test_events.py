"""Every event of events/bitrix24_webhook, as API Gateway hands it to the function."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dealtalk.connections import connection_id
from dealtalk.crm.bitrix24 import inbound
from dealtalk.ingress.signatures import sha256_hex
from dealtalk.messages import Author
from events import bitrix24, build
from tests.unit.ingress.fakes import KEY, KnownConnections, compose, connection

if TYPE_CHECKING:
    from tests.unit.ingress.fakes import ComposedWebhook

FOLDER = Path(build.__file__).parent / "bitrix24_webhook"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
TOKENS = {"v1": bitrix24.CLIENT_ID, "v2": f"custom{bitrix24.BOT_TOKEN}"}


def given(name: str) -> tuple[int, ComposedWebhook]:
    """Return the status of a file's event, and what it was given to: a bot of the interface that it is of."""
    token = TOKENS.get(name[:2], "an-app-s-token")
    options = {"domain": bitrix24.DOMAIN, "application_token_sha256": sha256_hex(token), "bot_id": bitrix24.BOT}
    ours = connection(crm="bitrix24", id=connection_id(KEY), account=bitrix24.DOMAIN, options=options)
    rig = compose(KnownConnections({KEY: ours}), crm="bitrix24", inbound=inbound)
    event: Any = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return rig.status(event), rig


@pytest.mark.parametrize("name", NAMES)
def test_every_event_is_answered_with_200(name: str) -> None:
    """All of them are well-formed and ours."""
    assert given(name)[0] == 200


@pytest.mark.parametrize("name", ["v2_text_plain", "v1_text"])
def test_the_same_words_come_in_every_format(name: str) -> None:
    """Plain or base64, of the older bot or the newer; the text is decoded exactly once."""
    [message] = given(name)[1].intake.messages

    assert message.text == "Здравствуйте! Сколько стоит окно 1300 на 1400 & когда замер? +7 917 000-00-00"


def test_an_operator_s_message_is_the_takeover() -> None:
    """In both formats."""
    authors = {given(name)[1].intake.messages[0].author for name in ("v1_operator", "v2_operator", "v1_wazzup_echo")}

    assert authors == {Author.EMPLOYEE}
