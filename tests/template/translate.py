"""Prints a SAM template as CloudFormation would see it. Runs in the environment `sam`, which the tests do not share."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


def main() -> None:
    """Translate the file named by the first argument to standard output."""
    template = yaml_parse(Path(sys.argv[1]).read_text(encoding="utf-8"))
    for resource in template["Resources"].values():
        for key in {"CodeUri", "ContentUri"} & resource.get("Properties", {}).keys():
            resource["Properties"][key] = "s3://artifacts/key"  # where `sam package` would have put it
    json.dump(transform(template, {}, None), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
