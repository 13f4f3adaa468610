"""Put first on PYTHONPATH, this lets every process of a stage say, when it ends, which modules it has run.

One file per process in `$MODULES_SEEN`: the stage, and the modules of this project. The notebook runner is none of
them; a kernel is, whether it was started or forked.
"""

import atexit
import json
import os
import sys
from pathlib import Path


def tell(folder: Path) -> None:
    names = sorted(name for name in sys.modules if name.split(".")[0] == "satsr")
    stage = os.environ.get("DVC_STAGE")
    if stage and names and "satsr.pipeline.notebook" not in {*names, *sys.orig_argv}:
        (folder / f"{os.getpid()}.json").write_text(json.dumps({"stage": stage, "modules": names}))


if "MODULES_SEEN" in os.environ:
    atexit.register(tell, Path(os.environ["MODULES_SEEN"]))
