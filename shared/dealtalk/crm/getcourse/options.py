"""What a connection to GetCourse can be told in its `options`, beside the custom channel's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dealtalk.crm.option_values import flag, read_options

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = frozenset({"email_field", "comments"})


@dataclass(frozen=True, slots=True)
class GetcourseOptions:
    """The adapter's own settings for one connection.

    `email_field`: the contact's field with the customer's e-mail, by which GetCourse knows people.
    `comments`: notes and tasks become comments of the order [unverified: whether a comment is added or replaced].
    """

    email_field: str = "email"
    comments: bool = True


def getcourse_options(given: Mapping[str, Any]) -> GetcourseOptions:
    """Return the settings of a connection. Raises NeedsAttention with the key that cannot be read."""
    own = {name: value for name, value in given.items() if name in NAMES}
    return read_options(GetcourseOptions, own, {"email_field": str, "comments": flag}, crm="GetCourse")
