"""Profiles in the bucket, kept in the process for a minute and asked for again by their ETag."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from dealtalk.agent.profile import Profile, parse_profile
from dealtalk.errors import NeedsAttention, ProfileError, Retryable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dealtalk.ports import Clock

KEEP_SECONDS = 60
NOT_MODIFIED = "304"
MISSING = frozenset({"NoSuchKey", "404", "AccessDenied", "403"})
"""S3 answers 403 for a missing object to who may not list the bucket."""


@dataclass(frozen=True, slots=True)
class _Kept:
    profile: Profile
    etag: str
    until: float


class ProfileStore:
    """Reads profiles by the object's name."""

    def __init__(self, client: S3Client, bucket: str, clock: Clock) -> None:
        self._client = client
        self._bucket = bucket
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    def get(self, name: str) -> Profile:
        """Return the profile, at most a minute old.

        Raises NeedsAttention where it is missing or not usable, Retryable where the bucket does not answer.
        """
        now = self._clock.now().timestamp()
        kept = self._kept.get(name)
        if kept is not None and now < kept.until:
            return kept.profile
        fetched = self._fetch(name, kept)
        self._kept[name] = replace(fetched, until=now + KEEP_SECONDS)
        return fetched.profile

    def _fetch(self, name: str, kept: _Kept | None) -> _Kept:
        unless = {"IfNoneMatch": kept.etag} if kept else {}
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=name, **unless)  # type: ignore[arg-type]
            text = answer["Body"].read().decode("utf-8")
            return _Kept(parse_profile(text, source=name), answer["ETag"], 0)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if kept is not None and code in {NOT_MODIFIED, "NotModified"}:
                return kept
            if code in MISSING:
                msg = f"the profile {name} is not in the bucket"
                raise NeedsAttention(msg) from None
            msg = f"the bucket answered {code}"
            raise Retryable(msg) from None
        except BotoCoreError as error:
            msg = f"the bucket did not answer: {type(error).__name__}"
            raise Retryable(msg) from None
        except UnicodeDecodeError:
            msg = f"the profile {name} is not UTF-8"
            raise NeedsAttention(msg) from None
        except ProfileError as error:
            msg = f"the profile {name} is not usable: {error}"
            raise NeedsAttention(msg) from None
