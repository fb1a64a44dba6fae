"""Runs the stand-in model: `python -m local.model --port 0 --ready-file X`.

The ready file holds the base URL and the model's name as JSON and appears, complete, once the server answers.
"""

from __future__ import annotations

import argparse
import json
import signal
from pathlib import Path
from threading import Event

from local.model.server import MODEL_NAME, EmbeddedModel


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description="The stand-in model behind OpenAI's HTTP API, on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--ready-file", type=Path, help="where the base URL is written once the server answers")
    arguments = parser.parse_args()
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with EmbeddedModel(arguments.port) as model:
        ready = {"base_url": model.base_url, "model": MODEL_NAME}
        if arguments.ready_file:
            partial = arguments.ready_file.with_suffix(".partial")
            partial.write_text(json.dumps(ready), encoding="utf-8")
            partial.replace(arguments.ready_file)
        print(f"stand-in model {MODEL_NAME} at {model.base_url}", flush=True)
        stop.wait()


if __name__ == "__main__":
    main()
