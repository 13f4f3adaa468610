"""The votes file: one line per answer, on the disk before the next question is shown."""

from __future__ import annotations

import csv
import errno
import fcntl
import io
import os
import secrets
import sys
import threading
from collections import defaultdict
from pathlib import Path

from satsr.studies.voting.questions import Answer, Key, Question, key_of

COLUMNS = ("session", "place", "model1", "model2", "answer")
HEADER = (",".join(COLUMNS) + "\n").encode()
SESSIONS = 10**9  # random session numbers lie below; nothing in them points to a person or a time


class Ballot:
    """The votes of all sessions in one file; safe to use from several threads.

    A last line without its end, as a crash leaves it, is dropped with a message on stderr.

    Args:
        path: CSV with the columns session, place, model1, model2, answer (0: model1 preferred, 1: undecided,
            2: model2 preferred). It is made, with its folder, where there is none.
        session: number that every voter gets; None gives each browser its own.

    Raises:
        ValueError: the file holds something else than votes (it is left as it is), or a negative session.
        OSError: the file cannot be written, is a folder, or another process is filling it.
    """

    def __init__(self, path: Path, session: int | None = None) -> None:
        if session is not None and session < 0:
            raise ValueError(f"got session {session}, expected 0 or more: name another number")
        self.path, self.session = path, session
        self._votes: defaultdict[int, set[Key]] = defaultdict(set)
        self._mutex = threading.Lock()
        if path.is_dir():
            raise IsADirectoryError(f"{path}: got a folder, expected a file of votes: name a file in it")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)  # unbuffered: a vote that failed must not follow later
        try:
            self._claim()
            self._load()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Ballot:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return sum(map(len, self._votes.values()))

    def close(self) -> None:
        """Close the file, after the vote that is being written."""
        with self._mutex:
            self._file.close()

    def answered(self, session: int) -> frozenset[Key]:
        """Return the keys of the questions that a session has answered."""
        with self._mutex:
            return frozenset(self._votes.get(session, ()))

    def new_session(self) -> int:
        """Return a random number without votes."""
        while (number := secrets.randbelow(SESSIONS)) in self._votes:
            pass
        return number

    def record(self, session: int, question: Question, answer: Answer) -> bool:
        """Write one vote and wait until it is on the disk; a second answer to the same question is ignored.

        Returns:
            Whether it was written.

        Raises:
            OSError: it could not be written; the file is as it was.
        """
        with self._mutex:
            if question.key in self._votes[session]:
                return False
            self._append(_line(session, question.place, question.model1, question.model2, answer))
            self._votes[session].add(question.key)
            return True

    def _claim(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(
                f"{self.path} is being filled by another process: stop that one, or name another file"
            ) from None

    def _load(self) -> None:
        content = self.path.read_bytes()
        if HEADER.startswith(content):  # empty, or cut short before its first vote
            self._file.truncate(0)
            self._append(HEADER)
            return
        whole = content[: content.rfind(b"\n") + 1]
        for number, line in enumerate(self._lines(whole), 2):
            self._read_line(number, line)
        if len(whole) < len(content):
            self._drop(content[len(whole) :], len(whole))

    def _lines(self, content: bytes) -> list[str]:
        """Split what follows the header."""
        if not content.startswith(HEADER):
            raise self._not_votes("found another first line")
        try:
            return content[len(HEADER) :].decode().split("\n")[:-1]
        except UnicodeDecodeError as error:
            raise self._not_votes(str(error)) from None

    def _read_line(self, number: int, line: str) -> None:
        try:
            row = next(csv.reader([line]), [])
        except csv.Error as error:  # a field without end
            raise self._not_votes(f"line {number} cannot be read ({error})") from None
        if len(row) != len(COLUMNS) or not _is_session(row[0]) or row[4] not in ("0", "1", "2"):
            raise self._not_votes(f"line {number} is {line!r}")
        self._votes[int(row[0])].add(key_of(*row[1:4]))

    def _not_votes(self, reason: str) -> ValueError:
        expected = HEADER.decode().strip()
        return ValueError(
            f"{self.path}: expected votes ({expected}), {reason}: name another file; this one is unchanged"
        )

    def _drop(self, cut: bytes, end: int) -> None:
        self._file.truncate(end)
        lost = cut.decode(errors="replace")
        print(f"{self.path}: dropped the last line, which was cut short: {lost!r}; it is asked again", file=sys.stderr)

    def _append(self, line: bytes) -> None:
        opened = os.fstat(self._file.fileno())
        if not os.path.samestat(opened, self.path.stat()):  # as some editors do when they save
            raise OSError(f"{self.path} was replaced while it was being filled: start satsr vote again")
        try:
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(opened.st_size)
            raise


def _is_session(text: str) -> bool:
    return text.isdecimal() and len(text) < 20  # Python refuses to read numbers of thousands of digits


def _line(*fields: object) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(fields)
    return text.getvalue().encode()
