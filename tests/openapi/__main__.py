"""`make openapi`: schemathesis posts what docs/openapi-custom.yaml allows and what it does not to the real webhook."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import tempfile
from pathlib import Path

from events import custom
from events.http_api import KEY
from local.stack.environments import ToolMissingError, environment
from local.stack.paths import PROJECT
from tests.openapi.serving import serving

DOCUMENT = PROJECT / "docs" / "openapi-custom.yaml"
CHECKS: tuple[str, ...] = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "positive_data_acceptance",
    "ignored_auth",
)
"""Not that whatever the document does not allow is refused: an optional field of another type is ignored, since a
customer's message counts more than a field beside it. What must be refused, tests/unit/custom/test_inbound.py says.
"""
SETTINGS = f"""
[parameters]
"path.connection" = "{KEY}"
"""
"""Every request goes to the one connection that there is: strangers' keys are tests/security's matter."""


def main() -> int:
    """Run it; 0 where document and code agree."""
    try:
        tool = environment("openapi") / "bin" / "schemathesis"
    except (ToolMissingError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"The environment of schemathesis is not there: {error}\n")
        return 1
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()), serving() as base:
        settings = Path(folder) / "schemathesis.toml"
        settings.write_text(SETTINGS, encoding="utf-8")
        command: list[str | Path] = [
            tool,
            "--config-file",
            settings,
            "run",
            DOCUMENT,
            "--url",
            base,
            "--checks",
            ",".join(CHECKS),
        ]
        header = f"Authorization: Bearer {custom.TOKEN}"
        options = [
            "--header",
            header,
            "--max-examples",
            "300",
            "--seed",
            "20261122",
            "--phases",
            "examples,coverage,fuzzing",
        ]
        done = subprocess.run([*command, *options, "--warnings", "off", *sys.argv[1:]], cwd=folder, check=False)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
