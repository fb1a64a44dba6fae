"""The three families of failure that decide a doorbell's fate, and the few precise kinds inside them.

Adapters translate a vendor's errors into these; one place (`responder`) handles them. No message of these errors ever
quotes a customer's text, a name, a phone, a token or a URL with a secret in it.
"""

from __future__ import annotations


class DealtalkError(Exception):
    """What all errors of Dealtalk have in common."""


class Retryable(DealtalkError):
    """The same work may succeed later.

    `after` is the wished wait in seconds, None where the CRM or model named none.
    """

    def __init__(self, message: str, *, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class RateLimited(Retryable):
    """The vendor said "too many requests" or banned us for a while.

    Nobody may call this account before `after` is over.
    """


class Booked(Retryable):
    """The account's calls are reserved for a while by other conversations.

    Nothing failed: the conversation comes back in some seconds, and no receive of its doorbell is burnt.
    """


class CrmUnavailable(Retryable):
    """The CRM cannot be reached, does not answer in time, or answers with a fault of its own (5xx)."""


class ModelUnavailable(Retryable):
    """Neither the model nor its fallback answered: timeout, 429, 5xx, nonsense."""


class OutcomeUnknown(CrmUnavailable):
    """A request left this machine and no answer came.

    It may or may not have acted, so it must be asked about, never resent blindly.
    """


class LimitedAfterWrite(RateLimited, OutcomeUnknown):
    """A change was sent, and "too many requests" kept us from seeing what came of it.

    It must be asked about, once the account may be called again.
    """


class Permanent(DealtalkError):
    """Trying again cannot help."""


class NeedsAttention(Permanent):
    """The connection itself is broken (dead token, missing right, unpaid account).

    The integrator must act, messages wait.
    """


class DealGone(Permanent):
    """The deal that a conversation is bound to does not exist or may not be seen any more."""


class ChangeRefused(Permanent):
    """The CRM or the policy refused a deal change; the message is a sentence that the model can use."""


class NeedsHuman(DealtalkError):
    """The bot must not or cannot answer; a person is told by a note and a task, and the bot pauses.

    The message is the reason.
    """


class ProfileError(DealtalkError):
    """A bot's profile is not usable; the message names the file, the line and the key."""
