"""What the server of the voting page refuses: everything that its own page does not ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.studies.voting.browser import Browser
from tests.studies.voting.voting_questions import rows, voting


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "votes.csv"


def test_the_session_cookie_is_kept_from_scripts_and_other_sites(out: Path) -> None:
    with voting(out) as server:
        assert Browser(server.server_port).ask("GET", "/").headers["Set-Cookie"] is None
        cookie = Browser(server.server_port).ask("GET", "/next").headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert "Max-Age" in cookie


def test_an_answer_that_reaches_another_session_is_refused(out: Path) -> None:
    with voting(out) as server:
        token = Browser(server.server_port, "satsr_session=7").state()["upcoming"][0]
        assert Browser(server.server_port, "satsr_session=8").answer(token).status == 404
        assert Browser(server.server_port).answer(token).status == 403
    assert rows(out) == []


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}", ""])
def test_other_host_names_are_refused(out: Path, host: str) -> None:
    with voting(out, session=5) as server:
        browser = Browser(server.server_port)
        token = browser.state()["upcoming"][0]
        name = host.format(port=server.server_port)
        for path in ("/", "/next", "/vote.js", f"/image/{token}/left.png"):
            assert browser.ask("GET", path, Host=name).status == 403
        assert browser.answer(token, Host=name).status == 403
        assert rows(out) == []
        assert browser.ask("GET", "/", Host=f"localhost:{server.server_port}").status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:{port}"])
def test_foreign_origins_cannot_vote(out: Path, origin: str) -> None:
    with voting(out, session=5) as server:
        browser, port = Browser(server.server_port), server.server_port
        token = browser.state()["upcoming"][0]
        assert browser.answer(token, Origin=origin.format(port=port)).status == 403
        assert rows(out) == []
        assert browser.answer(token, Origin=f"http://127.0.0.1:{port}").status == 200
        assert browser.answer(token, Host=f"localhost:{port}", Origin=f"http://localhost:{port}").status == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_what_a_foreign_form_can_send_is_refused(out: Path, content_type: str) -> None:
    with voting(out, session=5) as server:
        browser = Browser(server.server_port)
        token = browser.state()["upcoming"][0]
        assert browser.answer(token, Content_Type=content_type).status == 415
        assert rows(out) == []
        assert browser.answer(token, Content_Type="application/json; charset=utf-8").status == 200


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        '{"question": 1, "choice": "left"}',
        '{"question": "x"}',
        '{"question": "x", "choice": []}',
    ],
)
def test_a_broken_vote_is_refused(out: Path, body: str) -> None:
    with voting(out, session=5) as server:
        response = Browser(server.server_port).ask(
            "POST", "/answer", body, Content_Type="application/json", Content_Length=str(len(body))
        )
        assert response.status == 400
    assert rows(out) == []


def test_a_long_body_is_refused_unread(out: Path) -> None:
    with voting(out, session=5) as server:
        assert Browser(server.server_port).post("", Content_Length="1000000000").status == 413


@pytest.mark.parametrize(
    "path",
    ["/satsr", "/votes.csv", "/server.py", "/../server.py", "/?", "/image/", "/image/0000000000000000/left.png"],
)
def test_there_is_nothing_else(out: Path, path: str) -> None:
    with voting(out, session=5) as server:
        assert Browser(server.server_port).ask("GET", path).status == 404
        assert Browser(server.server_port).post("{}", path).status == 404


def test_every_reply_carries_the_security_headers(out: Path) -> None:
    with voting(out) as server:
        browser = Browser(server.server_port)
        replies = [browser.ask("GET", path) for path in ("/", "/vote.js", "/next", "/nothing")]
        replies.append(browser.ask("DELETE", "/"))
    for reply in replies:
        assert "default-src 'self'" in reply.headers["Content-Security-Policy"]
        assert "unsafe" not in reply.headers["Content-Security-Policy"]
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Cache-Control"] == "no-store"


def test_only_this_machine_is_served(out: Path) -> None:
    with voting(out) as server:
        assert server.server_address[0] == "127.0.0.1"
        assert server.url == f"http://127.0.0.1:{server.server_port}/"
