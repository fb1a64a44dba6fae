"""Runs a module as a child of the demo: `python -m local.demo.child MODULE ARGUMENTS...`.

It ends when its standard input ends, so that it never outlives who started it, however that one ended.
"""

from __future__ import annotations

import runpy
import sys
import threading

from local.stack.launcher import end_with_parent


def main() -> None:
    """Watch standard input beside the module's own main."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
