"""Put first on PYTHONPATH, this lets every process of a stage say which modules it has run.

It says so when it ends, and twice a second before: on a busy machine Jupyter kills a kernel that does not end in time.

One file per process in `$MODULES_SEEN`: the stage, and the modules of this project. The notebook runner is none of
them; a kernel is, whether it was started or forked.
"""

import atexit
import json
import os
import sys
import threading
import time
from pathlib import Path

PAUSE_S = 0.5


def tell(folder: Path) -> None:
    names = sorted(name for name in list(sys.modules) if name.split(".")[0] == "satsr")
    stage = os.environ.get("DVC_STAGE")
    if stage and names and "satsr.pipeline.notebook" not in {*names, *sys.orig_argv}:
        path = folder / f"{os.getpid()}.json"
        path.with_suffix(".partial").write_text(json.dumps({"stage": stage, "modules": names}))
        path.with_suffix(".partial").replace(path)


def watch(folder: Path) -> None:
    """Tell whenever a module has come."""
    told = 0
    while True:
        time.sleep(PAUSE_S)
        if len(sys.modules) != told:
            told = len(sys.modules)
            tell(folder)


def start(folder: Path) -> None:
    threading.Thread(target=watch, args=(folder,), daemon=True).start()


if "MODULES_SEEN" in os.environ:
    told_in = Path(os.environ["MODULES_SEEN"])
    atexit.register(tell, told_in)
    os.register_at_fork(after_in_child=lambda: start(told_in))  # a fork has no threads but its own
    start(told_in)
