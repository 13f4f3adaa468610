"""What the tests of the voting page's server share: a client with the memory of a browser."""

from __future__ import annotations

import http.client
import io
import json
from dataclasses import dataclass, field
from email.message import Message

import numpy as np
from PIL import Image

from tests.studies.voting.voting_questions import Color


@dataclass(frozen=True)
class Reply:
    """A response that was read to its end."""

    status: int
    headers: Message
    content: bytes


@dataclass
class Browser:
    """What a browser remembers: where it is, and its cookies."""

    port: int
    cookie: str = ""
    sent: list[bytes] = field(default_factory=list)

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> Reply:
        """Send a request; an underscore in a header's name stands for a hyphen."""
        given = {"Host": f"127.0.0.1:{self.port}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if self.cookie:
            given["Cookie"] = self.cookie
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, given)
            response = connection.getresponse()
            reply = Reply(response.status, response.headers, response.read())
        finally:
            connection.close()
        if set_cookie := reply.headers["Set-Cookie"]:
            self.cookie = set_cookie.split(";")[0]
        self.sent += [str(reply.headers).encode(), reply.content]
        return reply

    def state(self) -> dict:
        return json.loads(self.ask("GET", "/next").content)

    def post(self, body: str, path: str = "/answer", **headers: str) -> Reply:
        return self.ask("POST", path, body, **{"Content_Type": "application/json", **headers})

    def answer(self, token: str, choice: str = "left", **headers: str) -> Reply:
        return self.post(json.dumps({"question": token, "choice": choice}), **headers)

    def color(self, token: str, which: str) -> Color:
        content = self.ask("GET", f"/image/{token}/{which}.png").content
        red, green, blue = np.asarray(Image.open(io.BytesIO(content)))[0, 0].tolist()
        return red, green, blue


def vote_all(browser: Browser) -> None:
    """Answer what is left."""
    while upcoming := browser.state()["upcoming"]:
        browser.answer(upcoming[0])
