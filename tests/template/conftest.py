"""The template as written and as translated, for the tests of this folder."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.stack.environments import environment
from local.stack.paths import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]
NO_AWS = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0"}


@dataclass(frozen=True, slots=True)
class Template:
    """The translated template: logical id -> resource."""

    body: Json
    file: Path

    @property
    def resources(self) -> dict[str, Json]:
        """All resources by logical id."""
        resources: dict[str, Json] = self.body["Resources"]
        return resources

    def properties(self, logical_id: str) -> Json:
        """Return one resource's properties."""
        properties: Json = self.resources[logical_id]["Properties"]
        return properties

    def of_type(self, kind: str) -> dict[str, Json]:
        """Return logical id -> properties of all resources of a type."""
        return {k: v["Properties"] for k, v in self.resources.items() if v["Type"] == kind}

    def statements(self, role: str) -> Iterator[Json]:
        """Yield the statements of a role's inline policies, `Action` and `Resource` always as lists."""
        for policy in self.properties(role)["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                yield {**statement, "Action": as_list(statement["Action"]), "Resource": as_list(statement["Resource"])}


def as_list(value: Any) -> list[Any]:
    """Return a policy's value as the list that it stands for."""
    return value if isinstance(value, list) else [value]


@pytest.fixture(scope="session")
def sam_environment() -> Path:
    """Return the `bin` folder of SAM CLI's environment."""
    return environment("sam") / "bin"


@pytest.fixture(scope="session")
def template(sam_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Return template.yaml as CloudFormation sees it."""
    command = [sam_environment / "python", Path(__file__).with_name("translate.py"), PROJECT / "template.yaml"]
    done = subprocess.run(command, env=NO_AWS, check=True, capture_output=True, text=True)
    file = tmp_path_factory.mktemp("template") / "translated.json"
    file.write_text(done.stdout, encoding="utf-8")
    return Template(json.loads(done.stdout), file)
