"""The local server of the voting page."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import webbrowser
from collections.abc import Callable, Sequence
from functools import lru_cache
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from satsr.studies.voting.ballot import Ballot
from satsr.studies.voting.handler import VotingHandler
from satsr.studies.voting.order import ordered
from satsr.studies.voting.questions import Question

ADDRESS = "127.0.0.1"


def serve(
    questions: Sequence[Question],
    out: Path,
    port: int = 0,
    session: int | None = None,
    open_browser: bool = False,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the voting page until Ctrl-C, then say how many votes the file holds.

    Args:
        questions: what to ask.
        out: votes file, see `Ballot`; it is extended.
        port: to listen on; 0 takes a free one.
        session: number of the session, whatever the browser's cookie says; None lets each browser have its own.
        open_browser: whether to open the page here.
        ready: called with the page's address once it can be opened.

    Raises:
        ValueError: no questions, a question twice, or a file that does not hold votes.
        OSError: the file or the port cannot be used.
    """
    with Ballot(out, session) as ballot, VotingServer(questions, ballot, port) as server:
        print(f"Vote at {server.url} (Ctrl-C ends it)", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            if ready:
                ready(server.url)
            if open_browser:  # on a thread, because a browser in the terminal holds its caller until it is closed
                threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
            server.serve_forever()
        print(f"\n{out}: {len(ballot)} votes in the file")


class VotingServer(ThreadingHTTPServer):
    """The server, listening on 127.0.0.1 only; `serve_forever` answers.

    Args:
        questions: what to ask.
        ballot: where answers go.
        port: to listen on; 0 takes a free one.

    Raises:
        ValueError: no questions, or a question twice.
        OSError: the port cannot be used.
    """

    def __init__(self, questions: Sequence[Question], ballot: Ballot, port: int = 0) -> None:
        _check_questions(questions)
        self.ballot = ballot
        self.asks = lru_cache(maxsize=16)(lambda session: ordered(questions, session))
        try:
            super().__init__((ADDRESS, port), VotingHandler)
        except (OSError, OverflowError) as error:
            raise OSError(f"cannot listen on port {port} ({error}): name another, or 0 for a free one") from None
        self.hosts = {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}
        self.url = f"http://{ADDRESS}:{self.server_port}/"

    def state(self, session: int) -> bytes:
        """Return what the page has to know, as JSON: how far the session is, and the next two questions."""
        asks, answered = self.asks(session), self.ballot.answered(session)
        unanswered = [token for token, ask in asks.items() if ask.question.key not in answered]
        state = {
            "answered": len(asks) - len(unanswered),
            "total": len(asks),
            "upcoming": unanswered[:2],
            "file": self.ballot.path.name,
        }
        return json.dumps(state).encode()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent when the browser went away, as it does with every reload."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _check_questions(questions: Sequence[Question]) -> None:
    if not questions:
        raise ValueError("got no questions, expected at least one: run the study first")
    seen = set()
    for question in questions:
        if question.key in seen:
            raise ValueError(f"{question.place}: got {question.key[1:]} twice, expected each pair once: leave one out")
        seen.add(question.key)
