"""The server of the voting page, asked as its page asks it: what is shown, recorded and resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from satsr.studies.voting.ballot import HEADER, Ballot
from satsr.studies.voting.server import VotingServer
from tests.conftest import ROOT
from tests.studies.voting.browser import Browser, vote_all
from tests.studies.voting.voting_questions import (
    COLORS,
    MODEL_OF,
    PLACES,
    TARGET,
    all_questions,
    preferred,
    question,
    rows,
    voting,
)

AROUND = ("left", "target", "right")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "votes.csv"


def test_a_vote_means_the_image_on_the_pressed_side(out: Path) -> None:
    with voting(out) as server:
        browser = Browser(server.server_port)
        for choice in ("left", "right", "neither") * 2:
            token = browser.state()["upcoming"][0]
            assert browser.color(token, "target") == TARGET
            expected = None if choice == "neither" else MODEL_OF[browser.color(token, choice)]
            assert browser.answer(token, choice).status == 200
            assert preferred(rows(out)[-1]) == expected
        assert browser.state() == {"answered": 6, "total": 6, "upcoming": [], "file": "votes.csv"}


def test_model_and_place_names_never_reach_the_browser(out: Path) -> None:
    with voting(out) as server:
        browser = Browser(server.server_port)
        for path in ("/", "/vote.js", "/vote.css", "/icon.svg"):
            assert browser.ask("GET", path).status == 200
        while upcoming := browser.state()["upcoming"]:
            for which in AROUND:
                browser.color(upcoming[0], which)
            browser.answer(upcoming[0])
        browser.answer("0" * 16)
    everything = b"\n".join(browser.sent)
    assert not [name for name in (*COLORS, *PLACES) if name.encode() in everything]


def test_each_session_has_its_own_order_and_keeps_it(out: Path) -> None:
    seen = set()
    with voting(out) as server:
        for session in range(6):
            browser = Browser(server.server_port, f"satsr_session={session}")
            assert browser.state() == browser.state()
            vote_all(browser)
            seen.add(json.dumps([row[1:] for row in rows(out)[-6:]]))
    assert len(seen) == 6


def test_an_answer_given_twice_counts_once_and_the_first_stands(out: Path) -> None:
    with voting(out) as server:
        browser = Browser(server.server_port)
        token = browser.state()["upcoming"][0]
        after = [browser.answer(token, choice).content for choice in ("left", "left", "right")]
        assert after[0] == after[1] == after[2]
        assert json.loads(after[0])["answered"] == 1
        (row,) = rows(out)
        assert preferred(row) == MODEL_OF[browser.color(token, "left")]


def test_a_closed_browser_resumes_on_another_server(out: Path) -> None:
    with voting(out) as server:
        browser = Browser(server.server_port)
        first = browser.state()["upcoming"]
        left = browser.color(first[1], "left")
        browser.answer(first[0])
    with voting(out, all_questions()[::-1]) as server:
        browser = Browser(server.server_port, f'theme=dark; odd=["x"]; {browser.cookie}; last=1')
        assert browser.state()["answered"] == 1
        assert browser.state()["upcoming"][0] == first[1]
        assert browser.color(first[1], "left") == left
        vote_all(browser)
    assert len(rows(out)) == 6
    assert len({row[0] for row in rows(out)}) == 1


def test_a_given_session_overrides_the_cookie(out: Path) -> None:
    with voting(out, session=42) as server:
        for cookie in ("", "satsr_session=7"):
            response = Browser(server.server_port, cookie).ask("GET", "/next")
            assert response.headers["Set-Cookie"] is None
        vote_all(Browser(server.server_port, "satsr_session=7"))
    assert {row[0] for row in rows(out)} == {"42"}


def test_a_vote_cut_short_is_asked_again(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with voting(out, session=5) as server:
        vote_all(Browser(server.server_port))
    lost = rows(out)[-1]
    out.write_bytes(out.read_bytes()[:-4])
    with voting(out, session=5) as server:
        assert "cut short" in capsys.readouterr().err
        assert Browser(server.server_port).state()["answered"] == 5
        vote_all(Browser(server.server_port))
    assert rows(out)[-1] == lost


def test_a_vote_that_cannot_be_saved_says_so_and_can_be_sent_again(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with voting(out, session=5) as server:
        browser = Browser(server.server_port)
        token = browser.state()["upcoming"][0]
        os.rename(out, out.with_suffix(".away"))
        response = browser.answer(token)
        assert response.status == 500
        assert b"not saved" in response.content
        assert "not saved" in capsys.readouterr().err
        os.rename(out.with_suffix(".away"), out)
        assert browser.answer(token).status == 200
    assert len(rows(out)) == 1


def test_a_port_that_is_taken_or_impossible_is_named(out: Path) -> None:
    with voting(out) as server, Ballot(out.with_name("other.csv")) as ballot:
        for port in (server.server_port, 70_000):
            with pytest.raises(OSError, match=f"port {port}.*0 for a free one"):
                VotingServer(all_questions(), ballot, port)


def test_no_question_or_one_twice_is_refused(out: Path) -> None:
    with Ballot(out) as ballot:
        with pytest.raises(ValueError, match="no questions"):
            VotingServer([], ballot)
        twice = [question("1_1", "srcnn", "esrgan"), question("1_1", "esrgan", "srcnn")]
        with pytest.raises(ValueError, match=r"1_1.*twice"):
            VotingServer(twice, ballot)


SERVE = """
import signal, sys
from pathlib import Path
from satsr.studies.voting.server import serve
from tests.studies.voting.voting_questions import all_questions
signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background ignores it
serve(all_questions(), Path(sys.argv[1]), session=5, ready=lambda url: print("ready", url, flush=True))
"""


def test_ctrl_c_ends_it_with_the_number_of_votes(out: Path) -> None:
    out.write_bytes(HEADER + b"3,1_1,srcnn,esrgan,0\n")
    command = [sys.executable, "-c", SERVE, str(out)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = [process.stdout.readline().split() for _ in range(2)]
        url = lines[1][1]
        assert url in lines[0]
        browser = Browser(int(url.rstrip("/").rsplit(":", 1)[1]))
        browser.answer(browser.state()["upcoming"][0])
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    assert printed.strip() == f"{out}: 2 votes in the file"
