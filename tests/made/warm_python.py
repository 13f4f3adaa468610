"""A Python that has imported what the project uses: `python -m tests.made.warm_python SOCKET` does commands in forks.

For tests that start many processes, each a new one in all but the seconds that imports take: none of this project is
imported. `python` gives the command line that asks it.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Mapping
from pathlib import Path

from satsr.pipeline import notebook, warm

ASK = """
import sys
from pathlib import Path
from satsr.pipeline.warm_door import ask
sys.exit(ask(Path(sys.argv[1]), sys.argv[2:]))
"""


def python(environment: Mapping[str, str]) -> list[str]:
    """Return what to put in place of `python`, before `-m MODULE` or `-c SCRIPT` and arguments.

    Args:
        environment: from `warm_parent`; the command needs it too.
    """
    return [sys.executable, "-c", ASK, environment[warm.DOOR]] if warm.DOOR in environment else [sys.executable]


def run(command: list[str]) -> int:
    """Do as Python does with `-m MODULE` or `-c SCRIPT` and arguments, in the working folder."""
    kind, what, *arguments = command
    sys.path.insert(0, os.getcwd())
    sys.argv = [kind, *arguments]
    if kind == "-m":  # such as papermill, whose kernel is a fork that waits for it
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        for name in [name for name in sys.modules if name.split(".")[0] in ("satsr", "tests")]:
            del sys.modules[name]
        exec(what, {"__name__": "__main__"})
    return 0


if __name__ == "__main__":
    notebook.run_here = run
    warm.leave(warm.serve(Path(sys.argv[1])))
