"""Bots' profiles: read from a file, checked, put into the bucket."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from dealtalk.agent.profile import parse_profile
from dealtalk.agent.profile_store import ProfileStore
from dealtalk.errors import ProfileError
from dealtalk_cli.errors import Trouble
from dealtalk_cli.place import aws_calls

if TYPE_CHECKING:
    from dealtalk.agent.profile import Profile
    from dealtalk.ports import Clock
    from dealtalk_cli.place import Place
    from dealtalk_cli.voice import Voice

FOLDER = "profiles"
_ABSENT = frozenset({"NoSuchKey", "404"})


def read_profile(file: str, voice: Voice) -> tuple[Profile, str]:
    """Return a file's profile and its text. Raises Trouble after every problem was printed."""
    try:
        text = Path(file).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Trouble(f"the profile {file} is not UTF-8") from None
    except OSError as error:
        raise Trouble(f"the profile {file} cannot be read: {error.strerror}") from None
    try:
        return parse_profile(text, source=file), text
    except ProfileError as error:
        problems = str(error).splitlines()
        for problem in problems:
            voice.line(f"✗ {problem}")
        count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise Trouble(
            f"the profile {file} has {count}", "docs/profile.md describes every key.", details=problems
        ) from None


class ProfileBucket:
    """The stack's profiles. All methods raise Trouble."""

    def __init__(self, place: Place, clock: Clock) -> None:
        self._client: Any = place.client("s3")
        self._bucket = place.bucket
        self.store = ProfileStore(self._client, place.bucket, clock)

    @staticmethod
    def name_of(file: str) -> str:
        """Return the name in the bucket of a profile's file."""
        return f"{FOLDER}/{Path(file).stem}.yaml"

    def upload(self, name: str, text: str) -> str:
        """Put the profile into the bucket and return what that was: new, replaced or unchanged."""
        before = self._text(name)
        if before == text:
            return "unchanged"
        with aws_calls("put the profile into the bucket"):
            self._client.put_object(
                Bucket=self._bucket, Key=name, Body=text.encode(), ContentType="application/yaml; charset=utf-8"
            )
        return "new" if before is None else "replaced"

    def _text(self, name: str) -> str | None:
        with aws_calls("read the bucket of profiles"):
            try:
                raw: bytes = self._client.get_object(Bucket=self._bucket, Key=name)["Body"].read()
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in _ABSENT:
                    return None
                raise
        return raw.decode("utf-8", "replace")
