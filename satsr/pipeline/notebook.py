"""The notebook runner's command line.

`python -m satsr.pipeline.notebook run SOURCE [--params BLOCK ...] [-p NAME VALUE ...] [--as NAME]`
`python -m satsr.pipeline.notebook clean NOTEBOOK ...`

Under `satsr study` the run itself is done by a process that has imported already what takes seconds to import.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from satsr.pipeline.warm_door import DOOR, ask


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; errors that a user can mend end in one line on stderr."""
    arguments = sys.argv[1:] if arguments is None else arguments
    door = os.environ.get(DOOR)
    status = ask(Path(door), arguments) if door else None
    return run_here(arguments) if status is None else status


def run_here(arguments: list[str]) -> int:
    """Run the command line in this process."""
    from satsr.common.reading_yaml import parse_yaml
    from satsr.pipeline.execute import clean, run

    options = _parser().parse_args(arguments)
    try:
        if options.command == "run":
            run(
                options.source,
                options.name or options.source.stem,
                options.params,
                {name: parse_yaml(value, f"-p {name}", "correct it") for name, value in options.p},
            )
        else:
            for path in options.notebooks:
                print(f"{'cleaned' if clean(path) else 'already clean'}: {path}")
    except (ValueError, RuntimeError, OSError) as error:
        print(f"satsr: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m satsr.pipeline.notebook", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    runner = commands.add_parser("run", help="execute a notebook with the study's parameters")
    runner.add_argument("source", type=Path)
    runner.add_argument("--as", dest="name", help="name of the executed notebook; else that of the source")
    runner.add_argument("--params", action="extend", nargs="+", default=[], metavar="BLOCK")
    runner.add_argument("-p", action="append", nargs=2, default=[], metavar=("NAME", "VALUE"))
    cleaner = commands.add_parser("clean", help="bring source notebooks into their canonical form")
    cleaner.add_argument("notebooks", type=Path, nargs="+")
    return parser


if __name__ == "__main__":
    sys.exit(main())
