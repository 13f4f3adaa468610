"""What the tests of the voting page share: questions whose images tell the models apart, and a running server."""

from __future__ import annotations

import contextlib
import csv
import threading
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from satsr.studies.voting.ballot import Ballot
from satsr.studies.voting.questions import Image8, Question
from satsr.studies.voting.server import VotingServer

Color = tuple[int, int, int]

COLORS: dict[str, Color] = {"srcnn": (200, 30, 30), "esrgan": (30, 160, 30), "sr3_cfg": (30, 30, 200)}
MODEL_OF = {color: model for model, color in COLORS.items()}
TARGET: Color = (120, 120, 120)
PLACES = ("36005_51983", "36006_51984")


def plain(color: Color, side_px: int = 8) -> Image8:
    return np.full((side_px, side_px, 3), color, np.uint8)


def question(place: str, model1: str, model2: str) -> Question:
    return Question(place, model1, model2, plain(TARGET), plain(COLORS[model1]), plain(COLORS[model2]))


def all_questions(places: Sequence[str] = PLACES) -> list[Question]:
    return [question(place, *pair) for place in places for pair in combinations(COLORS, 2)]


def rows(path: Path) -> list[list[str]]:
    """The votes of a file, without its header."""
    with path.open(newline="") as file:
        return list(csv.reader(file))[1:]


def preferred(row: list[str]) -> str | None:
    """The model that a vote prefers, None for undecided."""
    return {"0": row[2], "1": None, "2": row[3]}[row[4]]


@contextlib.contextmanager
def voting(
    out: Path, questions: Sequence[Question] | None = None, session: int | None = None, port: int = 0
) -> Iterator[VotingServer]:
    """A server that answers on a thread."""
    asked = all_questions() if questions is None else questions
    with Ballot(out, session) as ballot, VotingServer(asked, ballot, port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
