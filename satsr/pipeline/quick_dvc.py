"""DVC's command line, which writes `dvc.lock` in half the time: `python -m satsr.pipeline.quick_dvc ARGUMENTS`.

After every stage DVC reads the whole lock with a parser that keeps comments, in Python, and writes it again. A lock has
no comments, so DVC's own quick parser will do; what is written is the same, byte by byte (a test compares).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from dvc.cli import main
from dvc.utils.serialize import _yaml

_for_update = _yaml.parse_yaml_for_update


def _parse(text: str, path: str) -> Any:
    quick = Path(path).name == "dvc.lock"
    return _yaml.parse_yaml(text, path) if quick else _for_update(text, path)


if __name__ == "__main__":
    _yaml.parse_yaml_for_update = _parse
    sys.exit(main(sys.argv[1:]))
