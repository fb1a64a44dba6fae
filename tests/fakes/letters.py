"""A dead-letter queue in memory."""

from __future__ import annotations


class Letters:
    """See `redrive.DeadLetters`; `bodies` holds what was not deleted, by receipt."""

    def __init__(self, *bodies: str) -> None:
        self.bodies = {str(number): body for number, body in enumerate(bodies)}

    def take(self) -> list[tuple[str, str]]:
        """See `DeadLetters`."""
        return list(self.bodies.items())

    def delete(self, receipt: str) -> None:
        """See `DeadLetters`."""
        del self.bodies[receipt]
