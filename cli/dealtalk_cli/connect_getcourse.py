"""Connect GetCourse: its import API for orders, and the chat beside it by the custom channel's protocol.

What is not given is kept from the earlier connection of the same name, if there is one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dealtalk_cli.asking import secret_from
from dealtalk_cli.connecting.saving import Wanted, replace_connection, save
from dealtalk_cli.custom import looking
from dealtalk_cli.custom.receiver import GETCOURSE
from dealtalk_cli.custom.telling import tell, tell_dry
from dealtalk_cli.errors import Trouble

if TYPE_CHECKING:
    import argparse

    from dealtalk_cli.asking import Asking
    from dealtalk_cli.custom.looking import Looked
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice

TITLE = "GetCourse"
KEY_VARIABLE = "DEALTALK_GETCOURSE_KEY"
_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add GetCourse's options to the custom channel's."""
    school = parser.add_argument_group("the school")
    school.add_argument("--account", help="school of school.getcourse.ru")
    school.add_argument(
        "--api-base", metavar="URL", help="another address of the account: an own domain, a simulator's"
    )
    school.add_argument(
        "--import-key-file", metavar="FILE", help=f"the API's secret key, - for standard input (or {KEY_VARIABLE})"
    )
    looking.add_arguments(parser, GETCOURSE)


def connect(arguments: argparse.Namespace, stack: Stack, voice: Voice, asking: Asking) -> dict[str, object]:
    """Connect the school and return the result for scripts. Raises Trouble and DealtalkError."""
    arguments.name = arguments.name or arguments.account
    looked = looking.look(arguments, stack, voice, asking, GETCOURSE)
    base = _address(arguments, looked, asking)
    key = secret_from(arguments.import_key_file, KEY_VARIABLE, "--import-key-file")
    if key is None and looked.previous is None:
        key = asking.secret("GetCourse's API key", "--import-key-file")
    if arguments.dry_run:
        return tell_dry(looked, voice)
    asking.agree(f"Connect {base} to the {stack.place.name}?")
    given = {"token": looked.token, "import_key": key}
    wanted = Wanted(
        crm=GETCOURSE.crm,
        account=looked.name,
        api_base=base,
        profile_name=looked.profile_name,
        profile_text=looked.profile_text,
        options=looked.options,
        previous=looked.previous,
        secret=_secret(looked, stack, {name: value for name, value in given.items() if value is not None}),
        signing_secret=looked.signing_secret,
    )
    connection = save(wanted, looked.identity, arguments, stack, voice)
    if looked.previous is not None:
        replace_connection(looked.previous.id, connection, stack, forget=arguments.new_key)
    voice.warn("GetCourse's key cannot be tried without changing an order: look at the first change that the bot makes")
    return tell(looked, connection, stack, voice)


def _address(arguments: argparse.Namespace, looked: Looked, asking: Asking) -> str:
    if arguments.api_base:
        return str(arguments.api_base)
    if arguments.account is None and looked.previous is not None:
        return looked.previous.api_base
    account = arguments.account or asking.text("School (of school.getcourse.ru)", "--account")
    if not _ACCOUNT.fullmatch(account):
        raise Trouble("--account is the first part of school.getcourse.ru", "Give another address by --api-base.")
    return f"https://{account}.getcourse.ru"


def _secret(looked: Looked, stack: Stack, given: dict[str, str]) -> dict[str, str] | None:
    """Return the secret with what was given, the rest as it was; None where nothing was."""
    if not given:
        return None
    before = stack.secrets.read(looked.previous.secret) if looked.previous else {}
    return {**before, **given}
