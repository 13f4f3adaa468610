"""The votes file: every answer once, on the disk at once, and nothing of anybody else's is touched."""

from __future__ import annotations

import os
import resource
import secrets
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from satsr.studies.voting.ballot import HEADER, Ballot
from satsr.studies.voting.questions import Answer, Question
from tests.studies.voting.voting_questions import COLORS, TARGET, all_questions, plain, question, rows

QUESTIONS = all_questions()
FIRST, SECOND, THIRD = QUESTIONS[:3]

votes = st.tuples(st.integers(0, 2), st.integers(0, len(QUESTIONS) - 1), st.sampled_from([0, 1, 2]))


def fields(session: int, asked: Question, answer: Answer) -> list[str]:
    return [str(session), asked.place, asked.model1, asked.model2, str(answer)]


def filled(path: Path) -> bytes:
    """A file of three votes of session 5."""
    with Ballot(path) as ballot:
        for asked, answer in zip(QUESTIONS[:3], (0, 1, 2), strict=True):
            ballot.record(5, asked, answer)  # type: ignore[arg-type]
    return path.read_bytes()


@given(cast=st.lists(votes, max_size=20), pause=st.integers(0, 20))
def test_the_first_answer_of_each_session_stands_even_across_restarts(cast: list, pause: int) -> None:
    expected: dict[tuple[int, int], list[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "votes.csv"
        for part in (cast[:pause], cast[pause:]):
            with Ballot(path) as ballot:
                for session, number, answer in part:
                    written = ballot.record(session, QUESTIONS[number], answer)
                    assert written == ((session, number) not in expected)
                    expected.setdefault((session, number), fields(session, QUESTIONS[number], answer))
                assert len(ballot) == len(expected)
                for session in range(3):
                    assert ballot.answered(session) == {QUESTIONS[n].key for s, n in expected if s == session}
        assert rows(path) == list(expected.values())


def test_a_vote_is_in_the_file_when_record_returns(tmp_path: Path) -> None:
    with Ballot(tmp_path / "new" / "votes.csv") as ballot:
        assert ballot.path.read_bytes() == b"session,place,model1,model2,answer\n"
        ballot.record(5, FIRST, 2)
        assert rows(ballot.path) == [fields(5, FIRST, 2)]


def test_the_models_in_the_other_order_are_the_same_question(tmp_path: Path) -> None:
    with Ballot(tmp_path / "votes.csv") as ballot:
        ballot.record(5, question("1_1", "srcnn", "esrgan"), 0)
        assert not ballot.record(5, question("1_1", "esrgan", "srcnn"), 0)
        assert ballot.record(5, question("1_2", "esrgan", "srcnn"), 0)


def test_names_with_commas_and_quotes_survive(tmp_path: Path) -> None:
    odd = Question('a "b", c', "x,y", "é", plain(TARGET), plain(TARGET), plain(TARGET))
    with Ballot(tmp_path / "votes.csv") as ballot:
        ballot.record(5, odd, 1)
    assert rows(ballot.path) == [fields(5, odd, 1)]
    with Ballot(ballot.path) as ballot:
        assert ballot.answered(5) == {odd.key}


def test_wherever_a_crash_cuts_the_file_the_whole_lines_stay_and_the_rest_is_asked_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "votes.csv"
    content = filled(path)
    for cut in range(len(content) + 1):
        path.write_bytes(content[:cut])
        whole = max(content.rfind(b"\n", 0, cut) + 1, len(HEADER))
        with Ballot(path) as ballot:
            assert path.read_bytes() == content[:whole]
            message = capsys.readouterr().err
            assert bool(message) == (cut > whole)
            assert repr(content[whole:cut].decode()) in message or not message
            for asked, answer in zip(QUESTIONS[:3], (0, 1, 2), strict=True):
                ballot.record(5, asked, answer)  # type: ignore[arg-type]
        assert path.read_bytes() == content


@pytest.mark.parametrize(
    "content",
    [
        b"a diary\n",
        b"no line end",
        b"session,place,model1,model2\n",
        b"session,place,model1,model2,answer\r\n",
        HEADER + b"5,1_1,srcnn,esrgan,3\n",
        HEADER + b"5,1_1,srcnn,esrgan\n",
        HEADER + b"ann,1_1,srcnn,esrgan,0\n",
        HEADER + b"\n",
        HEADER + b"5,1_1,srcnn\n5,cut",
        HEADER + b"5,\xff,srcnn,esrgan,0\n",
        b"\x89PNG\r\n\x1a\n",
        HEADER + b"5," + b"x" * 200_000 + b",srcnn,esrgan,0\n",
        HEADER + b"9" * 5000 + b",1_1,srcnn,esrgan,0\n",
    ],
)
def test_a_file_of_something_else_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "votes.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"votes\.csv.*expected votes.*unchanged"):
        Ballot(path)
    assert path.read_bytes() == content


def test_a_folder_is_no_votes_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="got a folder, expected a file of votes: name a file in it"):
        Ballot(tmp_path)


def test_two_processes_cannot_fill_one_file(tmp_path: Path) -> None:
    with Ballot(tmp_path / "votes.csv"), pytest.raises(OSError, match="another process"):
        Ballot(tmp_path / "votes.csv")
    Ballot(tmp_path / "votes.csv").close()


def test_many_threads_write_whole_lines_once(tmp_path: Path) -> None:
    asked = all_questions([f"1_{i}" for i in range(20)])
    with Ballot(tmp_path / "votes.csv") as ballot, ThreadPoolExecutor(8) as threads:
        written = list(threads.map(lambda q: ballot.record(5, q, 0), asked * 4))
    assert sum(written) == len(asked)
    assert sorted(rows(ballot.path)) == sorted(fields(5, q, 0) for q in asked)


def test_a_full_disk_loses_no_vote_and_leaves_no_half_line(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    content = filled(path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Ballot(path) as ballot:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) + 5, limits[1]))
        try:
            with pytest.raises(OSError, match=r"space|large"):
                ballot.record(6, FIRST, 2)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert path.read_bytes() == content
        assert ballot.answered(6) == frozenset()
        assert ballot.record(6, FIRST, 2)
    assert rows(path)[3:] == [fields(6, FIRST, 2)]


