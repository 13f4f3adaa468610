"""The votes file: strict reading, decisions by the paper's rule, agreement between people."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from satsr.studies.agreement.votes import COLUMNS, decide, fleiss_kappa, read_votes, wins_of

METHODS = {"bicubic", "esrgan", "srcnn"}
HEADER = ",".join(COLUMNS)

# Fleiss (1971), table 1: how many of six psychiatrists put each of 30 patients into each of five categories.
DIAGNOSES = (
    "00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031 "
    "00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006"
)


def votes_file(folder: Path, *lines: str, header: str = HEADER) -> Path:
    path = folder / "votes.csv"
    path.write_text("".join(f"{line}\n" for line in (header, *lines)))
    return path


def votes(answers: dict[str, list[int]]) -> pd.DataFrame:
    """Votes for one pair of methods at each place."""
    rows = [(str(s), place, "a", "b", answer) for place, given in answers.items() for s, answer in enumerate(given)]
    return pd.DataFrame(rows, columns=COLUMNS)


def test_reads_what_is_written(tmp_path: Path) -> None:
    path = votes_file(tmp_path, "007,36005_51983,esrgan,srcnn,0", "8,36005_51983,esrgan,srcnn,1")
    table = read_votes(path, METHODS)
    assert list(table) == COLUMNS
    assert table.iloc[0].tolist() == ["007", "36005_51983", "esrgan", "srcnn", 0]
    assert table["answer"].tolist() == [0, 1]


def test_no_votes_are_empty_everywhere_and_a_file_without_any_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"votes\.csv: got no votes, expected one a line: .*satsr vote --out"):
        read_votes(votes_file(tmp_path), METHODS)
    table = read_votes(votes_file(tmp_path, "7,36005_51983,esrgan,srcnn,0"), METHODS).iloc[:0]
    assert decide(table).empty
    assert wins_of(table).empty
    assert math.isnan(fleiss_kappa(table))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_the_order_of_two_methods_does_not_matter(tmp_path: Path, data: st.DataObject) -> None:
    questions = [(place, *pair) for place in "xy" for pair in itertools.combinations(sorted(METHODS), 2)]
    asked = [(session, *question) for session in range(3) for question in questions]
    answers = data.draw(st.lists(st.integers(0, 2), min_size=len(asked), max_size=len(asked)))
    turned = data.draw(st.lists(st.booleans(), min_size=len(asked), max_size=len(asked)))
    turned[:3] = [False] * 3  # at the first place the methods get their order
    plain = [f"{s},{p},{a},{b},{n}" for (s, p, a, b), n in zip(asked, answers, strict=True)]
    mixed = [
        f"{s},{p},{b},{a},{2 - n}" if turn else line
        for line, (s, p, a, b), n, turn in zip(plain, asked, answers, turned, strict=True)
    ]
    as_asked = read_votes(votes_file(tmp_path, *plain), METHODS)
    assert as_asked["answer"].tolist() == answers
    pd.testing.assert_frame_equal(read_votes(votes_file(tmp_path, *mixed), METHODS), as_asked)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["1,x,esrgan,srcnn"], r"line 2: got \['1', 'x', 'esrgan', 'srcnn', None\], expected one value per column"),
        (["1,x,esrgan,srcnn,0,0"], r"line 2: got .*, expected one value per column"),
        (["1,,esrgan,srcnn,0"], r"line 2: got .*, expected one value per column"),
        (
            ["1,x,esrgan,srcnn,0", "1,y,esrgann,srcnn,0"],
            r"line 3: got unknown methods \['esrgann'\], expected some of \['bicubic', 'esrgan', 'srcnn'\]",
        ),
        (["1,x,srcnn,srcnn,0"], "line 2: got srcnn twice"),
        (["1,x,esrgan,srcnn,3"], r"line 2: got answer '3', expected one of \['0', '1', '2'\]"),
        (["1,x,esrgan,srcnn,0.0"], r"line 2: got answer '0\.0'"),
        (
            ["1,x,esrgan,srcnn,0", "2,x,esrgan,srcnn,0", "1,x,srcnn,esrgan,2"],
            "line 4: got esrgan and srcnn at x from session 1 once more",
        ),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=rf"^votes\.csv, {message}"):
        read_votes(votes_file(tmp_path, *lines), METHODS)


def test_missing_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^votes\.csv, line 1: got no columns \['session', 'answer'\]"):
        read_votes(votes_file(tmp_path, header="place,model1,model2"), METHODS)
    (tmp_path / "empty.csv").touch()
    with pytest.raises(ValueError, match=r"^empty\.csv, line 1: got no columns \['session', 'place'"):
        read_votes(tmp_path / "empty.csv", METHODS)


@pytest.mark.parametrize("cut", [1, 3, 10])
def test_a_last_line_that_was_cut_short_is_refused(tmp_path: Path, cut: int) -> None:
    path = votes_file(tmp_path, "1,x,esrgan,srcnn,0", "1,y,esrgan,srcnn,2")
    path.write_text(path.read_text()[:-cut])
    with pytest.raises(ValueError, match=r"^votes\.csv, line 3: got no line end.* delete the line"):
        read_votes(path, METHODS)


@settings(deadline=None)
@given(st.dictionaries(st.text("pqr", min_size=1, max_size=3), st.lists(st.integers(0, 2), min_size=1, max_size=7)))
def test_decides_as_the_reference_script(answers: dict[str, list[int]]) -> None:
    table = decide(votes(answers))
    assert table["place"].tolist() == list(answers)
    expected = ["a" if np.mean(given) < 1 else "b" for given in answers.values()]
    assert table["preferred"].tolist() == expected
    assert table["answers"].tolist() == [len(given) for given in answers.values()]
    assert table["mean"].tolist() == pytest.approx([np.mean(given) for given in answers.values()])
    assert table["complete"].tolist() == [len(given) >= 5 for given in answers.values()]


def test_an_even_vote_counts_for_model2() -> None:
    table = decide(votes({"tie": [0, 2], "undecided": [1], "model1": [0, 0, 2]}), answers_per_pair=2)
    assert table["preferred"].tolist() == ["b", "b", "a"]
    assert table["complete"].tolist() == [True, False, True]


def test_kappa_of_the_textbook_example() -> None:
    answers = {
        f"patient {i}": [category for category, n in enumerate(counts) for _ in range(int(n))]
        for i, counts in enumerate(DIAGNOSES.split())
    }
    assert fleiss_kappa(votes(answers)) == pytest.approx(0.430, abs=0.0005)


def test_kappa_of_unequal_numbers_counts_questions_equally() -> None:
    # Observed: 1, 1/3, 1. Shares of answer 0: 1, 2/3, 0; of answer 2: 0, 1/3, 1.
    observed, by_chance = 7 / 9, (5 / 9) ** 2 + (4 / 9) ** 2
    found = fleiss_kappa(votes({"p": [0, 0, 0, 0], "q": [0, 0, 2], "r": [2, 2], "one answer only": [1]}))
    assert found == pytest.approx((observed - by_chance) / (1 - by_chance))


def test_kappa_from_full_agreement_to_chance() -> None:
    assert fleiss_kappa(votes({"p": [0, 0, 0], "q": [2, 2, 2]})) == 1
    rng = np.random.default_rng(0)
    guessed = {f"{i}": rng.integers(0, 3, 5).tolist() for i in range(400)}
    assert fleiss_kappa(votes(guessed)) == pytest.approx(0, abs=0.05)
    assert math.isnan(fleiss_kappa(votes({"p": [0, 0], "q": [0, 0]})))
    assert math.isnan(fleiss_kappa(votes({"p": [0], "q": [2]})))


def test_an_undecided_vote_is_half_a_win_for_each() -> None:
    wins = wins_of(votes({"x": [0, 2, 1]}))
    assert wins["weight"].sum() == 3
    assert wins.groupby(["winner", "loser"])["weight"].sum().to_dict() == {("a", "b"): 1.5, ("b", "a"): 1.5}
    assert len(wins) == 4
    assert set(wins["place"]) == {"x"}
