"""What `satsr study` shows while it runs: one block in a terminal, one line per event in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Mapping


class Board:
    """Progress of many stages, some of them side by side.

    In a terminal a block of lines is redrawn: one per running stage, with the last line that it printed (its step,
    its speed and the time that it needs), and one for the whole. Elsewhere one line is printed when a stage ends.

    Args:
        total: number of stages.
    """

    def __init__(self, total: int) -> None:
        self.total, self.ended, self.left_s = total, 0, 0.0
        self._unchanged: list[str] = []
        self._live = None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), transient=True, refresh_per_second=4)
            self._live.start()

    def finished(self, name: str, seconds: float) -> None:
        """Say that a stage has run."""
        self.ended += 1
        self._event(f"{name}: done in {_time(seconds)}{self._rest()}")

    def unchanged(self, name: str) -> None:
        """Note that a stage was up to date; said once for all, at the end."""
        self.ended += 1
        self._unchanged.append(name)

    def failed(self, name: str, reason: str) -> None:
        """Say that a stage failed."""
        self.ended += 1
        self._event(f"{name}: failed: {reason}")

    def waits(self, name: str) -> None:
        """Say that a stage waits for another DVC."""
        self._event(f"{name}: another DVC is at work here; trying again")

    def show(self, running: Mapping[str, tuple[float, str]], left_s: float) -> None:
        """Show what runs.

        Args:
            running: seconds so far and last line, by stage.
            left_s: a guess of the seconds until all is done.
        """
        self.left_s = left_s
        if self._live is None:
            return
        from rich.table import Table

        block = Table.grid(padding=(0, 2))
        for name, (seconds, line) in running.items():
            block.add_row(f"[bold]{name}[/]", _time(seconds), line.replace("[", "\\["))
        block.add_row(f"{self.ended} of {self.total} stages", "", f"about {_time(left_s)} left")
        self._live.update(block)

    def close(self) -> None:
        """Take the block away."""
        if self._live is not None:
            self._live.stop()
        if self._unchanged:
            what = "all" if len(self._unchanged) == self.total else f"{len(self._unchanged)}"
            self._event(f"{what} of {self.total} stages were up to date")

    def _rest(self) -> str:
        left = f", about {_time(self.left_s)} left" if self.ended < self.total else ""
        return f" ({self.ended} of {self.total}{left})"

    def _event(self, line: str) -> None:
        if self._live is not None:
            self._live.console.print(line, markup=False, highlight=False)
        else:
            print(line, file=sys.stderr, flush=True)


def plan(stages: int, workers: int, seconds: float, measured: bool, usual: bool) -> str:
    """Return what a run says before it begins.

    Args:
        stages: how many may have to run.
        workers: how many run side by side.
        seconds: a guess of the time that they take.
        measured: whether it comes from earlier runs here.
        usual: whether it is one for this profile.
    """
    begin = f"stages to bring up to date: {stages}, {workers} side by side"
    if measured:
        return f"{begin}; about {_time(seconds)}, as the last time here"
    if usual:
        return f"{begin}; about {_time(seconds)} on a usual processor"
    return f"{begin}; how long this profile takes here is known after its first run"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
