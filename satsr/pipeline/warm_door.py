"""Ask the warm parent (`satsr.pipeline.warm`) to do a command's work: standard library only, since it starts often."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

DOOR = "SATSR_WARM"  # in the environment of a stage: the socket at which the warm parent listens
DONE = b"done "


def ask(door: Path, arguments: list[str]) -> int | None:
    """Let the warm parent run `satsr.pipeline.notebook` with these arguments, as if it ran here.

    It gets this process's environment, working folder, stdout and stderr. When this process ends, so does the work.

    Returns:
        The command's exit status; 1, with a line on stderr, when its process was ended from outside; None when nobody
        listens, so that nothing was done.
    """
    request = {"arguments": arguments, "environment": dict(os.environ), "folder": str(Path.cwd())}
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(door))
        except OSError:
            return None
        socket.send_fds(connection, [b"?"], [sys.stdout.fileno(), sys.stderr.fileno()])
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as lines:
            answer = lines.readline()
    if not answer.startswith(DONE):
        print("satsr: the notebook's process was ended from outside (out of memory, or killed)", file=sys.stderr)
        return 1
    return int(answer.removeprefix(DONE))