def test_a_file_that_was_replaced_meanwhile_takes_no_votes(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    with Ballot(path) as ballot:
        (tmp_path / "saved").write_bytes(path.read_bytes())
        os.replace(tmp_path / "saved", path)
        with pytest.raises(OSError, match="replaced"):
            ballot.record(5, FIRST, 2)
        assert ballot.answered(5) == frozenset()


def test_new_sessions_are_random_and_never_one_that_has_votes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Ballot(tmp_path / "votes.csv") as ballot:
        assert len({ballot.new_session() for _ in range(50)}) == 50
        ballot.record(5, FIRST, 0)
        draws = iter([5, 5, 8])
        monkeypatch.setattr(secrets, "randbelow", lambda _: next(draws))
        assert ballot.new_session() == 8


def test_a_negative_session_is_refused_before_a_file_is_made(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="session -1"):
        Ballot(tmp_path / "votes.csv", session=-1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["", "a\nb", "a\u2028b", "a\x00b"])
def test_names_that_a_line_cannot_hold_are_refused(name: str) -> None:
    images = plain(TARGET), plain(COLORS["srcnn"]), plain(COLORS["esrgan"])
    for names in ((name, "srcnn", "esrgan"), ("1_1", name, "esrgan"), ("1_1", "srcnn", name)):
        with pytest.raises(ValueError, match="printable"):
            Question(*names, *images)


def test_a_question_needs_two_models_and_three_images_of_one_shape() -> None:
    image = plain(TARGET)
    with pytest.raises(ValueError, match=r"1_1.*two different models"):
        Question("1_1", "srcnn", "srcnn", image, image, image)
    with pytest.raises(ValueError, match=r"1_1.*\(8, 8, 3\)"):
        Question("1_1", "srcnn", "esrgan", image, image, plain(TARGET, 9))
    with pytest.raises(ValueError, match=r"1_1.*float64"):
        Question("1_1", "srcnn", "esrgan", image / 255, image, image)  # type: ignore[arg-type]
