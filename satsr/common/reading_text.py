"""Reading text that people write and downloads bring: what is damaged ends in one line with the file and a remedy."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

KINDS: dict[type, str] = {dict: "an object", list: "a list"}


def read_text(path: Path, remedy: str) -> str:
    """Return a text file in UTF-8, without the mark that some editors put first.

    Args:
        path: of the file.
        remedy: what errors tell to do.

    Raises:
        FileNotFoundError: no such file.
        IsADirectoryError: a folder.
        ValueError: it is not UTF-8.
    """
    with readable(path, "text in UTF-8", remedy):
        return path.read_bytes().decode("utf-8-sig")


def read_json(path: Path, remedy: str, kind: type = dict) -> Any:
    """Return what a JSON file holds; see `read_text` and `parse_json`."""
    return parse_json(read_text(path, remedy), str(path), remedy, kind)


def parse_json(text: str | bytes, name: str, remedy: str, kind: type = dict) -> Any:
    """Return what JSON holds.

    Args:
        text: the JSON, or its bytes in UTF-8.
        name: how errors name it.
        remedy: what errors tell to do.
        kind: `dict` or `list`, what it has to be.

    Raises:
        ValueError: it is not JSON, or JSON of another kind.
    """
    with readable(name, f"JSON, {KINDS[kind]}", remedy):
        found = json.loads(text if isinstance(text, str) else text.decode("utf-8-sig"))
    if not isinstance(found, kind):
        raise ValueError(f"{name}: got {_said(found)}, expected {KINDS[kind]}: {remedy}")
    return found


def read_names(path: Path, remedy: str) -> dict[str, str]:
    """Return a JSON file that gives texts names, such as places their regions; nothing where there is no file.

    Raises:
        ValueError: it is damaged, or a value is no text; see `read_json`.
    """
    if not path.exists():
        return {}
    found = read_json(path, remedy)
    for name, value in found.items():
        if not isinstance(value, str):
            raise ValueError(f"{path}: got {_said(value)} for {name}, expected a text: {remedy}")
    return dict(found)


def check_columns(name: Path | str, found: Collection[str], wanted: Collection[str], remedy: str) -> None:
    """Make sure that a table has some columns.

    Raises:
        ValueError: one is missing; the message names the first.
    """
    lacking = [column for column in wanted if column not in found]
    if lacking:
        raise ValueError(f"{name}: got no column {lacking[0]}, expected {', '.join(wanted)}: {remedy}")


@contextmanager
def readable(name: Path | str, expected: str, remedy: str) -> Iterator[None]:
    """Say in one line what a library finds wrong with a file that is read inside: a table, JSON, a number in a cell.

    Errors that begin with the file's name already stay as they are, and so do those of the system that name it.

    Args:
        name: of the file, or how errors name it.
        expected: what it should be, such as `a table`.
        remedy: what helps.

    Raises:
        FileNotFoundError, IsADirectoryError: no such file, or a folder.
        ValueError: it is damaged.
    """
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(f"{name} is missing: {remedy}") from None
    except IsADirectoryError:
        raise IsADirectoryError(f"{name}: got a folder, expected {expected}: {remedy}") from None
    except OSError as error:
        if error.filename is None and error.errno is not None:  # a read that fails does not name its file
            raise OSError(error.errno, error.strerror, str(name)) from None
        raise
    # pandas' errors are ValueErrors; csv's are nothing but Exceptions; what lies too deep breaks the recursion
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError, csv.Error) as error:
        if str(error).startswith(str(name)):
            raise
        raise ValueError(f"{name}: got {_reason(error)}, expected {expected}: {remedy}") from None


def _reason(error: Exception) -> str:
    """Return what an error says, in one line."""
    if isinstance(error, UnicodeDecodeError):
        return f"bytes that are not UTF-8 (the one at {error.start})"
    text = " ".join(str(error).split())
    return f"what cannot be read ({text or type(error).__name__})"


def _said(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
