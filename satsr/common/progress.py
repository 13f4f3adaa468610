"""Progress as plain lines on stderr: what was done, how fast, and what is left."""

from __future__ import annotations

import sys
import time


class Progress:
    """Print a line at most every few seconds, and one at the end.

    Lines instead of a bar: an executed notebook would keep thousands of redraws. stderr: the runner forwards it to
    the terminal and leaves it out of the executed notebook.

    Args:
        what: start of each line.
        total: number of steps.
        unit: what a step is, in the plural.
        every_s: least time between two lines.
    """

    def __init__(self, what: str, total: int, unit: str, every_s: float = 5.0) -> None:
        self.what, self.total, self.unit, self.every_s = what, total, unit, every_s
        self.done = 0
        self.started = self.printed = time.monotonic()

    def step(self, count: int = 1, note: str = "") -> None:
        """Count steps as done."""
        self.done += count
        now = time.monotonic()
        if self.done >= self.total or now - self.printed >= self.every_s:
            self.printed = now
            print(self._line(now, note), file=sys.stderr, flush=True)

    def _line(self, now: float, note: str) -> str:
        rate = self.done / max(now - self.started, 1e-6)
        left = (self.total - self.done) / max(rate, 1e-9)
        return f"{self.what}: {self.done}/{self.total} {self.unit}, {rate:.1f}/s, {left:.0f} s left{note}"


def bytes_in_words(count: float) -> str:
    """Return a number of bytes with its unit, such as `3.1 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
