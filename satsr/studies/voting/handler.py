"""What the voting page may ask of its server, and what is refused."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, cast

from satsr.studies.voting.order import CHOICES, VIEWS, Ask, Choice, View
from satsr.studies.voting.questions import png_bytes

if TYPE_CHECKING:
    from satsr.studies.voting.server import VotingServer

ASSETS = {  # path -> file beside this one, and its type
    "/": ("page.html", "text/html; charset=utf-8"),
    "/vote.js": ("vote.js", "text/javascript; charset=utf-8"),
    "/vote.css": ("vote.css", "text/css; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
IMAGE = re.compile(rf"/image/([0-9a-f]{{16}})/({'|'.join(VIEWS)})\.png")
COOKIE = re.compile(r"(?:^|;\s*)satsr_session=(\d{1,9})(?=;|$)")  # SimpleCookie gives up at an odd neighbor
COOKIE_AGE_S = 365 * 24 * 3600
BODY_LIMIT_BYTES = 1024
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Refusal(Exception):
    """A request that is not served; the page shows the message.

    Attributes:
        status: of the reply.
    """

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class _Reply:
    status: HTTPStatus
    content_type: str
    body: bytes
    cookie: str | None = None


class VotingHandler(BaseHTTPRequestHandler):
    """Answers one request of a `VotingServer`."""

    server: VotingServer
    timeout = 30  # seconds, because a browser opens connections that it never uses
    server_version, sys_version = "satsr", ""

    def do_GET(self) -> None:
        """Answer a GET request."""
        self._reply(self._get)

    def do_POST(self) -> None:
        """Answer a POST request."""
        self._reply(self._post)

    def end_headers(self) -> None:
        """Add the security headers, to error messages too."""
        for name, value in SECURITY_HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the terminal is for what its user has to read."""

    def _reply(self, route: Callable[[], _Reply]) -> None:
        try:
            reply = route()
        except Refusal as error:
            reply = _Reply(error.status, "text/plain; charset=utf-8", str(error).encode())
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        if reply.cookie:
            self.send_header("Set-Cookie", reply.cookie)
        self.end_headers()
        self.wfile.write(reply.body)

    def _get(self) -> _Reply:
        self._check_host()
        if self.path in ASSETS:
            return self._asset(*ASSETS[self.path])
        if self.path == "/next":
            return self._next()
        if found := IMAGE.fullmatch(self.path):
            _, ask = self._ask(found[1])
            return _Reply(HTTPStatus.OK, "image/png", png_bytes(ask.image(cast(View, found[2]))))
        raise Refusal(HTTPStatus.NOT_FOUND, "There is no such page.")

    def _post(self) -> _Reply:
        body = self._body()  # before any refusal: closing on bytes that nobody read would cut the reply off
        self._check_host()
        self._check_origin()
        if self.path != "/answer":
            raise Refusal(HTTPStatus.NOT_FOUND, "There is no such page.")
        return self._record(*_vote(body))

    def _asset(self, name: str, content_type: str) -> _Reply:
        return _Reply(HTTPStatus.OK, content_type, Path(__file__).with_name(name).read_bytes())

    def _next(self) -> _Reply:
        """Tell the state, and give a new browser its session.

        It is given here and not with the page: this request comes from the page itself, so a strict cookie is
        never withheld from it, as it is from a page that is opened through a link elsewhere.
        """
        known = self._session()
        if known is not None:
            return self._state(known)
        session = self.server.ballot.new_session()
        cookie = f"satsr_session={session}; Max-Age={COOKIE_AGE_S}; Path=/; HttpOnly; SameSite=Strict"
        return replace(self._state(session), cookie=cookie)

    def _state(self, session: int) -> _Reply:
        return _Reply(HTTPStatus.OK, "application/json", self.server.state(session))

    def _record(self, token: str, choice: Choice) -> _Reply:
        session, ask = self._ask(token)
        try:
            self.server.ballot.record(session, ask.question, ask.answer(choice))
        except OSError as error:
            print(f"a vote was not saved: {error}", file=sys.stderr)
            raise Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, f"The vote was not saved: {error}.") from None
        return self._state(session)

    def _ask(self, token: str) -> tuple[int, Ask]:
        """Return the session and its question of that name."""
        session = self._session()
        if session is None:
            message = "This browser has no session. Allow cookies for this address and reload the page."
            raise Refusal(HTTPStatus.FORBIDDEN, message)
        try:
            return session, self.server.asks(session)[token]
        except KeyError:
            message = "This question is not in the session any more. Reload the page."
            raise Refusal(HTTPStatus.NOT_FOUND, message) from None

    def _session(self) -> int | None:
        """Return the number from the command line, else the cookie's."""
        if self.server.ballot.session is not None:
            return self.server.ballot.session
        found = COOKIE.search(self.headers.get("Cookie", ""))
        return int(found[1]) if found else None

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > BODY_LIMIT_BYTES:
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"Expected a body of at most {BODY_LIMIT_BYTES} bytes.")
        return self.rfile.read(int(length))

    def _check_host(self) -> None:
        """Refuse names that were made to point here: a foreign page could read the answers (DNS rebinding)."""
        if self.headers.get("Host") not in self.server.hosts:
            raise Refusal(HTTPStatus.FORBIDDEN, f"This server is {self.server.url} and answers to no other name.")

    def _check_origin(self) -> None:
        """Refuse posts that a foreign page could cause; it cannot send JSON without being asked about first."""
        if self.headers.get_content_type() != "application/json":
            raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Expected application/json.")
        origin = self.headers.get("Origin")
        if origin is not None and origin not in {f"http://{host}" for host in self.server.hosts}:
            raise Refusal(HTTPStatus.FORBIDDEN, "Votes are taken from this server's own page only.")


def _vote(body: bytes) -> tuple[str, Choice]:
    try:
        vote = json.loads(body)
        token, choice = vote["question"], vote["choice"]
    except (ValueError, KeyError, TypeError):
        token, choice = None, None
    if not isinstance(token, str) or choice not in CHOICES:
        message = f'Expected {{"question": token, "choice": one of {", ".join(CHOICES)}}}.'
        raise Refusal(HTTPStatus.BAD_REQUEST, message)
    return token, choice
