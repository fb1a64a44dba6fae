"""A deterministic stand-in for a language model behind OpenAI's HTTP API: a very simple seller who works by rules.

It exists so that the system can be run and tested without a model, an account or a network. It says what it is: its
model name is `dealtalk-stand-in`. The quality of answers is never judged with it.
"""

from __future__ import annotations

from local.model.faults import Fault
from local.model.server import MODEL_NAME, EmbeddedModel

__all__ = ["MODEL_NAME", "EmbeddedModel", "Fault"]
