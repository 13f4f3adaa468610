"""What the library says, in the words of the command line: options in place of Python's arguments."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from typing import Any

REMEDIES = {
    errno.ENOSPC: "free some space and run the same command again; what is finished is kept",
    errno.EDQUOT: "free some space and run the same command again; what is finished is kept",
    errno.EISDIR: "name a file in it",
    errno.ENOENT: "look at how it is written",
    errno.ENOTDIR: "name a folder, or a file in one",
    errno.EACCES: "ask its owner, or name another place",
    errno.EROFS: "name another place",
}
# The library names both where they differ: "begin anew (anew=True, or --no-resume)".
PYTHON_FIRST = re.compile(r"\b[a-z_]+=[^,()]+, or (?=--)")
ARGUMENT = re.compile(r"\b([a-z_]+)=('([^']*)'|True|False)")


def in_words(error: Exception, options: Set[str] = frozenset()) -> str:
    """Return what an error says: with options for arguments, and for a file that the system refuses, a remedy.

    Args:
        error: that ends a command.
        options: of the command line, such as `--gray`; an argument without an option stays as it is.
    """
    if isinstance(error, OSError) and error.filename and error.errno in REMEDIES:
        return f"{error.filename}: {error.strerror}: {REMEDIES[error.errno]}"
    return as_options(str(error), options)


def as_options(text: str, options: Set[str]) -> str:
    """Write `gray='repeat'` as `--gray repeat`, `overwrite=True` as `--overwrite`, where there is such an option."""

    def option(found: re.Match[str]) -> str:
        name, value = found[1].replace("_", "-"), found[3]
        said = f"--no-{name}" if found[2] == "False" else f"--{name}"
        return (said if value is None else f"{said} {value}") if said in options else found[0]

    return ARGUMENT.sub(option, PYTHON_FIRST.sub("", text))


def options_of(command: Any) -> frozenset[str]:
    """Return every option of one of Typer's commands, and of those below it."""
    return frozenset(_options(command))


def one_of(option: str, value: str, known: Sequence[str]) -> None:
    """Refuse a value that an option does not know.

    Raises:
        ValueError: it is not among the known ones.
    """
    if value not in known:
        raise ValueError(f"got {option} {value}, expected {', '.join(known[:-1])} or {known[-1]}")


def no_folder(option: str, path: Path | None) -> None:
    """Refuse a folder in the place of a file to write, before anything is computed.

    Raises:
        IsADirectoryError: it is one.
    """
    if path is not None and path.is_dir():
        raise IsADirectoryError(f"got {option} {path}, which is a folder: {REMEDIES[errno.EISDIR]}")


def no_device(option: str, path: Path) -> None:
    """Refuse what is no file where an image is to be written, which would take a device's or a pipe's place.

    Raises:
        OSError: it is a folder, a device or a pipe.
    """
    no_folder(option, path)
    if path.exists() and not path.is_file():
        raise OSError(f"got {option} {path}, which is no file: name one")


def _options(command: Any) -> Iterator[str]:
    for parameter in command.params:
        yield from (name for name in (*parameter.opts, *parameter.secondary_opts) if name.startswith("--"))
    for inner in getattr(command, "commands", {}).values():
        yield from _options(inner)
