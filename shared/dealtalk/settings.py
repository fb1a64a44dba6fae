"""The environment of a function, read once into one frozen object."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Settings:
    """What template.yaml hands to the functions. Empty where a function is not given a value; times are seconds."""

    table: str
    queue_url: str
    dlq_url: str
    bucket: str
    secrets_prefix: str
    model_base_url: str
    model: str
    model_secret: str
    model_timeout: float
    quiet_seconds: float
    poll_seconds: float
    maximum_concurrency: int

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the settings from `env` (default: the process's environment).

        Raises KeyError where the table's name is missing.
        """
        env = os.environ if env is None else env
        return cls(
            table=env["DEALTALK_TABLE"],
            queue_url=env.get("DEALTALK_QUEUE_URL", ""),
            dlq_url=env.get("DEALTALK_DLQ_URL", ""),
            bucket=env.get("DEALTALK_BUCKET", ""),
            secrets_prefix=env.get("DEALTALK_SECRETS_PREFIX", "dealtalk"),
            model_base_url=env.get("DEALTALK_MODEL_BASE_URL", ""),
            model=env.get("DEALTALK_MODEL", ""),
            model_secret=env.get("DEALTALK_MODEL_SECRET", ""),
            model_timeout=float(env.get("DEALTALK_MODEL_TIMEOUT", "40")),
            quiet_seconds=float(env.get("DEALTALK_QUIET_SECONDS", "4")),
            poll_seconds=float(env.get("DEALTALK_POLL_SECONDS", "5")),
            maximum_concurrency=int(env.get("DEALTALK_MAXIMUM_CONCURRENCY", "0")),
        )
