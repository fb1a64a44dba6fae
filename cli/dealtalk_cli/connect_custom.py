"""Connect a CRM of one's own by the custom channel's protocol: try its receiver, write, tell what is left to do.

What is not given is kept from the earlier connection of the same name, if there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.crm.custom.options import custom_options
from dealtalk_cli.connecting.saving import Wanted, replace_connection, save
from dealtalk_cli.custom.looking import add_arguments, look
from dealtalk_cli.custom.telling import tell, tell_dry

if TYPE_CHECKING:
    import argparse

    from dealtalk_cli.asking import Asking
    from dealtalk_cli.stack import Stack
    from dealtalk_cli.voice import Voice

__all__ = ["TITLE", "add_arguments", "connect"]

TITLE = "a CRM of one's own"


def connect(arguments: argparse.Namespace, stack: Stack, voice: Voice, asking: Asking) -> dict[str, object]:
    """Connect the CRM and return the result for scripts. Raises Trouble and DealtalkError."""
    looked = look(arguments, stack, voice, asking)
    if arguments.dry_run:
        return tell_dry(looked, voice)
    asking.agree(f"Connect {looked.name} ({looked.options['callback_url']}) to the {stack.place.name}?")
    wanted = Wanted(
        crm=looked.kind.crm,
        account=looked.name,
        api_base=custom_options(looked.options).callback_base,
        profile_name=looked.profile_name,
        profile_text=looked.profile_text,
        options=looked.options,
        previous=looked.previous,
        secret=None if looked.token is None else {"token": looked.token},
        signing_secret=looked.signing_secret,
    )
    connection = save(wanted, looked.identity, arguments, stack, voice)
    if looked.previous is not None:
        replace_connection(looked.previous.id, connection, stack, forget=arguments.new_key)
    return tell(looked, connection, stack, voice)
