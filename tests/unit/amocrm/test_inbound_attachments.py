"""What a message carries besides its text."""

from __future__ import annotations

from typing import Any

import pytest

from dealtalk.messages import Attachment, AttachmentKind
from tests.unit.amocrm.reading import one


class TestAttachments:
    """What it carries besides text."""

    LINK = "https://amojo.amocrm.ru/attachments/8d5f/voice.ogg"

    @pytest.mark.parametrize("kind", list(AttachmentKind))
    def test_the_messages_type_names_the_kind(self, kind: AttachmentKind) -> None:
        """As Kommo has it since July 2026."""
        message = one(
            text="", message_type=kind.value, attachment={"type": "file", "link": self.LINK, "file_name": "v"}
        )
        assert message.attachments == (Attachment(kind, self.LINK, "v"),)

    @pytest.mark.parametrize(
        ("type_", "kind"),
        [
            ("voice", AttachmentKind.VOICE),
            ("picture", AttachmentKind.PICTURE),
            ("image", AttachmentKind.PICTURE),
            ("document", AttachmentKind.FILE),
            ("hologram", AttachmentKind.FILE),
            ("", AttachmentKind.FILE),
        ],
    )
    def test_else_the_attachments_type_does(self, type_: str, kind: AttachmentKind) -> None:
        """As on amocrm.ru; what nobody knows is a file."""
        assert one(text="", attachment={"type": type_, "link": self.LINK}).attachments[0].kind is kind

    @pytest.mark.parametrize(
        "attachment", [{"type": "", "link": "", "file_name": ""}, "", [], None, "picture", {"0": ""}, {}]
    )
    def test_an_empty_attachment_is_none(self, attachment: Any) -> None:
        """Old accounts post empty fields with every text."""
        assert one(attachment=attachment).attachments == ()

    @pytest.mark.parametrize(
        ("message_type", "kind"),
        [
            ("location", AttachmentKind.LOCATION),
            ("sticker", AttachmentKind.STICKER),
            ("story_reply", AttachmentKind.FILE),
        ],
    )
    def test_a_kind_without_a_file_counts(self, message_type: str, kind: AttachmentKind) -> None:
        """A customer who sent a place or something new gets an answer, not silence."""
        assert one(text="", message_type=message_type).attachments == (Attachment(kind),)

    @pytest.mark.parametrize(
        "url",
        [
            "https://amojo.amocrm.ru/attachments/a.ogg",
            "https://amojo.kommo.com/attachments/a%20b.ogg?x=1",
            "https://drive-b.kommo.com/download/1",
            "https://oknaufa.amocrm.ru/x",
            "https://NAME.amocrm.com/x",
            "https://amojo.amocrm.ru:443/x",
        ],
    )
    def test_a_link_to_the_vendors_hosts_is_kept(self, url: str) -> None:
        """amoCRM's, Kommo's and their file stores."""
        assert one(attachment={"type": "voice", "link": url}).attachments[0].url == url

    @pytest.mark.parametrize(
        "url",
        [
            "http://amojo.amocrm.ru/a",
            "https://evil.example/a",
            "https://amocrm.ru.evil.example/a",
            "https://evilamocrm.ru/a",
            "https://amojo.amocrm.ru@evil.example/a",
            "https://user:pw@amojo.amocrm.ru/a",
            "https://evil.example\\.amocrm.ru/a",
            "https://evil.example#.amocrm.ru/a",
            "https://evil.example/.amocrm.ru/a",
            "https://amojo.amocrm.ru:8080/a",
            "https://amojo.amocrm.ru/a\nb",
            "https://amojo.amocrm.ru/\ud83d",
            "https://amojo.amocrm.ru/" + "a" * 2048,
            "https://[::1]/a",
            "https://169.254.169.254/latest",
            "//amojo.amocrm.ru/a",
            "file:///etc/passwd",
            "javascript:alert(1)",
        ],
    )
    def test_any_other_link_is_dropped_and_the_attachment_kept(self, url: str) -> None:
        """Whoever follows the link later must not be led to a stranger's host."""
        assert one(attachment={"type": "voice", "link": url}).attachments == (Attachment(AttachmentKind.VOICE),)

    def test_several_attachments_are_kept_up_to_ten(self) -> None:
        """A message stays small enough to be stored."""
        many = {str(number): {"type": "picture", "link": self.LINK} for number in range(50)}
        assert len(one(attachment=many).attachments) == 10
