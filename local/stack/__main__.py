"""`python -m local.stack`: up, down, serve, build, validate, lock."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import threading

from local.stack import background, locks, sam, stack
from local.stack.emulator import EmulatorError
from local.stack.environments import ToolMissingError


def main() -> int:
    """Run one command; 0 when it worked."""
    parser = argparse.ArgumentParser(prog="python -m local.stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("up", "start the stack in the background"), ("serve", "run the bare stack until Ctrl-C")):
        command = commands.add_parser(name, help=text)
        command.add_argument("--model-base-url", help="base URL of an OpenAI-compatible endpoint")
        command.add_argument("--model", help="the model's name there")
        command.add_argument("--auth", action="store_true", help="enforce the functions' roles")
        if name == "up":
            command.add_argument("--crm", help="the CRM that is simulated beside it: amocrm, ...")
    commands.add_parser("down", help="stop what `up` started")
    command = commands.add_parser("build", help="sam build for AWS, plus bytecode")
    command.add_argument("parameters", nargs="*", metavar="NAME=VALUE", help="parameters of the template")
    commands.add_parser("validate", help="sam validate --lint")
    commands.add_parser("lock", help="write the locks anew")
    arguments = parser.parse_args()
    try:
        return run(arguments)
    except (sam.SamError, EmulatorError, ToolMissingError, background.BackgroundError) as error:
        print(error, file=sys.stderr)
    except subprocess.CalledProcessError as error:
        print(f"{error.cmd[0]} failed with {error.returncode}", file=sys.stderr)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
    return 1


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen command."""
    match arguments.command:
        case "up":
            return background.up(options(arguments))
        case "down":
            return background.down()
        case "serve":
            return serve(arguments)
        case "build":
            print(sam.build_for_aws(dict(given.split("=", 1) for given in arguments.parameters)))
        case "validate":
            sam.sam("sam-validate", ["validate", "--lint", "--region", "us-east-1"])
        case "lock":
            locks.write()
    return 0


def options(arguments: argparse.Namespace) -> list[str]:
    """Return the options as they were given, for the process in the background."""
    given = [("--model-base-url", arguments.model_base_url), ("--model", arguments.model), ("--crm", arguments.crm)]
    return [word for name, value in given if value for word in (name, value)] + ["--auth"] * arguments.auth


def serve(arguments: argparse.Namespace) -> int:
    """Run the stack without simulators or page until it is told to stop."""
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    base_url, model = arguments.model_base_url or stack.NO_MODEL, arguments.model or "none"
    try:
        with stack.up(base_url, model, auth=arguments.auth) as running:
            stack.publish(running.describe())
            told.wait()
    finally:
        stack.withdraw()
    return 0


if __name__ == "__main__":
    sys.exit(main())
