"""The files of a message, in the shapes in which Bitrix24 has been seen to name them. Standard library only."""

from __future__ import annotations

import re
from typing import Any

from dealtalk.ingress.values import number_id, one_line, scalar
from dealtalk.messages import Attachment, AttachmentKind

MAX_ATTACHMENTS = 10
MAX_URL = 2048
MAX_NAME = 200

_DISK = re.compile(r"\[disk=([0-9]{1,20})\]", re.IGNORECASE)
_BY_ENDING = {
    **dict.fromkeys(("jpg", "jpeg", "png", "gif", "webp", "heic", "bmp"), AttachmentKind.PICTURE),
    **dict.fromkeys(("ogg", "oga", "opus"), AttachmentKind.VOICE),
    **dict.fromkeys(("mp3", "wav", "m4a", "aac"), AttachmentKind.AUDIO),
    **dict.fromkeys(("mp4", "mov", "avi", "webm", "3gp"), AttachmentKind.VIDEO),
}
_BY_TYPE = {
    "image": AttachmentKind.PICTURE,
    "video": AttachmentKind.VIDEO,
    "audio": AttachmentKind.AUDIO,
}


def attachments_of(described: Any, ids: Any, text: str, domain: object) -> tuple[Attachment, ...]:  # noqa: ANN401 (raw values)
    """Return what a message carries: files that are described (by id or in a list), else bare ids, else BB tags.

    A link is kept only where it leads to the portal's own `domain`; links that need a session lead to a login page, but
    a person can follow them.
    """
    rows = [row for row in _values(described) if isinstance(row, dict)]
    if rows:
        return tuple(_file(row, scalar(domain)) for row in rows[:MAX_ATTACHMENTS])
    bare = [each for each in _values(ids) if number_id(each)] or _DISK.findall(text)
    return tuple(Attachment(AttachmentKind.FILE) for _ in bare[:MAX_ATTACHMENTS])


def _file(row: dict[str, Any], domain: str) -> Attachment:
    name = one_line(row.get("name") or row.get("NAME"), MAX_NAME)
    ending = name.rpartition(".")[2].lower() if name else ""
    kind = _BY_ENDING.get(ending) or _BY_TYPE.get(scalar(row.get("type")).strip().lower(), AttachmentKind.FILE)
    link = next((scalar(row.get(key)).strip() for key in ("urlShow", "urlDownload", "link") if row.get(key)), "")
    own = domain and re.fullmatch(rf"https://{re.escape(domain)}(?:[/?][^\\\x00-\x20\x7f-\xa0\ud800-\udfff]*)?", link)
    return Attachment(kind=kind, url=link if own and len(link) <= MAX_URL else None, file_name=name)


def _values(group: Any) -> list[Any]:  # noqa: ANN401 (raw values)
    if isinstance(group, dict):
        return list(group.values())
    if isinstance(group, list):
        return group
    return [group] if group else []
