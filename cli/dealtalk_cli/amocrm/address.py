"""The account's address: subdomain and platform, as people write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dealtalk.crm.amocrm.options import PLATFORMS
from dealtalk.crm.http import checked_base
from dealtalk_cli.errors import Trouble

if TYPE_CHECKING:
    import argparse

    from dealtalk_cli.asking import Asking

_SUBDOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Address:
    """Where the account is; `api_base` is a simulator's address where one was given."""

    subdomain: str
    platform: str
    api_base: str

    @property
    def host(self) -> str:
        """What people call the account's address."""
        return urlsplit(self.api_base).netloc + urlsplit(self.api_base).path


def read_address(arguments: argparse.Namespace, asking: Asking) -> Address:
    """Return the account's address. Raises Trouble."""
    subdomain, platform = split_address(arguments.subdomain or asking.text("Subdomain", "--subdomain"))
    if platform and arguments.platform and platform != arguments.platform:
        raise Trouble(f"--subdomain names {platform} and --platform {arguments.platform}")
    platform = platform or arguments.platform or asking.text(f"Platform, {' or '.join(PLATFORMS)}", "--platform")
    if platform not in PLATFORMS:
        raise Trouble(f"--platform is {' or '.join(PLATFORMS)}")
    try:
        api_base = checked_base(arguments.api_base or f"https://{subdomain}.{platform}")
    except ValueError as error:
        raise Trouble(f"--api-base: {error}", "http is for this machine only.") from None
    return Address(subdomain, platform, api_base)


def split_address(given: str) -> tuple[str, str | None]:
    """Return subdomain and platform of "oknaufa", "oknaufa.amocrm.ru" or a page's address. Raises Trouble."""
    text = given.strip().lower()
    host = (urlsplit(text).hostname if "//" in text else text.split("/", 1)[0]) or ""
    platform = next((name for name in PLATFORMS if host.endswith(f".{name}")), None)
    subdomain = host.removesuffix(f".{platform}") if platform else host
    if not _SUBDOMAIN.fullmatch(subdomain) or subdomain == "www":
        raise Trouble("--subdomain is the first part of the account's address", "It is oknaufa for oknaufa.amocrm.ru.")
    return subdomain, platform
