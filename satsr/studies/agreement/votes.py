"""People's answers to "which of two outputs is closer to the target?": read strictly, decided by the paper's rule."""

from __future__ import annotations

import csv
from collections.abc import Collection
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from satsr.common.reading_text import read_text, readable

COLUMNS = ["session", "place", "model1", "model2", "answer"]
QUESTION = ["place", "model1", "model2"]
# As the reference code's answers are coded: 0 prefers model1, 1 is undecided, 2 prefers model2.
ANSWERS = {"0": 0, "1": 1, "2": 2}


def read_votes(path: Path, methods: Collection[str]) -> pd.DataFrame:
    """Read a file of votes.

    Two methods at one place are one question, whichever a line names first. The first line that names two methods
    decides which of them is model1, at every place; where other lines name them the other way round, their answers
    are turned.

    Args:
        path: CSV with the columns session, place, model1, model2, answer; answer is 0 (model1 preferred), 1
            (undecided) or 2 (model2 preferred).
        methods: names that model1 and model2 may have.

    Returns:
        Columns session, place, model1, model2 (text) and answer (int), one row per line in the order of the file.

    Raises:
        FileNotFoundError, IsADirectoryError: no such file, or a folder.
        ValueError: for a file that is not UTF-8 or holds no votes; a last line that was cut short; missing columns; a
            line with missing or additional fields, unknown or equal methods, another answer, or a question that its
            session has answered before. It names the file and the line.
    """
    text = read_text(path, "name a file of `satsr vote`, saved as UTF-8")
    if text and not text.endswith("\n"):
        last = len(text.splitlines())
        raise ValueError(
            f"{path.name}, line {last}: got no line end, expected one, the line may be cut short: "
            "delete the line, or run satsr vote on the file, which asks its question again"
        )
    with readable(path.name, "lines of votes", "correct it, or name another file"):
        reader = csv.DictReader(StringIO(text))
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(
                f"{path.name}, line 1: got no columns {missing}, expected {COLUMNS}: name them in this line"
            )
        rows = [_checked(row, methods, f"{path.name}, line {reader.line_num}") for row in reader]
    if not rows:
        raise ValueError(f"{path.name}: got no votes, expected one a line: collect some with `satsr vote --out {path}`")
    votes = pd.DataFrame(rows, columns=[*COLUMNS, "pair", "where"])
    _check_once(votes)
    return _turned(votes)


def decide(votes: pd.DataFrame, answers_per_pair: int = 5) -> pd.DataFrame:
    """Decide every question by the rule of the reference code: model1 is preferred where the mean answer is below 1.

    A mean of exactly 1 counts for model2, as it does there; the column mean tells where that depends on the naming.

    Args:
        votes: from `read_votes`.
        answers_per_pair: answers that make a question complete; the paper's study took five.

    Returns:
        Columns place, model1, model2, answers (how many), mean, preferred (a method) and complete (bool), one row per
        question in the order of the votes.
    """
    pairs = votes.groupby(QUESTION, sort=False)["answer"].agg(answers="size", mean="mean").reset_index()
    pairs["preferred"] = pairs["model1"].where(pairs["mean"] < 1, pairs["model2"])
    pairs["complete"] = pairs["answers"] >= answers_per_pair
    return pairs


def fleiss_kappa(votes: pd.DataFrame) -> float:
    """Return how far people's answers agree beyond chance (Fleiss, 1971), 1 for full agreement and 0 for none.

    Questions with different numbers of answers count equally, in the observed agreement and in the shares of the
    answers that give the agreement by chance (Gwet, 2014, chapter 2). Kappa depends on which method is model1: naming
    the mostly preferred one model1 everywhere makes those shares uneven, and kappa lower.

    Args:
        votes: from `read_votes`; questions with fewer than two answers are left out.

    Returns:
        Kappa; NaN without a question that two answered, or where all answers are the same.
    """
    counts = votes.groupby([*QUESTION, "answer"]).size().unstack("answer", fill_value=0).to_numpy(np.float64)
    counts = counts[counts.sum(axis=1) >= 2]
    if not len(counts):
        return np.nan
    n = counts.sum(axis=1, keepdims=True)
    observed = float((counts * (counts - 1) / (n * (n - 1))).sum(axis=1).mean())
    by_chance = float(((counts / n).mean(axis=0) ** 2).sum())
    return (observed - by_chance) / (1 - by_chance) if by_chance < 1 else np.nan


def wins_of(votes: pd.DataFrame) -> pd.DataFrame:
    """Return each vote as a win of weight 1, or as half a win for each method where it is undecided.

    Args:
        votes: from `read_votes`.

    Returns:
        Columns place, winner, loser and weight, as `bradley_terry` takes them.
    """
    for_model2 = votes["answer"] / ANSWERS["2"]
    first = votes.rename(columns={"model1": "winner", "model2": "loser"}).assign(weight=1 - for_model2)
    second = votes.rename(columns={"model2": "winner", "model1": "loser"}).assign(weight=for_model2)
    wins = pd.concat([first, second], ignore_index=True)
    return wins.loc[wins["weight"] > 0, ["place", "winner", "loser", "weight"]].reset_index(drop=True)


def _checked(row: dict[str, str], methods: Collection[str], where: str) -> tuple[object, ...]:
    """Return a line's fields with the answer as a number, the unordered pair, and where the line stands."""
    if None in row or not all(row.values()):
        raise ValueError(f"{where}: got {list(row.values())}, expected one value per column: complete the line")
    session, place, model1, model2, answer = (row[column] for column in COLUMNS)
    unknown = sorted({model1, model2} - set(methods))
    if unknown:
        raise ValueError(f"{where}: got unknown methods {unknown}, expected some of {sorted(methods)}: correct it")
    if model1 == model2:
        raise ValueError(f"{where}: got {model1} twice, expected two methods: delete the line")
    if answer not in ANSWERS:
        raise ValueError(f"{where}: got answer {answer!r}, expected one of {list(ANSWERS)}: delete the line")
    return session, place, model1, model2, ANSWERS[answer], " and ".join(sorted((model1, model2))), where


def _check_once(votes: pd.DataFrame) -> None:
    again = votes[votes.duplicated(["session", "place", "pair"])]
    if len(again):
        vote = again.iloc[0]
        raise ValueError(
            f"{vote['where']}: got {vote['pair']} at {vote['place']} from session {vote['session']} once more, "
            "expected one answer: delete a line"
        )


def _turned(votes: pd.DataFrame) -> pd.DataFrame:
    """Name two methods in the same order everywhere, so that what is counted for them is counted together."""
    model1 = votes.groupby("pair")["model1"].transform("first")
    turn = votes["model1"] != model1
    return votes.assign(
        model1=model1,
        model2=votes["model2"].mask(turn, votes["model1"]),
        answer=votes["answer"].mask(turn, ANSWERS["2"] - votes["answer"]).astype(np.int64),
    )[COLUMNS]
